"""The words of a digest in both parts, quickly: templates are rendered once and filled often.

A ``Stencil`` is a template whose personal places are left open. What many readers share (the
frame of the mail, the item of a paper) goes through the template engine once; what is one
person's (links, reasons, numbers) is put in afterwards, escaped in HTML as the engine would.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any, Final

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from newsletter.cards import Card

# Nobody who writes a title can guess it, so that no title opens a place of its own.
NONCE: Final = secrets.token_hex(8)
PLACE: Final = re.compile(rf"{NONCE}-(\w+);")
SHARED: Final = ("site_name", "site_url", "postal_address", "contact")
PERSONAL: Final = (
    "subject",
    "preheader",
    "day",
    "web_url",
    "receipt",
    "preferences_url",
    "pause_url",
    "unsubscribe_url",
    "items",
)


@dataclass(frozen=True)
class Entry:
    """One item of one person's digest: the shared card and what is theirs."""

    number: int
    card: Card
    slot: str
    reason: str
    note: str
    up_url: str
    down_url: str


Sections = Sequence[tuple[str, list[Entry]]]


class Stencil:
    """A rendered template with open places: fixed text and names in turn."""

    def __init__(
        self, template: str, places: Iterable[str], shared: Mapping[str, Any], *, plain: bool
    ) -> None:
        marks = {place: f"{NONCE}-{place};" for place in places}
        engine = "text" if plain else None
        self.plain = plain
        self.parts = PLACE.split(render_to_string(template, {**shared, **marks}, using=engine))
        self.places = [(at, self.parts[at]) for at in range(1, len(self.parts), 2)]

    def fill(self, values: Mapping[str, str]) -> str:
        parts = self.parts.copy()
        for at, place in self.places:
            value = values[place]
            safe = self.plain or isinstance(value, SafeString)
            parts[at] = value if safe else escape(value)
        return "".join(parts)


def html(context: Mapping[str, Any], sections: Sections, *, web: bool = False) -> str:
    """The HTML part, or with ``web`` the page that says the same."""
    shared = tuple(context[name] for name in SHARED)
    frame = _frame("emails/digest.html", shared, context["left_out"], web=web)
    return frame.fill({**context, "items": _html_items(sections)})


def text(context: Mapping[str, Any], sections: Sections) -> str:
    """The plain part."""
    shared = tuple(context[name] for name in SHARED)
    frame = _frame("emails/digest.txt", shared, context["left_out"], web=False)
    return frame.fill({**context, "items": _text_items(sections)})


def subject(title: str, more: int, day: str) -> str:
    """The subject line."""
    return _subject(more).fill({"title": title, "day": day}).strip()


def _html_items(sections: Sections) -> SafeString:
    written = []
    for title, entries in sections:
        written.append(_heading(title, plain=False))
        for entry in entries:
            last = entry is entries[-1]
            item = _html_item(entry.card, entry.note, bool(entry.reason), last)
            written.append(
                item.fill(
                    {"reason": entry.reason, "up_url": entry.up_url, "down_url": entry.down_url}
                )
            )
    # Every piece has been escaped where it was written.
    return mark_safe("".join(written))


def _text_items(sections: Sections) -> str:
    written = []
    for title, entries in sections:
        written.append(_heading(title, plain=True))
        written += [
            _text_item(entry.card, entry.note, bool(entry.reason)).fill(
                {
                    "number": str(entry.number),
                    "reason": entry.reason,
                    "up_url": entry.up_url,
                    "down_url": entry.down_url,
                }
            )
            for entry in entries
        ]
    return "".join(written)


@lru_cache(maxsize=64)
def _frame(template: str, shared: tuple[str, ...], left_out: int, *, web: bool) -> Stencil:
    values = dict(zip(SHARED, shared, strict=True)) | {"left_out": left_out, "web": web}
    return Stencil(template, PERSONAL, values, plain=template.endswith(".txt"))


@lru_cache(maxsize=64)
def _heading(title: str, *, plain: bool) -> str:
    if plain:
        return render_to_string("emails/section.txt", {"title": title}, using="text")
    return render_to_string("emails/section.html", {"title": title})


@lru_cache(maxsize=2048)
def _html_item(card: Card, note: str, has_reason: bool, last: bool) -> Stencil:
    places = ["up_url", "down_url", *(["reason"] if has_reason else [])]
    shared = {"card": card, "note": note, "last": last}
    return Stencil("emails/item.html", places, shared, plain=False)


@lru_cache(maxsize=2048)
def _text_item(card: Card, note: str, has_reason: bool) -> Stencil:
    places = ["number", "up_url", "down_url", *(["reason"] if has_reason else [])]
    return Stencil("emails/item.txt", places, {"card": card, "note": note}, plain=True)


@lru_cache(maxsize=64)
def _subject(more: int) -> Stencil:
    return Stencil("emails/digest.subject.txt", ("title", "day"), {"more": more}, plain=True)


@receiver(setting_changed)
def forget(setting: str, **_: object) -> None:
    """Templates from elsewhere need stencils of their own."""
    if setting == "TEMPLATES":
        for cached in (_frame, _heading, _html_item, _text_item, _subject):
            cached.cache_clear()
