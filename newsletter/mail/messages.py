"""Build every message of the service, with its headers, and check it; nothing is sent here.

A message depends on its row and its papers, not on the clock: rendering it again for a retry gives
the same bytes. Headers follow RFC 8058 (one-click unsubscribe), RFC 2919 (List-Id),
RFC 3834 (Auto-Submitted) and the Feedback-ID of Gmail's feedback loop.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any, Final

from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import BadHeaderError
from django.template.loader import render_to_string
from django.utils.encoding import punycode
from django.utils.html import escape

from newsletter.display import shortened
from newsletter.mail import fragments, letters
from newsletter.mail.cards import Card, clean_line, day
from newsletter.mail.fragments import EscapedText, MailItem
from newsletter.mail.mime import EncodedMessage, EncodedText, RepeatableMessage, ascii_host
from newsletter.mail.return_paths import return_path_of
from newsletter.models import Digest, Notice, Subscriber
from newsletter.security import tokens

CHOSEN_ON_SITE: Final = ("topics", "interests", "likes", "authors")
"""The choices that a visitor can make before signing up."""
HTML_LIMIT: Final = 90_000  # Bytes. Gmail clips a message at 102 kB.
EXCERPT_STEPS: Final = (160, 0)  # Characters, tried in turn when a digest is too large.
# Characters.
SUBJECT_TITLE_LIMIT: Final = 60
PREHEADER_LIMIT: Final = 140
REASON_LIMIT: Final = 200
INCOMPLETE: Final = (
    "The mail lacks its postal address or a link that it must show; set POSTAL_ADDRESS, or correct "
    "the template."
)
# Headings in the order of the mail. A digest that an older version chose has slots only.
SECTIONS: Final = {
    "pick": "Editor’s pick",
    "new": "New",
    "personal": "For you",
    "trending": "Trending",
    "rising": "Rising or missed",
}
SECTION_ORDER: Final = {name: place for place, name in enumerate(SECTIONS)}
KINDS: Final = {
    "pick": "picked by the editors",
    "followed": "by people you follow",
    "personal": "for you",
    "trending": "trending",
}
FOLLOWED: Final = "you follow "  # How the reason of a followed author begins.


class IncompleteMessageError(Exception):
    """The mail lacks a required part; the text of the error names it."""


class IncompleteSettingsError(IncompleteMessageError):
    """The settings or templates leave every mail incomplete until the operator corrects them."""


def digest_message(digest: Digest, cards: Mapping[str, Card]) -> AnymailMessage:
    """Return the mail of a digest; items whose card is missing are left out.

    Raises:
        IncompleteMessageError: The postal address, the unsubscribe link or every paper is missing.
        BadHeaderError: A header would hold a line break.
    """
    return _digest_mail(digest, cards, _mail_links(digest.subscriber))


def sample_message(digest: Digest, cards: Mapping[str, Card]) -> AnymailMessage:
    """Return the same mail for somebody else: without a link that acts for the subscriber.

    Raises:
        IncompleteMessageError: The postal address or every paper is missing.
    """
    links = dict.fromkeys(_links(digest.subscriber), f"{settings.SITE_URL}/")
    receipt = "This is a test of the mail that a subscriber gets from"
    return _digest_mail(digest, cards, links | {"receipt": receipt})


def _digest_mail(
    digest: Digest, cards: Mapping[str, Card], links: Mapping[str, str]
) -> AnymailMessage:
    context = _digest_context(digest, cards) | dict(links)
    if not fragments.is_complete(context):
        raise IncompleteSettingsError(INCOMPLETE)
    html, text = _fitting(context)
    sender, subscriber = settings.DEFAULT_FROM_EMAIL, digest.subscriber
    headers = _headers(digest, sender) | {
        **_unsubscribe_headers(context["unsubscribe_url"]),
        "List-Id": f"<digest.{_domain(sender)}>",
        "List-Archive": f"<{ascii_host(settings.SITE_URL)}/archive/>",
        "List-Help": f"<mailto:{settings.CONTACT_EMAIL}?subject=help>",
        "Feedback-ID": _feedback_id(
            sender, f"{digest.due_on:%Y%m%d}", subscriber.frequency, "digest"
        ),
    }
    _forbid_line_breaks(context["subject"], sender, subscriber.email, *headers.values())
    message: AnymailMessage
    if settings.DJANGO_MAIL:
        message = AnymailMessage(context["subject"], text.text, sender, [subscriber.email])
        message.extra_headers = headers
        message.attach_alternative(html.text, "text/html")
    else:
        message = EncodedMessage(
            context["subject"], sender, subscriber.email, headers, text=text, html=html
        )
        message.boundary = f"=_{digest.public_id.hex}"
        message.return_path = return_path_of(digest)
    message.metadata = {"digest": str(digest.public_id)}
    message.tags = ["digest"]
    return message


def digest_subject(digest: Digest, cards: Mapping[str, Card]) -> str:
    """Return the subject line: the first paper, how many more, and the day."""
    return _digest_subject(digest, _mail_items(digest, cards))


def digest_page(digest: Digest, cards: Mapping[str, Card]) -> str:
    """Return the digest as a web page: the mail's content with the items that it left out.

    The page is made to be passed on: it holds no address and no link that acts for the reader.

    Raises:
        IncompleteMessageError: None of its papers exists any more.
    """
    context = _digest_context(digest, cards) | NO_LINKS
    # The subject that was sent may name a paper that was hidden since.
    context["subject"] = _digest_subject(digest, context["mail_items"])
    return fragments.render_html(context, _sections(context["mail_items"]), web=True).text


def confirm_message(notice: Notice) -> AnymailMessage:
    """Return the mail that asks the owner of the address to confirm the subscription.

    It repeats nothing that was typed into the form.

    Raises:
        IncompleteMessageError: The request is gone, or the mail would lack a required link.
    """
    if notice.consent is None:
        raise IncompleteMessageError("A confirmation mail needs the request that it confirms.")
    link = tokens.url_for("confirm", tokens.confirm_token(notice.consent))
    return _notice_message(notice, "confirm", {"confirm_url": link, "reject_url": f"{link}?not-me"})


def manage_message(notice: Notice) -> AnymailMessage:
    """Return the answer to a subscriber who signs up again: their links.

    One who chose interests on the site gets a link to confirm them, too.

    Raises:
        IncompleteMessageError: The mail would lack a required link.
    """
    links = _mail_links(notice.subscriber)
    request = notice.consent
    if request and any(request.choices.get(name) for name in CHOSEN_ON_SITE):
        links["confirm_url"] = tokens.url_for("confirm", tokens.confirm_token(request))
    message = _notice_message(notice, "manage", links)
    message.extra_headers |= _unsubscribe_headers(links["unsubscribe_url"])
    return message


def privacy_message(notice: Notice) -> AnymailMessage:
    """Return the mail with the link to the export and the erasure of a subscriber's data.

    Raises:
        IncompleteMessageError: The mail would lack the link.
    """
    link = tokens.url_for("personal-data", tokens.privacy_token(notice))
    return _notice_message(notice, "privacy", {"privacy_url": link})


def message_id(row: Digest | Notice, sender: str) -> str:
    """Return the Message-ID of a row, under the sender's domain.

    That of a digest is an HMAC of the subscriber's public id (the key) and the due day, so that
    mailboxes recognise a copy that is sent from a restored backup, in whose database the row got
    another id, and a retry after SECRET_KEY was changed.
    """
    if isinstance(row, Digest):
        day_sent = f"digest {row.due_on.isoformat()}".encode()
        unique = hmac.digest(row.subscriber.public_id.bytes, day_sent, "sha256").hex()[:32]
        return f"<digest.{unique}@{_domain(sender)}>"
    return f"<notice.{row.public_id.hex}@{_domain(sender)}>"


def _unsubscribe_headers(url: str) -> dict[str, str]:
    """Return the headers of RFC 2369 and RFC 8058, which allow no encoded words."""
    return {
        "List-Unsubscribe": f"<{ascii_host(url)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _notice_message(notice: Notice, name: str, links: dict[str, str]) -> AnymailMessage:
    context = _site() | links
    context["subject"] = subject = _subject(name, context)
    html = render_to_string(f"emails/{name}.html", context)
    text = render_to_string(f"emails/{name}.txt", context, using="text")
    _require(html, text, context["postal_address"], *links.values())
    sender = settings.NOTICE_FROM_EMAIL
    headers = _headers(notice, sender) | {"Feedback-ID": _feedback_id(sender, name)}
    address = notice.subscriber.email
    _forbid_line_breaks(subject, sender, address, *headers.values())
    build = AnymailMessage if settings.DJANGO_MAIL else RepeatableMessage
    message = build(subject, text, sender, [address], headers=headers)
    message.attach_alternative(html, "text/html")
    message.boundary = f"=_{notice.public_id.hex}"
    message.return_path = return_path_of(notice)
    message.metadata = {"notice": str(notice.public_id)}
    message.tags = [name]
    return message


def _forbid_line_breaks(*values: str) -> None:
    for value in values:
        if "\r" in value or "\n" in value:
            raise BadHeaderError(f"A mail header may not hold a line break: {value!r}.")


def _headers(row: Digest | Notice, sender: str) -> dict[str, str]:
    headers = {
        "Date": format_datetime(row.created_at),
        "Message-ID": message_id(row, sender),
        "Auto-Submitted": "auto-generated",
    }
    return headers | ({"Reply-To": settings.REPLY_TO_EMAIL} if settings.REPLY_TO_EMAIL else {})


def _digest_context(digest: Digest, cards: Mapping[str, Card]) -> dict[str, Any]:
    items = _mail_items(digest, cards)
    if not items:
        raise IncompleteMessageError("None of the papers of this digest is there any more.")
    rest = "; ".join(item.card.title_text for item in items[1:])
    subscriber = digest.subscriber
    since = f" on {day(subscriber.confirmed_at)}" if subscriber.confirmed_at else ""
    return {
        **_site(),
        "web_url": tokens.url_for("digest", tokens.digest_token(digest)),
        "feedback_stem": tokens.feedback_stem(digest),
        "rate_url": tokens.url_for("rate-papers", tokens.rate_papers_token(digest)),
        "subject": digest.subject or _digest_subject(digest, items),
        "preheader": shortened(rest or items[0].reason.text.decode(), PREHEADER_LIMIT),
        "opening": _opening(items, clean_line(digest.remark)),
        "day": _long_day(digest.due_on),
        "receipt": f"You get this because you agreed{since} to mail for {subscriber.email} from",
        "letter": letters.letter_of(digest),
        "mail_items": items,
        "left_out": 0,
    }


def _digest_subject(digest: Digest, items: list[MailItem]) -> str:
    title = shortened(items[0].card.title_text, SUBJECT_TITLE_LIMIT) if items else ""
    return fragments.render_subject(title, len(items) - 1, _short_day(digest.due_on))


@lru_cache(maxsize=64)
def _long_day(date: date) -> str:
    return f"{date:%A}, {date.day} {date:%B %Y}"


@lru_cache(maxsize=64)
def _short_day(date: date) -> str:
    return f"{date.day} {date:%b}"


def in_mail_order(digest: Digest) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the items in the order of the mail, each after its position (from 0) in the digest."""
    return [(position, digest.items[position]) for _, position, _ in _sections_in_order(digest)]


