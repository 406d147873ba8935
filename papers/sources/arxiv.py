"""What arXiv's formats have in common: announcements, withdrawals, categories."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from papers.text import taxonomy

# https://info.arxiv.org/help/availability.html: what came until 14:00 in New York is announced
# at 20:00 there; nothing on Friday and Saturday evenings.
ARXIV_ZONE: Final = ZoneInfo("America/New_York")
SUBMISSION_DEADLINE: Final = time(14)
ANNOUNCEMENT: Final = time(20)
FRIDAY: Final = 4

NOUN: Final = (
    r"(?:papers?|articles?|manuscripts?|submissions?|works?|preprints?|pre-prints?|e-?prints?|reprints?"
    r"|versions?|notes?|drafts?|reports?|letters?|contributions?|stud(?:y|ies)|posting)"
)
THIS: Final = (
    r"(?<!\bof\s)(?:this|the|our|my)\s+"
    rf"(?:(?:present|current|above|entire|whole|technical|arxiv)\s+)*{NOUN}"
)
PASSIVE: Final = (
    r"(?:(?:has|have|had|is|are|was|were|being|be|been|now|thus|therefore|hereby|temporarily|voluntarily"
    r"|fully|completely|herewith|to|must|should|will)\s+)*"
)
DONE: Final = r"(?:with?dr?awn?|withdrawed|withdrew|retracted)\b"
NOT_FROM_JOURNAL: Final = (
    r"(?!\s+from\s+(?!(?:the\s+)?arxiv)(?!.{0,80}\b(?:error|mistake|flaw|wrong|incorrect|bug)))"
)
REASON: Final = (
    r"(?=\W*$|\s*[^\w\s]|\s+(?:by|due|because|as|since|for|pending|after|in|until|and|at|from|on|to|owing"
    r"|while|now|see|with|temporarily|until|before|upon|following|it|this|we)\b)"
)
SIZE: Final = r"(?:pages?|pp\.?|figures?|figs?\.?|tables?|(?:la|rev|ams)?tex|macros|style)"
WITHDRAWN: Final = re.compile(
    # A statement of its own: "Withdrawn", "9 figures Withdrawn: ..", "12 pages, withdrawn by ..".
    rf"(?:^|[.;:!]\s|\b{SIZE}[,.;]?\s|,\s(?={DONE}\s+(?:by|due|because)))\W*{PASSIVE}{DONE}{REASON}"
    rf"{NOT_FROM_JOURNAL}(?!\s+(?:{NOUN}\s+)?(?:arxiv:|[a-z-]+/\d))"
    rf"|(?:^|[.;:!]\s|\b{SIZE}[,.;]?\s)\W*withdrawal\b(?!\s+(?:symptom|effect|of\s+(?!this|the\s+{NOUN})))"
    rf"|\bwithdrawal\s+of\s+(?:this|the|our)\s+{NOUN}\b"
    # "This paper has now been withdrawn", "Paper is withdrawn", "This has been withdrawn by ..".
    rf"|(?:\b{THIS}|(?:^|[.;:!,]\s){NOUN}|\b(?-i:Paper|Article|Manuscript))\s+{PASSIVE}{DONE}{NOT_FROM_JOURNAL}"
    rf"|\bthis\s+(?:(?:has|have)\s+been|is|was)\s+{DONE}{NOT_FROM_JOURNAL}"
    # "This paper was submitted by mistake and has now been withdrawn".
    rf"|(?<!\bof\s)\bthis\s+{NOUN}\s+(?:(?!which\b|that\b|whose\b|replac|supersed|earlier\b|previous)[^\s.;]+\s+){{1,10}}?"
    rf"(?:has|have|is|was)\s+{PASSIVE}{DONE}{NOT_FROM_JOURNAL}"
    # "The authors withdraw this paper".
    rf"|\b(?:with?dr(?:aw|aws|ew|awn|awing)|retract(?:s|ed|ing)?)\s+(?:this|our|my|the\s+(?:present|current|above))\s+{NOUN}{NOT_FROM_JOURNAL}"
    rf"|\b(?:authors?|I|we)\s+(?:(?:have|has)\s+)?(?:withdrawn|withdrew|retracted)\s+the\s+{NOUN}"
    rf"{NOT_FROM_JOURNAL}"
    # "Please ignore this paper, it is withdrawn", "Removed by the authors".
    rf"|\bthis\s+{NOUN}\b[^.;]{{0,60}}[,:]\s*(?:(?:and|as|because|since)\s+)?it\s+{PASSIVE}{DONE}{NOT_FROM_JOURNAL}"
    r"|^\W*removed\s+by\s+(?:the\s+)?(?:authors?|arxiv)\b"
    rf"|^\W*withdraw\s+(?:the\s+)?{NOUN}\b"
    # By arXiv's administrators.
    rf"|\b{NOUN}\s+(?:(?:has\s+been|was|is)\s+)?(?:removed|withdrawn|deleted)\s+by\s+(?:arxiv|the\s+author)",
    re.IGNORECASE,
)
COMMENT_LENGTH: Final = 5_000
"""Characters of a comment that are searched for a withdrawal."""
# What Dublin Core records put before the name of a category.
ARCHIVE_NAMES: Final = {
    "astro-ph": "Astrophysics", "cond-mat": "Condensed Matter", "cs": "Computer Science",
    "econ": "Economics", "eess": "Electrical Engineering and Systems Science",
    "math": "Mathematics", "nlin": "Nonlinear Sciences", "physics": "Physics",
    "q-bio": "Quantitative Biology", "q-fin": "Quantitative Finance", "stat": "Statistics",
}  # fmt: skip
PERHAPS_WITHDRAWN: Final = re.compile(r"\b(?:withdrawn|retracted)\b", re.IGNORECASE)


def announcement_of(submitted: datetime) -> datetime:
    """Return the first announcement that a paper submitted at this time can be in (UTC).

    Papers held for moderation, and those before arXiv's holidays, are announced later.
    """
    home = submitted.astimezone(ARXIV_ZONE)
    day = home.date() + timedelta(days=home.time() >= SUBMISSION_DEADLINE)
    while day.weekday() > FRIDAY:
        day += timedelta(days=1)
    evening = day + timedelta(days=2 if day.weekday() == FRIDAY else 0)
    return datetime.combine(evening, ANNOUNCEMENT, ARXIV_ZONE).astimezone(UTC)


def is_withdrawn(comment: str, abstract: str = "", *, has_pdf: bool = True) -> bool:
    """Return whether a version is a withdrawal of its paper.

    Its comment says so; or it has no PDF, and its comment mentions a withdrawal or its abstract
    says so. "Withdrawn from ICLR" and "replaces the withdrawn 1234.5678" say something else.
    """
    comment = " ".join(comment[:COMMENT_LENGTH].split())
    if WITHDRAWN.search(comment):
        return True
    mentioned = PERHAPS_WITHDRAWN.search(comment) or WITHDRAWN.search(abstract[:COMMENT_LENGTH])
    return not has_pdf and bool(mentioned)


def category_of(subject: str) -> str:
    """Return the code of a category by its name in Dublin Core records; empty when unknown.

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
