"""Split an abstract into sentences, and find the lead-in that a sentence can do without.

Every pattern reads a text from left to right without going back further than a bounded number of
characters, so the time grows with the length of the text, whatever stands in it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

BOUNDARY: Final = re.compile(
    r"(?<=[.!?。！？])([\"'”’)\]]{0,2})(?:"
    r"\s+(?:[*–—-]{1,2}\s+)?(?=[\"“‘'(\[$\\]{0,2}(?:[^\W_a-z]|[a-z]{1,3}[A-Z]))|(?<=[。！？])"
    r"|(?<=[a-z]{4}\.)(?=[A-Z][a-z]*\s))"
    r"|\s*•\s*"
)
"""A sentence may end here: a full stop, closing quotes, a space, perhaps the dash of a list, no
word in small letters; or the point before an item of a list."""
ABBREVIATION: Final = re.compile(
    r"(?:\b(?:al|approx|cf|ca|Dr|e\.g|eg|Eq|Eqs|Eqn|etc|Fig|Figs|i\.e|ie|Mr|Mrs|Ms|no|No|Prof|Ref|"
    r"Refs|resp|Sec|Sect|St|Th|Thm|Vol|vol|vs|viz|w\.r\.t|Acad|Am|Ann|Appl|Astron|Astrophys|Comm|"
    r"Commun|Gen|Lett|Math|Nucl|Opt|Phys|Proc|Rev|Sci|Ser|Soc|Suppl|Trans|Univ|stat|syst)"
    r"|(?:^|[\s(.-])[A-Z])\.\Z"
)
"""The end of a text whose full stop belongs to a short form, a journal's name or an initial."""
WITH_CAPITAL: Final = frozenset({"al.", "etc.", "resp."})
"""Short forms that may also end a sentence, when a capital letter follows."""
OPENING: Final = re.compile(
    r"(?:A|An|As|At|By|Each|Finally|For|From|Furthermore|Here|However|If|In|It|Moreover|On|Our|Such|"
    r"The|Their|Then|These|They|This|Those|Thus|To|Under|Using|We|When|While|With)\b"
)
"""Words that begin a sentence after a quantity or a symbol: "at 20 K. In this range"."""
INITIAL: Final = re.compile(r"(?:^|[\s(.-])[A-Z]\.\Z")
LONGEST_ABBREVIATION: Final = 12
LONGEST_BRACKET: Final = 300
"""Characters of a sentence within which an open bracket keeps it from ending."""

SUBJECT: Final = (
    r"(?:we|our|i|this (?:paper|work|article|study|thesis|note|letter|report|manuscript|survey|"
    r"contribution|research)|the (?:present|proposed|authors?))\b"
)
IN_THIS_PAPER: Final = re.compile(
    r"in (?:this|the present|our|the current)\s(?:[\w-]{1,20}\s)?(?:paper|work|article|study|"
    r"thesis|note|letter|report|manuscript|contribution|survey|research|project|review)s?\b,?\s(?=\w)",
    re.IGNORECASE,
)
CONNECTIVE: Final = re.compile(
    r"(?:finally|furthermore|moreover|additionally|specifically|however|here|herein|thus|therefore|"
    r"hence|then|also|first|firstly|second|secondly|in particular|in addition|instead|to this end|"
    r"more specifically|concretely|notably|importantly|further|overall|in summary|in short|"
    r"surprisingly|interestingly|unfortunately|nevertheless|nonetheless|consequently|accordingly|"
    r"as a result|and|but|so|to do so|for this purpose|in response|recently)\b,?\s"
    r"(?=" + SUBJECT + "|in this )",
    re.IGNORECASE,
)
PURPOSE: Final = re.compile(
    r"(?:to|in order to|motivated by|inspired by|building (?:up)?on|towards?|with this in mind|"
    r"as a (?:first )?step|in light of|in view of|"
    r"(?:based on|guided by|using|with|from) (?:this|these|the above))\b[^,;:.]{0,150},\s(?="
    + SUBJECT
    + "|in this )",
    re.IGNORECASE,
)
"""A purpose or a motive. A condition ("if", "for", "assuming", "under") always stays."""
LABEL: Final = re.compile(
    r"(?:\(?(?:\d|[ivx]{1,3})\)\s|\d\.\s)?"
    r"(?:(?:abstract|aims?|approach|background|conclusions?|context|contributions?|findings|"
    r"introduction|methods?|motivation|objectives?|purpose|results?|significance|summary):\s)?"
    r"(?=\w)",
    re.IGNORECASE,
)
"""The number of an item in a list, and the heading of a structured abstract; it may be empty."""


class Claim(NamedTuple):
    """One way to state a sentence: sentence number, the characters cut off before it, the text."""

    sentence: int
    cut: int
    text: str


def split(text: str) -> list[str]:
    """Return the sentences of a cleaned abstract, each as it stands in it.

    A sentence never spans a blank line.
    """
    return [found for paragraph in text.split("\n\n") for found in _split(paragraph)]


def _split(paragraph: str) -> list[str]:
    found, begin = [], 0
    for boundary in BOUNDARY.finditer(paragraph):
        at = boundary.start()
        before = paragraph[max(begin, at - LONGEST_ABBREVIATION) : at]
        following = paragraph[boundary.end() : boundary.end() + LONGEST_ABBREVIATION]
        if ABBREVIATION.search(before) and not _ends_here(before, following):
            continue
        sentence = paragraph[begin : max(at, boundary.end(1))]
        if at - begin < LONGEST_BRACKET and _in_brackets(sentence):
            continue
        found.append(sentence.strip())
        begin = boundary.end()
    found.append(paragraph[begin:].strip())
    return [sentence for sentence in found if sentence]


def _in_brackets(text: str) -> bool:
    return text.count("(") > text.count(")") or text.count("[") > text.count("]")


def _ends_here(before: str, following: str) -> bool:
    """Return whether a sentence ends after a short form all the same."""
    if INITIAL.search(before):
        return OPENING.match(following) is not None
    return before.rpartition(" ")[2] in WITH_CAPITAL and following[:1].isupper()


def lead_in(sentence: str) -> int:
    """Return how many characters of a lead-in can be cut off so that a sentence is left.

    "In this paper, we propose" begins at "we"; 0 where there is no such lead-in.
    """
    label = LABEL.match(sentence)
    begin = label.end() if label else 0
    for pattern in (CONNECTIVE, PURPOSE, IN_THIS_PAPER):
        if found := pattern.match(sentence, begin):
            begin = found.end()
    return begin


def claims(sentences: list[str]) -> list[Claim]:
    """Return each sentence without its lead-in."""
    found = []
    for number, sentence in enumerate(sentences):
        cut = lead_in(sentence)
        text = sentence[cut : cut + 1].upper() + sentence[cut + 1 :] if cut else sentence
        found.append(Claim(number, cut, text))
    return found