def _sections_in_order(digest: Digest) -> list[tuple[int, int, str]]:
    """Return the place of each item's section, its position in the digest and the section."""
    sections = map(_section_of, digest.items)
    return sorted((SECTION_ORDER[one], position, one) for position, one in enumerate(sections))


def _mail_items(digest: Digest, cards: Mapping[str, Card]) -> list[MailItem]:
    """Return the items in the order of the mail."""
    found: list[MailItem] = []
    for _, position, section in _sections_in_order(digest):
        item = digest.items[position]
        card = cards.get(item["paper"])
        if card is None:
            continue
        slot, reason, note = item.get("slot", ""), item.get("reason", ""), item.get("note")
        found.append(
            MailItem(
                len(found) + 1,
                position,
                card,
                section,
                _kind_of(slot, reason),
                # The heading above it says already that it is the editor's pick.
                _reason("" if slot == "pick" else reason),
                _cached_line(note) if note else card.note,
            )
        )
    return found


def _section_of(item: Mapping[str, Any]) -> str:
    """Return the key of the heading under which an item stands."""
    slot = item.get("slot", "")
    if slot == "pick":
        return "pick"
    part = item.get("part", "")
    if part in {"new", "rising"}:
        return str(part)
    return "personal" if slot == "personal" else "trending"


