"""Names of authors, as different listings write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u02bb\u02bc\u2032\u00b4`", "'"))
HYPHENS: Final = str.maketrans(dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-"))
PLAIN: Final = str.maketrans({
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th",
})  # fmt: skip
"""Letters that Unicode does not take apart into a plain one and a mark."""
SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv"})
OPENING: Final = {"(": ")", "[": "]", "<": ">"}
AFFILIATION_NUMBER: Final = re.compile(
    r"\$\s*\^?\s*\{?[\d,;*\s]+\}?\s*\$|\^\{[\d,;*\s]+\}|\^\d+|\\inst\s*\{[\d,;*\s]*\}"
)
AFFILIATIONS: Final = re.compile(r"[,;]\s*(?:\(\s*1\s*\)|\[1\])\s*[^\W\d]")
"""The begin of a numbered list of affiliations that no brackets enclose."""
AFFILIATION: Final = "\x00"
"""Stands for an affiliation while a line is split."""
BETWEEN_NAMES: Final = re.compile(
    r"(?<![^\s,;&\x00])([^\s,;&\x00]{1,80}\s{1,3}[^\s,;&\x00]{1,80})\s{0,3}\x00\s{0,3}"
    r"(?=[^\W\d_a-z][\w.'-]{0,80}\s{1,3}(?!and\s)[^\s,;&\x00])"
)
LABEL: Final = re.compile(r"^\s*authors?\s*:\s*", re.IGNORECASE)
SEPARATOR: Final = re.compile(
    r"\s*[,;\n]\s*(?:and\b\s*|&\s*|with\s+an?\s+[Aa]ppendix\s+by\s+)?|\s+and\s+|\s*(?<!\\)&\s*|(?<=\w)\s*:\s+"
    r"|\s*\\and\b\s*|\s+with\s+an?\s+[Aa]ppendix\s+by\s+"
)
ON_BEHALF: Final = re.compile(
    r"(?:^|\s+)(?:(?:up)?on\s+behalf\s+of|representing|for(?=\s+the\b))\s+", re.IGNORECASE
)
GROUP: Final = re.compile(r"^(?:the\s+|The\s+(?=.*\b(?i:collaborations?|consortium|team|group)\b))")
"""The article of a group; "The" can also be a first name."""
NO_NAME: Final = re.compile(
    r"^(?:et\.?\s*al\.?|(?:and |\d+ )?others|\d+ (?:additional|more|other) authors?.*|[\W\d_]*)$",
    re.IGNORECASE,
)
ET_AL: Final = re.compile(r"\bet\.? al\.?$", re.IGNORECASE)
INITIALS: Final = re.compile(r"^(?:[^\W\d_]\.[\s-]?)+$")
"""Initials alone: those of the name before them, as in "Lovelace, A."."""
GENERATION: Final = re.compile(r"^(?:Jr|Sr|I{2,3}|IV)\.?$")


def split_names(line: str) -> list[str]:
    """Return the names in one line of authors, without affiliations.

    Names are separated by commas, semicolons, "and" and "&"; parentheses, nested ones too, hold
    affiliations. A collaboration for which the authors write is an author.

    >>> split_names("A. One (1, 2) & B. Two (2) for the Big Collaboration ((1) Oslo, (2) Rome)")
    ['A. One', 'B. Two', 'Big Collaboration']
    """
    line = "\n".join(" ".join(row.split()) for row in line.strip().split("\n"))
    line = LABEL.sub("", AFFILIATIONS.split(line, maxsplit=1)[0])
    line = _without_affiliations(AFFILIATION_NUMBER.sub("", line))
    # A long line is wrapped, also within a name; without separators it is a name a row.
    wrapped = line.replace("\n", " ")
    names: list[str] = []
    for part in SEPARATOR.split(wrapped if SEPARATOR.search(wrapped) else line):
        if GENERATION.match(part.strip()) and names:
            names[-1] += f", {part.strip()}"
            continue
        for name in _authors_in(part):
            if INITIALS.match(name) and names and "." not in names[-1]:
                names[-1] = f"{name} {names[-1]}"
            else:
                names.append(name)
    return names


def author_name(written: str) -> str:
    """Return one author's name as a listing has it, or an empty text where it is no name."""
    return next(_authors_in(written), "")


def _authors_in(part: str) -> Iterator[str]:
    for name in ON_BEHALF.split(" ".join(part.split())):
        bare = GROUP.sub("", ET_AL.sub("", name).strip(" ,;:"))
        if not NO_NAME.match(bare):
            yield bare


def _without_affiliations(line: str) -> str:
    """Return a line without what stands in brackets; one that never closes hides the rest.

    Where brackets alone stand between two names of several words, a comma separates them.
    """
    kept: list[str] = []
    expected: list[str] = []
    for character in line:
        if character in OPENING and not (character == "<" and expected):
            if not expected:
                kept.append(AFFILIATION)
            expected.append(OPENING[character])
        elif expected:
            if character == expected[-1]:
                expected.pop()
        elif character not in ")]>":
            kept.append(character)
    return BETWEEN_NAMES.sub(r"\1, ", "".join(kept)).replace(AFFILIATION, "")


@lru_cache(maxsize=100_000)
def name_parts(name: str) -> tuple[str, ...]:
    """Return the words of a name without accents, case, full stops and “Jr.”, last name last.

    ``Last, First`` is turned round.
    """
    signs = name.translate(APOSTROPHES | HYPHENS)
    plain = unicodedata.normalize("NFKD", signs).casefold().translate(PLAIN)
    kept = "".join(c for c in plain if c.isalnum() or c in " -',.")
    last, *others = kept.replace(".", " ").replace("-", " ").split(",")
    first = [other for other in others if other.strip() not in SUFFIXES]
    parts = tuple(" ".join([*first, last]).split())
    # After one name alone it is none: Ii is also a Japanese surname.
    return parts[:-1] if len(parts) > 2 and parts[-1] in SUFFIXES else parts


def same_person(one: str, other: str) -> bool:
    """Return whether two spellings can be one name: equal last names, first names or initials."""
    a, b = name_parts(one), name_parts(other)
    if not a or not b or a[-1] != b[-1]:
        return False
    if len(a) == 1 or len(b) == 1:
        return a == b
    return a[0] == b[0] or (min(len(a[0]), len(b[0])) == 1 and a[0][0] == b[0][0])
