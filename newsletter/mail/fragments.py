"""The words of a digest in both parts, quickly: templates are rendered once and filled often.

A ``Stencil`` is a template whose personal places are left open. What many readers share (the
frame of the mail, the frame of an item, the card of a paper) goes through the template engine once
and is kept as the bytes that a mail carries; what is one person's (links, reasons, numbers) is put
in afterwards, escaped in HTML as the engine would.
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
from newsletter.mail.mime import Print, printed
from newsletter.security.tokens import feedback_suffix

# Nobody who writes a title can guess it, so that no title opens a place of its own.
NONCE: Final = secrets.token_hex(8)
PLACE: Final = re.compile(rf"{NONCE}-(\w+);")
SHARED: Final = ("site_name", "site_url", "postal_address", "contact")
FILLED: Final = frozenset({"number", "day", "receipt", "reason", "feedback_stem"})
PERSONAL: Final = (
    "subject",
    "preheader",
    "day",
    "web_url",
    "receipt",
    "preferences_url",
    "pause_url",
    "unsubscribe_url",
)


class Words(NamedTuple):
    """Some words as they stand in each of the parts; ``dotted`` as in ``Print``."""

    html: bytes
    text: bytes
    dotted: bool


class Entry(NamedTuple):
    """One item of one person's digest: the shared card and what is theirs.

    ``place`` counts from 0 in the digest's items and names them in links, ``number`` from 1 in
    the order of the mail.
    """

    number: int
    place: int
    card: Card
    slot: str
    reason: Words
    note: str


Sections = Sequence[tuple[str, list[Entry]]]


class Stencil:
    """A rendered template with open places: fixed bytes and names in turn."""

    def __init__(
        self, template: str, places: Iterable[str], shared: Mapping[str, Any], *, plain: bool
    ) -> None:
        marks = {place: mark(place) for place in places}
        written = render_to_string(template, {**marks, **shared}, using="text" if plain else None)
        first, *others = PLACE.split(written)
        self.names = others[::2]
        fixed = [printed(part) for part in (first, *others[1::2])]
        self.parts = [b""] * (2 * len(fixed) - 1)
        self.parts[::2] = [part.content for part in fixed]
        # After a value there is no beginning of a line, unless the value was empty.
        self.dotted = fixed[0].dotted or any(
            part.dotted and not (name in FILLED and part.content.count(b"\n.") == 0)
            for name, part in zip(self.names, fixed[1:], strict=True)
        )

    def shows(self, value: str) -> bool:
        """Whether something shared stands in it."""
        return any(printed(value).content in part for part in self.parts[::2])

    def fill(self, values: Mapping[str, bytes]) -> list[bytes]:
        """The whole in pieces; values are escaped already."""
        parts = self.parts.copy()
        parts[1::2] = map(values.__getitem__, self.names)
        return parts


def mark(place: str) -> str:
    return f"{NONCE}-{place};"


def words(text: str) -> Words:
    """One line of text for both parts."""
    return Words(escape(text).encode(), text.encode(), text.startswith("."))


def html(context: Mapping[str, Any], sections: Sections, *, web: bool = False) -> Print:
    """The HTML part, or with ``web`` the page that says the same."""
    frame = _frame("emails/digest.html", _shared(context), context["left_out"], web=web)
    items = _html_items(sections, escape(context["feedback_stem"]).encode())
    return _framed(frame, {name: escape(context[name]) for name in PERSONAL}, items)


def text(context: Mapping[str, Any], sections: Sections) -> Print:
    """The plain part."""
    frame = _frame("emails/digest.txt", _shared(context), context["left_out"], web=False)
    items = _text_items(sections, context["feedback_stem"].encode())
    return _framed(frame, {name: context[name] for name in PERSONAL}, items)


def is_complete(context: Mapping[str, Any]) -> bool:
    """Whether both parts show the postal address and the link to unsubscribe."""
    return bool(context["unsubscribe_url"]) and _is_complete(_shared(context))


def subject(title: str, more: int, day: str) -> str:
    """The subject line."""
    written = _subject(more).fill({"title": title.encode(), "day": day.encode()})
    return b"".join(written).decode().strip()


def _shared(context: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(context[name] for name in SHARED)


def _framed(frame: Stencil, personal: Mapping[str, str], items: Print) -> Print:
    values = {name: value.encode() for name, value in personal.items()}
    values["items"] = items.content
    dotted = items.dotted or frame.dotted or any(text.startswith(".") for text in personal.values())
    return Print(b"".join(frame.fill(values)), dotted)


def _html_items(sections: Sections, stem: bytes) -> Print:
    written: list[bytes] = []
    dotted = False
    for title, entries in sections:
        heading = _heading(title, plain=False)
        written.append(heading.content)
        dotted = dotted or heading.dotted
        for entry in entries:
            card, reason = entry.card.html, entry.reason
            item = _html_item(entry.place, entry.note, bool(reason.text), entry is entries[-1])
            written += item.fill(
                {"card": card.content, "reason": reason.html, "feedback_stem": stem}
            )
            dotted = dotted or card.dotted or reason.dotted or item.dotted
    return Print(b"".join(written), dotted)


def _text_items(sections: Sections, stem: bytes) -> Print:
    written: list[bytes] = []
    dotted = False
    for title, entries in sections:
        heading = _heading(title, plain=True)
        written.append(heading.content)
        dotted = dotted or heading.dotted
        for entry in entries:
            card, reason = entry.card.text, entry.reason
            item = _text_item(entry.number, entry.place, entry.note, bool(reason.text))
            written += item.fill(
                {"card": card.content, "reason": reason.text, "feedback_stem": stem}
            )
            dotted = dotted or card.dotted or reason.dotted or item.dotted
    return Print(b"".join(written), dotted)


def _feedback_urls(place: int) -> dict[str, str]:
    """The links of an item, whose beginning is its reader's."""
    stem = mark("feedback_stem")
    return {f"{way}_url": mark_safe(stem + feedback_suffix(place, way)) for way in ("up", "down")}


