"""Every mail of the service: rendered, headed, checked and returned. Nothing is sent here.

A message depends on its row and on the papers alone, not on the clock: rendering it again for a
retry gives the same bytes. Headers follow RFC 8058 (one-click unsubscribe), RFC 2919 (List-Id),
RFC 3834 (Auto-Submitted) and the Feedback-ID of Gmail's feedback loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any, Final

from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import BadHeaderError
from django.template.loader import render_to_string
from django.utils.encoding import punycode
from django.utils.html import escape

from newsletter.mail import fragments
from newsletter.mail.cards import Card, card, day, shorten
from newsletter.mail.fragments import Entry, Words
from newsletter.mail.mime import Print, PrintedMessage, RepeatableMessage
from newsletter.models import Digest, Notice, Subscriber
from newsletter.security import tokens
from papers.text.clean import line

__all__ = [
    "BadHeaderError",
    "Card",
    "IncompleteMessageError",
    "IncompleteSettingsError",
    "card",
    "confirm_message",
    "digest_message",
    "digest_page",
    "digest_subject",
    "manage_message",
    "message_id",
]

HTML_LIMIT: Final = 90_000  # Bytes. Gmail clips a message at 102 kB.
EXCERPT_STEPS: Final = (160, 0)  # Characters, tried in turn when a digest is too large.
SUBJECT_TITLE: Final = 60
PREHEADER: Final = 140
REASON_LIMIT: Final = 200
LACKING: Final = (
    "The mail lacks its postal address or a link that it must show; set POSTAL_ADDRESS, or mend "
    "the template."
)
SECTIONS: Final = {"pick": "Editor’s pick", "personal": "For you", "trending": "Trending"}
RANKS: Final = {slot: rank for rank, slot in enumerate(SECTIONS)}
LAST: Final = RANKS["trending"]


class IncompleteMessageError(Exception):
    """The mail lacks something without which it must not leave; the message says what."""


class IncompleteSettingsError(IncompleteMessageError):
    """What this mail lacks, every other lacks as well, until the operator has mended it."""


def digest_message(digest: Digest, cards: Mapping[str, Card]) -> AnymailMessage:
    """The mail of a digest; items whose card is missing are left out.

    Raises IncompleteMessageError when the postal address, the unsubscribe link or every paper is
    missing, BadHeaderError when a line break got into a header.
    """
    context = _digest_context(digest, cards) | _mail_links(digest.subscriber)
    if not fragments.is_complete(context):
        raise IncompleteSettingsError(LACKING)
    html, text = _fitting(context)
    sender, subscriber = settings.DEFAULT_FROM_EMAIL, digest.subscriber
    headers = _headers(digest, sender) | {
        "List-Unsubscribe": f"<{context['unsubscribe_url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<digest.{_domain(sender)}>",
        "Feedback-ID": _feedback_id(
            sender, f"{digest.due_on:%Y%m%d}", subscriber.frequency, "digest"
        ),
    }
    _forbid_line_breaks(context["subject"], sender, subscriber.email, *headers.values())
    message = PrintedMessage(
        context["subject"], sender, subscriber.email, headers, text=text, html=html
    )
    message.boundary = f"=_{digest.public_id.hex}"
    message.metadata = {"digest": str(digest.public_id)}
    message.tags = ["digest"]
    return message


def digest_subject(digest: Digest, cards: Mapping[str, Card]) -> str:
    """The subject line: the first paper, how many more, and the day."""
    return _digest_subject(digest, _entries(digest, cards))


def digest_page(digest: Digest, cards: Mapping[str, Card]) -> str:
    """The digest as a web page: what the mail says, and what it had to leave out.

    Raises IncompleteMessageError when none of its papers is there.
    """
    context = _digest_context(digest, cards) | _links(digest.subscriber)
    # The subject that was sent may name a paper that was hidden since.
    context["subject"] = _digest_subject(digest, context["entries"])
    return fragments.html(context, _sections(context["entries"]), web=True).text


def confirm_message(notice: Notice) -> AnymailMessage:
    """The question whether the owner of the address asked for this.

    It repeats nothing that was typed into the form. Raises IncompleteMessageError.
    """
    if notice.consent is None:
        raise IncompleteMessageError("A confirmation mail needs the request that it confirms.")
    link = tokens.url_for("confirm", tokens.confirm_token(notice.consent))
    return _notice_message(notice, "confirm", {"confirm_url": link, "reject_url": f"{link}?not-me"})


def manage_message(notice: Notice) -> AnymailMessage:
    """The answer to somebody who signs up again: their links. Raises IncompleteMessageError."""
    links = _mail_links(notice.subscriber)
    message = _notice_message(notice, "manage", links)
    message.extra_headers["List-Unsubscribe"] = f"<{links['unsubscribe_url']}>"
    message.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def message_id(row: Digest | Notice, sender: str) -> str:
    """The Message-ID of a row, the same for every attempt, under the sender's domain."""
    kind = type(row).__name__.lower()
    return f"<{kind}.{row.public_id.hex}@{_domain(sender)}>"


def _notice_message(notice: Notice, name: str, links: dict[str, str]) -> RepeatableMessage:
    context = _site() | links
    html = render_to_string(f"emails/{name}.html", context)
    text = render_to_string(f"emails/{name}.txt", context, using="text")
    _require(html, text, context["postal_address"], *links.values())
    sender = settings.NOTICE_FROM_EMAIL
    headers = _headers(notice, sender) | {"Feedback-ID": _feedback_id(sender, name)}
    subject, address = _subject(name, context), notice.subscriber.email
    _forbid_line_breaks(subject, sender, address, *headers.values())
    message = RepeatableMessage(subject, text, sender, [address], headers=headers)
    message.attach_alternative(html, "text/html")
    message.boundary = f"=_{notice.public_id.hex}"
    message.metadata = {"notice": str(notice.public_id)}
    message.tags = [name]
    return message


