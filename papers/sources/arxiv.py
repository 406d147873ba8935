"""What arXiv's answers have in common, whatever their format."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from papers.text import taxonomy

# https://info.arxiv.org/help/availability.html: what came until 14:00 in New York is announced
# at 20:00 there; nothing on Friday and Saturday evenings.
HOME: Final = ZoneInfo("America/New_York")
DEADLINE: Final = time(14)
ANNOUNCEMENT: Final = time(20)
FRIDAY: Final = 4

# "This paper has been withdrawn by the author", "Withdrawn due to an error": a whole statement.
# "Withdrawn from ICLR 2024" or "replaces the withdrawn 1234.5678" say something else.
WITHDRAWN: Final = re.compile(
    r"(?:^\W*|\b(?:this|the)\s+(?:\w+\s+){0,2}?)"
    r"(?:(?:paper|article|manuscript|submission|work|preprint|e-?print|version|note|draft|this)\s+)?"
    r"(?<!\bthe\s)(?:(?:has|have|had)\s+been\s+|(?:is|was)\s+(?:being\s+)?)?"
    r"(?:temporarily\s+|voluntarily\s+)?(?:withdrawn|retracted)\b"
    r"(?!\s+from\s+(?!(?:the\s+)?arxiv))"
    r"|\b(?:submission|article|paper|version|work)\s+(?:(?:has\s+been|was)\s+)?"
    r"(?:removed|withdrawn)\s+by\s+arxiv\b"
    r"|\bwe\s+(?:have\s+)?with(?:draw|drew|drawn)\s+(?:this|our)\s+(?:paper|article|manuscript)\b",
    re.IGNORECASE,
)
# What Dublin Core records put before the name of a category.
ARCHIVE_NAMES: Final = {
    "astro-ph": "Astrophysics", "cond-mat": "Condensed Matter", "cs": "Computer Science",
    "econ": "Economics", "eess": "Electrical Engineering and Systems Science",
    "math": "Mathematics", "nlin": "Nonlinear Sciences", "physics": "Physics",
    "q-bio": "Quantitative Biology", "q-fin": "Quantitative Finance", "stat": "Statistics",
}  # fmt: skip
PERHAPS_WITHDRAWN: Final = re.compile(r"\b(?:withdrawn|retracted)\b", re.IGNORECASE)


def announcement_of(submitted: datetime) -> datetime:
    """The first announcement that a paper of this time can have been in (UTC).

    arXiv's holidays and papers held for moderation come out later.
    """
    home = submitted.astimezone(HOME)
    day = home.date() + timedelta(days=home.time() >= DEADLINE)
    while day.weekday() > FRIDAY:
        day += timedelta(days=1)
    evening = day + timedelta(days=2 if day.weekday() == FRIDAY else 0)
    return datetime.combine(evening, ANNOUNCEMENT, HOME).astimezone(UTC)


def is_withdrawn(comment: str, abstract: str = "", *, has_pdf: bool = True) -> bool:
    """Whether a version is a withdrawal: its comment says so, or it has no PDF and its comment
    mentions it or its abstract says so."""
    if WITHDRAWN.search(comment):
        return True
    mentioned = PERHAPS_WITHDRAWN.search(comment) or WITHDRAWN.search(abstract)
    return not has_pdf and bool(mentioned)


def category_of(subject: str) -> str:
    """The code of a category by its name as Dublin Core records write it; empty when unknown.

    >>> category_of("Computer Science - Information Theory")
    'cs.IT'
    """
    return CODES.get(_letters(subject), "")


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


CODES: Final = {
    _letters(ARCHIVE_NAMES.get(archive, "") + name): code
    for code, name in taxonomy.NAMES.items()
    for archive in [code.partition(".")[0]]
}