@lru_cache(maxsize=64)
def _frame(template: str, shared: tuple[str, ...], left_out: int, *, web: bool) -> Stencil:
    values = dict(zip(SHARED, shared, strict=True)) | {"left_out": left_out, "web": web}
    return Stencil(template, [*PERSONAL, "items"], values, plain=template.endswith(".txt"))


@lru_cache(maxsize=16)
def _is_complete(shared: tuple[str, ...]) -> bool:
    address = shared[SHARED.index("postal_address")]
    html = _frame("emails/digest.html", shared, 0, web=False)
    text = _frame("emails/digest.txt", shared, 0, web=False)
    return (
        bool(address)
        and html.shows(escape(address))
        and text.shows(address)
        and all("unsubscribe_url" in frame.names for frame in (html, text))
    )


@lru_cache(maxsize=64)
def _heading(title: str, *, plain: bool) -> Print:
    template = "emails/section.txt" if plain else "emails/section.html"
    return printed(render_to_string(template, {"title": title}, using="text" if plain else None))


@lru_cache(maxsize=256)
def _html_item(place: int, note: str, has_reason: bool, last: bool) -> Stencil:
    places = ["reason"] if has_reason else []
    # The card has been escaped where it was rendered.
    shared = {"card": {"html": mark_safe(mark("card"))}, "note": note, "last": last}
    return Stencil("emails/item.html", places, shared | _feedback_urls(place), plain=False)


@lru_cache(maxsize=256)
def _text_item(number: int, place: int, note: str, has_reason: bool) -> Stencil:
    places = ["reason"] if has_reason else []
    shared = {"card": {"text": mark("card")}, "note": note, "number": number}
    return Stencil("emails/item.txt", places, shared | _feedback_urls(place), plain=True)


@lru_cache(maxsize=64)
def _subject(more: int) -> Stencil:
    return Stencil("emails/digest.subject.txt", ("title", "day"), {"more": more}, plain=True)


@receiver(setting_changed)
def forget(setting: str, **_: object) -> None:
    """Templates from elsewhere need stencils of their own."""
    if setting == "TEMPLATES":
        for cached in (_frame, _is_complete, _heading, _html_item, _text_item, _subject):
            cached.cache_clear()