def _forbid_line_breaks(*values: str) -> None:
    for value in values:
        if "\r" in value or "\n" in value:
            raise BadHeaderError(f"A mail header may not hold a line break: {value!r}.")


def _headers(row: Digest | Notice, sender: str) -> dict[str, str]:
    return {
        "Date": format_datetime(row.created_at),
        "Message-ID": message_id(row, sender),
        "Auto-Submitted": "auto-generated",
    }


def _digest_context(digest: Digest, cards: Mapping[str, Card]) -> dict[str, Any]:
    entries = _entries(digest, cards)
    if not entries:
        raise IncompleteMessageError("None of the papers of this digest is there any more.")
    titles = [entry.card.title for entry in entries]
    subscriber = digest.subscriber
    since = f" on {day(subscriber.confirmed_at)}" if subscriber.confirmed_at else ""
    return {
        **_site(),
        "web_url": tokens.url_for("digest", tokens.digest_token(digest)),
        "feedback_stem": tokens.feedback_stem(digest),
        "subject": digest.subject or _digest_subject(digest, entries),
        "preheader": shorten("; ".join(titles[1:]) or entries[0].reason.text.decode(), PREHEADER),
        "day": f"{digest.due_on:%A}, {digest.due_on.day} {digest.due_on:%B %Y}",
        "receipt": f"You get this because you agreed{since} to mail for {subscriber.email} from",
        "entries": entries,
        "left_out": 0,
    }


def _digest_subject(digest: Digest, entries: list[Entry]) -> str:
    title = shorten(entries[0].card.title, SUBJECT_TITLE) if entries else ""
    return fragments.subject(title, len(entries) - 1, f"{digest.due_on.day} {digest.due_on:%b}")


def _entries(digest: Digest, cards: Mapping[str, Card]) -> list[Entry]:
    """The items in the order of the mail."""
    found = [(place, item) for place, item in enumerate(digest.items) if item["paper"] in cards]
    found.sort(key=lambda one: RANKS.get(one[1].get("slot", ""), LAST))
    return [
        _entry(number, place, item, cards[item["paper"]])
        for number, (place, item) in enumerate(found, start=1)
    ]


def _entry(number: int, place: int, item: Mapping[str, Any], shown: Card) -> Entry:
    slot = item["slot"] if item.get("slot", "") in SECTIONS else "trending"
    return Entry(
        number,
        place,
        shown,
        slot,
        # That it is the editor's pick says the heading above it.
        _reason("" if slot == "pick" else item.get("reason", "")),
        _clean_line(item["note"]) if item.get("note") else shown.note,
    )


# Many readers share these words.
@lru_cache(maxsize=2048)
def _clean_line(text: str) -> str:
    """One line; words without control characters and line breaks are that already."""
    return text if text.isprintable() else line(text)


@lru_cache(maxsize=2048)
def _reason(text: str) -> Words:
    clean = shorten(_clean_line(text), REASON_LIMIT)
    return fragments.words(clean[:1].upper() + clean[1:])


def _sections(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(SECTIONS[entry.slot], []).append(entry)
    return list(found.items())


def _fitting(context: dict[str, Any]) -> tuple[Print, Print]:
    """HTML of at most HTML_LIMIT bytes and the text that says the same.

    Abstracts are shortened first; then the last items are left to the web page.
    """
    entries: list[Entry] = context["entries"]
    sections = _sections(entries)
    html = fragments.html(context, sections)
    for width in EXCERPT_STEPS:
        if len(html.content) <= HTML_LIMIT:
            break
        entries = [entry._replace(card=entry.card.shortened(width)) for entry in entries]
        sections = _sections(entries)
        html = fragments.html(context, sections)
    while len(html.content) > HTML_LIMIT and len(entries) > 1:
        entries = entries[: len(entries) * 3 // 4]
        context = context | {"left_out": len(context["entries"]) - len(entries)}
        sections = _sections(entries)
        html = fragments.html(context, sections)
    return html, fragments.text(context, sections)


def _require(html: str, text: str, *values: str) -> None:
    """Refuse a mail that does not show each of the values in both parts."""
    for value in values:
        if not value or value not in text or escape(value) not in html:
            raise IncompleteSettingsError(LACKING)


def _links(subscriber: Subscriber) -> dict[str, str]:
    """Where a subscriber manages everything; asking for these links stores nothing."""
    preferences = tokens.url_for("preferences", tokens.preferences_token(subscriber))
    return {
        "preferences_url": preferences,
        "pause_url": f"{preferences}#pause",
        "unsubscribe_url": f"{preferences}#pause",
    }


def _mail_links(subscriber: Subscriber) -> dict[str, str]:
    """The same with the link of List-Unsubscribe, whose token the first mail mints."""
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
    """The domain of an address, in ASCII."""
    return str(punycode(parseaddr(sender)[1].rpartition("@")[2]))


def _feedback_id(sender: str, *fields: str) -> str:
    """What complaints are counted by; the last field names the sender in 5 to 15 letters."""
    letters = re.sub(r"[^a-z0-9]", "", _domain(sender))
    return ":".join((*fields, f"{letters}paperboy"[:15]))