def _kind_of(slot: str, reason: str) -> str:
    """Return why an item was chosen, as a key of KINDS."""
    if slot == "personal" and reason.startswith(FOLLOWED):
        return "followed"
    return slot if slot in KINDS else "trending"


def _opening(items: Sequence[MailItem], remark: str) -> str:
    """Return the line that opens the mail, such as "9 new: 2 by people you follow"."""
    rising = sum(item.section == "rising" for item in items)
    others = [item.kind for item in items if item.section != "rising"]
    count = len(others)
    new = any(item.section == "new" for item in items)
    papers = "paper" if count == 1 else "papers"
    kinds = [(others.count(kind), text) for kind, text in KINDS.items() if kind in others]
    lines = []
    if len(kinds) == 1:
        lines = [f"{count} {'new ' if new else ''}{papers} {kinds[0][1]}"]
    elif kinds:
        detail = ", ".join(f"{number} {text}" for number, text in kinds)
        lines = [f"{count} {'new' if new else papers}: {detail}"]
    lines += [f"{rising} rising or missed"] if rising else []
    return f"{' · '.join(lines)}. {remark}".rstrip()


# Many readers share notes and reasons.
_cached_line = lru_cache(maxsize=2048)(clean_line)


@lru_cache(maxsize=2048)
def _reason(text: str) -> EscapedText:
    clean = shortened(_cached_line(text), REASON_LIMIT)
    return fragments.escape_text(clean[:1].upper() + clean[1:])


