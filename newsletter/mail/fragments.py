"""The text and HTML parts of a digest: templates are rendered once and filled for each reader.

A ``PartialTemplate`` is a rendered template with placeholders for personal values. What many
readers share (the frame of the mail, the frame of an item, the card of a paper) goes through the
template engine once and is kept as encoded bytes; what belongs to one person (links, reasons,
numbers) is inserted afterwards, escaped in HTML as the engine would.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any, Final, NamedTuple

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from newsletter.mail.cards import Card
from newsletter.mail.mime import EncodedText, encode_text
from newsletter.security.tokens import feedback_suffix

# Random, so that no title can contain a placeholder.
NONCE: Final = secrets.token_hex(8)
PLACEHOLDER: Final = re.compile(rf"{NONCE}-(\w+);")
SHARED: Final = ("site_name", "site_url", "postal_address", "contact")
NEVER_EMPTY: Final = frozenset({"number", "day", "receipt", "reason", "feedback_stem"})
PERSONAL: Final = (
    "subject",
    "preheader",
    "day",
    "opening",
    "web_url",
    "rate_url",
    "receipt",
    "preferences_url",
    "feed_url",
    "pause_url",
    "unsubscribe_url",
)


class EscapedText(NamedTuple):
    """One line of text, encoded for each part; ``needs_stuffing`` as in ``EncodedText``."""

    html: bytes
    text: bytes
    needs_stuffing: bool


class MailItem(NamedTuple):
    """One item of one person's digest: the shared card and what is personal.

    ``section`` is the key of its heading, ``kind`` that of why it was chosen.

    ``position`` counts from 0 in the digest's items and names them in links, ``number`` from 1 in
    the order of the mail.
    """

    number: int
    position: int
    card: Card
    section: str
    kind: str
    reason: EscapedText
    note: str


Sections = Sequence[tuple[str, list[MailItem]]]


class PartialTemplate:
    """A rendered template with placeholders.

    Attributes:
        names: The placeholders in the order of the template.
        pattern: The bytes of the template, in which ``%b`` stands for each placeholder.
        needs_stuffing: As in ``EncodedText``, whatever the values are, if none begins with a dot.
    """

    def __init__(
        self, template: str, names: Iterable[str], shared: Mapping[str, Any], *, plain: bool
    ) -> None:
        context = {name: placeholder(name) for name in names} | dict(shared)
        written = render_to_string(template, context, using="text" if plain else None)
        first, *others = PLACEHOLDER.split(written)
        self.names = others[::2]
        fixed = [encode_text(part) for part in (first, *others[1::2])]
        self.pattern = b"%b".join(_literal(part) for part in fixed)
        # What follows a value begins a line only where the value is empty.
        self.needs_stuffing = fixed[0].needs_stuffing or any(
            part.needs_stuffing and not (name in NEVER_EMPTY and part.content.count(b"\n.") == 0)
            for name, part in zip(self.names, fixed[1:], strict=True)
        )

    def contains(self, value: str) -> bool:
        """Return whether a value stands in the fixed parts."""
        return _literal(encode_text(value)) in self.pattern

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """Return the whole; values are escaped already."""
        return self.pattern % tuple(map(values.__getitem__, self.names))


def _literal(text: EncodedText) -> bytes:
    """Return a text as it stands in a pattern of bytes."""
    return text.content.replace(b"%", b"%%")


def placeholder(name: str) -> str:
    """Return the text that stands for a value until it is filled in."""
    return f"{NONCE}-{name};"


def escape_text(text: str) -> EscapedText:
    """Return one line of text, encoded for both parts."""
    return EscapedText(escape(text).encode(), text.encode(), text.startswith("."))


def render_html(
    context: Mapping[str, Any], sections: Sections, *, web: bool = False
) -> EncodedText:
    """Return the HTML part, or with ``web`` the page with the same papers and no personal link."""
    frame = _frame("emails/digest.html", _shared(context), context["left_out"], web=web)
    items = _html_items(sections, escape(context["feedback_stem"]).encode(), web=web)
    personal = {name: escape(context[name]) for name in PERSONAL}
    return _framed(frame, personal, context["letter"].html, items)


def render_text(context: Mapping[str, Any], sections: Sections) -> EncodedText:
    """Return the text part."""
    frame = _frame("emails/digest.txt", _shared(context), context["left_out"], web=False)
    items = _text_items(sections, context["feedback_stem"].encode())
    personal = {name: context[name] for name in PERSONAL}
    return _framed(frame, personal, context["letter"].text, items)


def render_subject(title: str, more: int, day: str) -> str:
    """Return the subject line."""
    written = _subject(more).fill({"title": title.encode(), "day": day.encode()})
    return written.decode().strip()


def is_complete(context: Mapping[str, Any]) -> bool:
    """Return whether both parts show the postal address and the link to unsubscribe."""
    return bool(context["unsubscribe_url"]) and _is_complete(_shared(context))


def _shared(context: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(context[name] for name in SHARED)


def _framed(
    frame: PartialTemplate, personal: Mapping[str, str], letter: EncodedText, items: EncodedText
) -> EncodedText:
    values = {name: value.encode() for name, value in personal.items()}
    values |= {"letter": letter.content, "items": items.content}
    needs_stuffing = (
        items.needs_stuffing
        or letter.needs_stuffing
        or frame.needs_stuffing
        or b"." in {value[:1] for value in values.values()}
    )
    return EncodedText(frame.fill(values), needs_stuffing)


def _html_items(sections: Sections, stem: bytes, *, web: bool) -> EncodedText:
    written: list[bytes] = []
    needs_stuffing = False
    for title, items in sections:
        heading = _heading(title, plain=False)
        written.append(heading.content)
        needs_stuffing = needs_stuffing or heading.needs_stuffing
        for item in items:
            lead, reason = item.number == 1, item.reason
            card = item.card.lead_html if lead else item.card.html
            links = item.card.links_html
            frame = _html_item(
                item.number,
                item.position,
                item.note,
                has_reason=bool(reason.text),
                last=item is items[-1],
                web=web,
            )
            values = {
                "card": card.content,
                "links": links.content,
                "reason": reason.html,
                "feedback_stem": stem,
            }
            written.append(frame.fill(values))
            needs_stuffing = (
                needs_stuffing
                or card.needs_stuffing
                or links.needs_stuffing
                or reason.needs_stuffing
                or frame.needs_stuffing
            )
    return EncodedText(b"".join(written), needs_stuffing)


def _text_items(sections: Sections, stem: bytes) -> EncodedText:
    written: list[bytes] = []
    needs_stuffing = False
    for title, items in sections:
        heading = _heading(title, plain=True)
        written.append(heading.content)
        needs_stuffing = needs_stuffing or heading.needs_stuffing
        for item in items:
            card, reason = item.card.text, item.reason
            frame = _text_item(item.number, item.position, item.note, bool(reason.text))
            values = {"card": card.content, "reason": reason.text, "feedback_stem": stem}
            written.append(frame.fill(values))
            needs_stuffing = (
                needs_stuffing
                or card.needs_stuffing
                or reason.needs_stuffing
                or frame.needs_stuffing
            )
    return EncodedText(b"".join(written), needs_stuffing)


def _feedback_urls(position: int) -> dict[str, str]:
    """Return the links of an item; their common beginning is personal."""
    stem = placeholder("feedback_stem")
    return {
        f"{way}_url": mark_safe(stem + feedback_suffix(position, way)) for way in ("up", "down")
    }


@lru_cache(maxsize=64)
def _frame(template: str, shared: tuple[str, ...], left_out: int, *, web: bool) -> PartialTemplate:
    values = dict(zip(SHARED, shared, strict=True)) | {"left_out": left_out, "web": web}
    return PartialTemplate(
        template, [*PERSONAL, "letter", "items"], values, plain=template.endswith(".txt")
    )


@lru_cache(maxsize=16)
def _is_complete(shared: tuple[str, ...]) -> bool:
    address = shared[SHARED.index("postal_address")]
    html = _frame("emails/digest.html", shared, 0, web=False)
    text = _frame("emails/digest.txt", shared, 0, web=False)
    return (
        bool(address)
        and html.contains(escape(address))
        and text.contains(address)
        and all("unsubscribe_url" in frame.names for frame in (html, text))
    )


@lru_cache(maxsize=64)
def _heading(title: str, *, plain: bool) -> EncodedText:
    template = "emails/section.txt" if plain else "emails/section.html"
    using = "text" if plain else None
    return encode_text(render_to_string(template, {"title": title}, using=using))


@lru_cache(maxsize=512)
def _html_item(
    number: int, position: int, note: str, *, has_reason: bool, last: bool, web: bool
) -> PartialTemplate:
    names = ["reason"] if has_reason else []
    shared = {
        # The card has been escaped where it was rendered.
        "card": {
            "html": mark_safe(placeholder("card")),
            "links_html": mark_safe(placeholder("links")),
        },
        "note": note,
        "last": last,
        "lead": number == 1,
        "number": number,
        "web": web,
    }
    return PartialTemplate(
        "emails/item.html", names, shared | _feedback_urls(position), plain=False
    )


@lru_cache(maxsize=256)
def _text_item(number: int, position: int, note: str, has_reason: bool) -> PartialTemplate:
    names = ["reason"] if has_reason else []
    shared = {"card": {"text": placeholder("card")}, "note": note, "number": number}
    return PartialTemplate("emails/item.txt", names, shared | _feedback_urls(position), plain=True)


@lru_cache(maxsize=64)
def _subject(more: int) -> PartialTemplate:
    return PartialTemplate(
        "emails/digest.subject.txt", ("title", "day"), {"more": more}, plain=True
    )


@receiver(setting_changed)
def clear_caches(setting: str, **_: object) -> None:
    """Forget rendered templates when tests change where templates come from."""
    if setting == "TEMPLATES":
        for cached in (_frame, _is_complete, _heading, _html_item, _text_item, _subject):
            cached.cache_clear()
