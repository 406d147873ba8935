"""What people write into the fields of a form or the cells of a file, read into ``Choices``.

Each reader takes one text and returns the valid value, or raises AnswerError with one sentence
that says what was wrong and what to write instead. Lists have one entry a line or between ``;``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from django.conf import settings
from django.db.models import Q

from newsletter.models import Subscriber
from newsletter.security.email_addresses import CONTROL
from papers.models import Paper
from papers.text import identifiers, taxonomy

MAX_SIZE: Final = 30
MAX_ENTRIES: Final = 200
MAX_LENGTH: Final = 300
SHOWN_LENGTH: Final = 60
BETWEEN: Final = re.compile(r"[\n;]")
BETWEEN_CODES: Final = re.compile(r"[\s,;]+")
DAYS: Final = {day.label.lower(): int(day) for day in Subscriber.Weekday}
NUMBERS: Final = frozenset("0123456")
FREQUENCIES: Final = frozenset(Subscriber.Frequency.values)


class AnswerError(ValueError):
    """Nothing that can be used; the message is one sentence for the person who wrote it."""


def frequency(text: str) -> str:
    """``daily``, ``weekdays`` or ``weekly``."""
    chosen = text.strip().lower()
    if chosen not in FREQUENCIES:
        raise AnswerError(f"{quoted(text)} is not a rhythm; write daily, weekdays or weekly.")
    return chosen


def weekday(text: str) -> int:
    """0 (Monday) to 6 from the number or the English name."""
    chosen = text.strip().lower()
    if chosen in DAYS:
        return DAYS[chosen]
    if chosen in NUMBERS:
        return int(chosen)
    raise AnswerError(f"{quoted(text)} is not a day of the week; write Monday or 0 to Sunday or 6.")


def hour(text: str) -> int:
    """0 to 23."""
    return _whole_number(text, "hour", 0, 23)


def size(text: str) -> int:
    """How many papers, 1 to 30."""
    return _whole_number(text, "number of papers", 1, MAX_SIZE)


def timezone(text: str) -> str:
    """A name of the IANA time zone database, in its own spelling."""
    chosen = timezones().get(text.strip().lower())
    if chosen is None:
        raise AnswerError(
            f"{quoted(text)} is not a time zone; write one such as Europe/Berlin or UTC."
        )
    return chosen


@cache
def timezones() -> dict[str, str]:
    """The known time zones by their names in lower case."""
    names = available_timezones() - {"localtime", "Factory", "posixrules"}
    return {name.lower(): name for name in sorted(names)}


def topics(text: str) -> list[str]:
    """arXiv categories or whole archives; commas and spaces separate them, too."""
    codes: list[str] = []
    for typed in filter(None, BETWEEN_CODES.split(text)):
        code = taxonomy.category(typed)
        if code is None:
            raise AnswerError(f"{quoted(typed)} is not a field of arXiv; write codes like cs.CL.")
        codes.append(code)
    return _each_once(codes)


def phrases(text: str) -> list[str]:
    """Words or names, one entry a line."""
    return _each_once(_entries(text))


def paper_ids(text: str) -> list[str]:
    """The canonical ids of papers named by id, address or title."""
    names = _entries(text)
    found = papers_named(names)
    for name in names:
        if name not in found:
            raise AnswerError(unknown_paper(name))
    return _each_once([found[name] for name in names])


def papers_named(names: Iterable[str]) -> dict[str, str]:
    """The canonical id of each paper that is named by id, address or title, in two queries.

    An arXiv id that the catalogue does not hold yet stands for itself; a name that means
    nothing is left out.
    """
    keys = {name: _paper_key(name) for name in names}
    ids = set(keys.values()) - {""}
    titles = {name: identifiers.title_key(name) for name in keys}
    known: dict[str, str] = {}
    rows = Paper.objects.filter(Q(canonical_id__in=ids) | Q(former_id__in=ids))
    for canonical, former in rows.values_list("canonical_id", "former_id"):
        known |= {key: canonical for key in (canonical, former) if key}
    by_title = dict(
        Paper.objects.filter(title_key__in=titles.values()).values_list("title_key", "canonical_id")
    )
    found: dict[str, str] = {}
    for name, key in keys.items():
        new = identifiers.arxiv_id(key)
        meant = known.get(key) or by_title.get(titles[name]) or (new.id if new else None)
        if meant:
            found[name] = meant
    return found


def unknown_paper(name: str) -> str:
    """The sentence about a paper that nobody knows."""
    return f"{quoted(name)} is not a paper we know; write an arXiv id such as 2503.01234."


def titled(ids: Iterable[str]) -> str:
    """Ids as the lines of a form, each with its title where the catalogue has one.

    ``paper_ids`` reads these lines back: what follows the id does not matter.
    """
    titles = dict(
        Paper.objects.filter(canonical_id__in=list(ids)).values_list("canonical_id", "title")
    )
    lines = (f"{paper} {titles.get(paper, '')}".strip() for paper in ids)
    return "\n".join(BETWEEN.sub(",", line) for line in lines)


def quoted(text: str) -> str:
    """Somebody's words inside a sentence of ours: short and on one line."""
    line = " ".join(CONTROL.sub(" ", text).split())
    return f"“{line[:SHOWN_LENGTH]}…”" if len(line) > SHOWN_LENGTH else f"“{line}”"


READERS: Final[dict[str, Callable[[str], Any]]] = {
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
}


def _paper_key(name: str) -> str:
    """The id in a name: the whole of it or its first word, an address of this site included."""
    own = f"{settings.SITE_URL}/papers/"
    for part in (name, name.split(maxsplit=1)[0]):
        bare = part.removeprefix(own).strip("/")
        known = identifiers.arxiv_id(bare)
        if known:
            return known.id
    return bare


def _entries(text: str) -> list[str]:
    entries = [" ".join(line.split()) for line in BETWEEN.split(text.replace("\r\n", "\n"))]
    entries = [entry for entry in entries if entry]
    if len(entries) > MAX_ENTRIES:
        raise AnswerError(f"There are {len(entries)} lines; write at most {MAX_ENTRIES}.")
    for entry in entries:
        if CONTROL.search(entry):
            raise AnswerError(f"{quoted(entry)} has control characters in it; write plain text.")
        if len(entry) > MAX_LENGTH:
            raise AnswerError(
                f"{quoted(entry)} is too long; write at most {MAX_LENGTH} characters in a line."
            )
    return entries


def _each_once(values: list[str]) -> list[str]:
    """The values in their order, without those that differ from an earlier one only by case."""
    first: dict[str, str] = {}
    for value in values:
        first.setdefault(value.casefold(), value)
    return list(first.values())


def _whole_number(text: str, what: str, low: int, high: int) -> int:
    digits = text.strip()
    if digits.isascii() and digits.isdigit() and len(digits) <= 4 and low <= int(digits) <= high:
        return int(digits)
    raise AnswerError(f"{quoted(text)} is not a valid {what}; write a number from {low} to {high}.")