def _sections(items: Iterable[MailItem]) -> list[tuple[str, list[MailItem]]]:
    found: dict[str, list[MailItem]] = {}
    for item in items:
        found.setdefault(SECTIONS[item.section], []).append(item)
    return list(found.items())


def _fitting(context: dict[str, Any]) -> tuple[EncodedText, EncodedText]:
    """Return HTML of at most HTML_LIMIT bytes and text with the same content.

    Abstracts are shortened first; then the last items are left to the web page.
    """
    items: list[MailItem] = context["mail_items"]
    sections = _sections(items)
    html = fragments.render_html(context, sections)
    for width in EXCERPT_STEPS:
        if len(html.content) <= HTML_LIMIT:
            break
        items = [item._replace(card=item.card.shortened(width)) for item in items]
        sections = _sections(items)
        html = fragments.render_html(context, sections)
    while len(html.content) > HTML_LIMIT and len(items) > 1:
        items = items[: len(items) * 3 // 4]
        context = context | {"left_out": len(context["mail_items"]) - len(items)}
        sections = _sections(items)
        html = fragments.render_html(context, sections)
    return html, fragments.render_text(context, sections)


def _require(html: str, text: str, *values: str) -> None:
    """Refuse a mail that does not show each of the values in both parts."""
    for value in values:
        if not value or value not in text or escape(value) not in html:
            raise IncompleteSettingsError(INCOMPLETE)


NO_LINKS: Final = dict.fromkeys(
    (
        *("preferences_url", "feed_url", "pause_url", "unsubscribe_url", "receipt"),
        *("feedback_stem", "rate_url", "web_url"),
    ),
    "",
)


def _links(subscriber: Subscriber) -> dict[str, str]:
    """Return the links to the subscriber's pages; nothing is stored."""
    preferences = tokens.url_for("preferences", tokens.preferences_token(subscriber))
    return {
        "preferences_url": preferences,
        "feed_url": f"{preferences}#feed",
        "pause_url": f"{preferences}#pause",
        "unsubscribe_url": f"{preferences}#pause",
    }


def _mail_links(subscriber: Subscriber) -> dict[str, str]:
    """Return the same with the link of List-Unsubscribe, whose token is stored on first use."""
    token = tokens.unsubscribe_token(subscriber)
    return _links(subscriber) | {"unsubscribe_url": tokens.url_for("unsubscribe", token)}


def _site() -> dict[str, str]:
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "postal_address": settings.POSTAL_ADDRESS,
        "contact": settings.CONTACT_EMAIL,
    }


def _subject(name: str, context: Mapping[str, Any]) -> str:
    return render_to_string(f"emails/{name}.subject.txt", dict(context), using="text").strip()


@lru_cache(maxsize=16)
def _domain(sender: str) -> str:
    """Return the domain of an address, in ASCII."""
    return str(punycode(parseaddr(sender)[1].rpartition("@")[2]))


def _feedback_id(sender: str, *fields: str) -> str:
    """Return the fields that complaints are counted by; the last is the sender's, 5 to 15 letters.

    Gmail's feedback loop: https://support.google.com/a/answer/6254652.
    """
    letters = re.sub(r"[^a-z0-9]", "", _domain(sender))
    return ":".join((*fields, f"{letters}paperboy"[:15]))
