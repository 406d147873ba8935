"""Parsers of form fields and file cells into the values of ``Choices``.

Each takes one text and returns the valid value, or raises InputError with one sentence that says
what was wrong and what to write instead. Lists have one entry a line or between ``;``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from django.conf import settings

from newsletter.models import MAX_DIGEST_SIZE, Subscriber
from newsletter.security.email_addresses import CONTROL
from papers.models import Paper
from papers.text import identifiers, taxonomy

MAX_SIZE: Final = MAX_DIGEST_SIZE
MAX_ENTRIES: Final = 200
MAX_ENTRY_CHARACTERS: Final = 300
QUOTED_CHARACTERS: Final = 60
LIST_SEPARATORS: Final = re.compile(r"[\n;]")
CODE_SEPARATORS: Final = re.compile(r"[\s,;]+")
WEEKDAY_NAMES: Final = {day.label.lower(): int(day) for day in Subscriber.Weekday}
WEEKDAY_NUMBERS: Final = frozenset("0123456")
FREQUENCIES: Final = frozenset(Subscriber.Frequency.values)


class InputError(ValueError):
    """Raised for text that is not valid; the message is one sentence for its author."""


def frequency(text: str) -> str:
    """Return ``daily``, ``weekdays`` or ``weekly``."""
    chosen = text.strip().lower()
    if chosen not in FREQUENCIES:
        raise InputError(f"{quoted(text)} is not a rhythm; write daily, weekdays or weekly.")
    return chosen


def weekday(text: str) -> int:
    """Return 0 (Monday) to 6 from the number or the English name."""
    chosen = text.strip().lower()
    if chosen in WEEKDAY_NAMES:
        return WEEKDAY_NAMES[chosen]
    if chosen in WEEKDAY_NUMBERS:
        return int(chosen)
    raise InputError(f"{quoted(text)} is not a day of the week; write Monday or 0 to Sunday or 6.")


def hour(text: str) -> int:
    """Return the hour, 0 to 23."""
    return _whole_number(text, "hour", 0, 23)


def size(text: str) -> int:
    """Return the number of papers, 1 to ``MAX_SIZE``."""
    return _whole_number(text, "number of papers", 1, MAX_SIZE)


def timezone(text: str) -> str:
    """Return the name in the IANA time zone database, in its spelling."""
    chosen = timezones().get(text.strip().lower())
    if chosen is None:
        raise InputError(
            f"{quoted(text)} is not a time zone; write one such as Europe/Berlin or UTC."
        )
    return chosen


@cache
def timezones() -> dict[str, str]:
    """Return the known time zones by their names in lower case."""
    names = available_timezones() - {"localtime", "Factory", "posixrules"}
    return {name.lower(): name for name in sorted(names)}


def topics(text: str) -> list[str]:
    """Return arXiv categories or whole archives, by code or name.

    Commas and spaces separate codes, too; a name takes a line, with or without its code.
    """
    codes: list[str] = []
    for line in LIST_SEPARATORS.split(text):
        named = taxonomy.category_by_name(line)
        codes += [named] if named else map(_topic, filter(None, CODE_SEPARATORS.split(line)))
    return _unique(codes)


def _topic(typed: str) -> str:
    code = taxonomy.category(typed)
    if code is None:
        raise InputError(f"{quoted(typed)} is not a field of arXiv; write codes like cs.CL.")
    return code


def phrases(text: str) -> list[str]:
    """Return words or names, one entry a line."""
    return _unique(_entries(text))


def paper_ids(text: str) -> list[str]:
    """Return the canonical ids of papers named by id, address or title."""
    names = [name for entry in _entries(text) for name in _pasted_papers(entry)]
    found = resolve_papers(names)
    for name in names:
        if name not in found:
            raise InputError(unknown_paper(name))
    return _unique([found[name] for name in names])


def _pasted_papers(entry: str) -> list[str]:
    """Return the papers that one line names: its arXiv ids, else the line itself."""
    return [own.id for own in identifiers.pasted_arxiv_ids(entry)] or [entry]


def resolve_papers(names: Iterable[str]) -> dict[str, str]:
    """Return the canonical id of each paper named by id, address or title, in two queries.

    An arXiv id that the catalogue does not have is its own canonical id; a name that matches
    nothing is left out.
    """
    keys = {name: _paper_key(name) for name in names}
    ids = set(keys.values()) - {""}
    titles = {name: identifiers.title_key(name) for name in keys}
    known = Paper.objects.resolve_ids(ids)
    by_title = dict(
        Paper.objects.filter(title_key__in=titles.values()).values_list("title_key", "canonical_id")
    )
    found: dict[str, str] = {}
    for name, key in keys.items():
        new = identifiers.arxiv_id(key)
        paper = known.get(key) or by_title.get(titles[name]) or (new.id if new else None)
        if paper:
            found[name] = paper
    return found


def unknown_paper(name: str) -> str:
    """Return the error sentence about a paper that was not found."""
    return f"{quoted(name)} is not a paper we know; write an arXiv id such as 2503.01234."


def quoted(text: str) -> str:
    """Return the text in quotation marks for an error sentence: short and on one line."""
    line = " ".join(CONTROL.sub(" ", text).split())
    return f"“{line[:QUOTED_CHARACTERS]}…”" if len(line) > QUOTED_CHARACTERS else f"“{line}”"


PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "frequency": frequency,
    "weekday": weekday,
    "hour": hour,
    "timezone": timezone,
    "size": size,
    "topics": topics,
    "interests": phrases,
    "likes": paper_ids,
    "dislikes": paper_ids,
    "authors": phrases,
    "muted": phrases,
    "names": phrases,
    "ignored": phrases,
}


def _paper_key(name: str) -> str:
    """Return the id in a name: all of it or its first word, also as an address of this site."""
    own = f"{settings.SITE_URL}/papers/"
    parts = [part.removeprefix(own).strip("/") for part in (name, name.split(maxsplit=1)[0])]
    for part in parts:
        known = identifiers.arxiv_id(part)
        if known:
            return known.id
    return parts[-1]


def _entries(text: str) -> list[str]:
    entries = [" ".join(line.split()) for line in LIST_SEPARATORS.split(text.replace("\r\n", "\n"))]
    entries = [entry for entry in entries if entry]
    if len(entries) > MAX_ENTRIES:
        raise InputError(f"There are {len(entries)} lines; write at most {MAX_ENTRIES}.")
    for entry in entries:
        if CONTROL.search(entry):
            raise InputError(f"{quoted(entry)} has control characters in it; write plain text.")
        if len(entry) > MAX_ENTRY_CHARACTERS:
            raise InputError(
                f"{quoted(entry)} is too long; "
                f"write at most {MAX_ENTRY_CHARACTERS} characters in a line."
            )
    return entries


def _unique(values: list[str]) -> list[str]:
    """Return the values in order without those that differ from an earlier one only by case."""
    first: dict[str, str] = {}
    for value in values:
        first.setdefault(value.casefold(), value)
    return list(first.values())


def _whole_number(text: str, what: str, low: int, high: int) -> int:
    digits = text.strip()
    if digits.isascii() and digits.isdigit() and len(digits) <= 4 and low <= int(digits) <= high:
        return int(digits)
    raise InputError(f"{quoted(text)} is not a valid {what}; write a number from {low} to {high}.")
