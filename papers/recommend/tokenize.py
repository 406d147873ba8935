"""Text as words: split, stemmed, cut into runs of letters, and numbered for arithmetic."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
import snowballstemmer

WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
CAPITALS: Final = re.compile(r"\b[A-Za-z0-9]+[A-Z][A-Za-z0-9]*\b")
"""A word with a capital letter that is not its first one: LLM, ImageNet, ViTs."""
SPELLED: Final = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z]+)?")
ACCENT: Final = re.compile(r"[\u0300-\u036f]")
RUN_LENGTH: Final = 4
LINK: Final = re.compile(
    r"(?<![\w@.-])(?:https?://)?(?:www\.)?((?:[a-z0-9-]+\.)+(?:ai|app|cn|co|com|dev|edu|io|net|org))"
    r"(?![\w.-]*@)\b((?:/[\w.~-]+)*)"
)
HOSTS: Final = frozenset(
    {"github.com", "gitlab.com", "gitee.com", "bitbucket.org", "huggingface.co"}
)
SHELVES: Final = frozenset({"collections", "datasets", "models", "orgs", "papers", "spaces"})
"""First parts of a path that name no owner."""
STOP_WORDS: Final = frozenset(
    re.findall(
        r"\S+",
        """
a about above after again against all also although am among an and any are as at be because
been before being below between both but by can cannot could did do does doing down during each
either et al few for from further had has have having he her here hers him his how however i if
in into is it it's its itself let me more most much must my nor not of off on once only or other
our ours out over own per same she should since so some such than that the their theirs them
then there these they this those through thus to too toward towards under until up upon us very
via was we were what when where whether which while who whom why will with within without would
yet you your based paper propose proposed show shows using use used uses new novel approach
method methods results state art recent work present introduce significantly demonstrate
existing achieve http https www com github available
""",
    )
)
LITTLE_WORDS: Final = frozenset(
    {"a", "an", "and", "as", "by", "for", "from", "in", "is", "of", "on", "the", "to", "we", "with"}
)
"""No sentence of some length does without all of these."""
_stem = snowballstemmer.stemmer("english").stemWord


class Tokens:
    """Texts as numbers: ``words`` are the different ones, in the order in which they were met.

    ``ids`` holds for every token of every text the place of its word, ``texts`` for every token
    the place of its text; ``count`` is the number of texts.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        ids, lengths = array("i"), array("i")
        for text in texts:
            found = words(text)
            ids.extend([numbers.setdefault(word, len(numbers)) for word in found])
            lengths.append(len(found))
        self.words = list(numbers)
        self.count = len(lengths)
        self.ids = np.array(ids, np.int32)
        self.texts = np.repeat(np.arange(self.count, dtype=np.int32), np.array(lengths, np.int32))


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The stem of one lower-case English word; an empty string for a word without meaning."""
    if word in STOP_WORDS or (len(word) == 1 and not word.isalpha()):
        return ""
    return str(_stem(word.removesuffix("'s")))


def runs(word: str) -> list[str]:
    """The runs of four characters in one word, its beginning and end marked by a space."""
    marked = f" {word} "
    return [marked[at : at + RUN_LENGTH] for at in range(len(marked) - RUN_LENGTH + 1)]


def words(text: str) -> list[str]:
    """The words of a text in lower case and without accents, in their order."""
    return WORD.findall(plain(text.lower()))


def plain(text: str) -> str:
    """A text without accents."""
    return text if text.isascii() else ACCENT.sub("", unicodedata.normalize("NFKD", text))


def owners(text: str) -> list[str]:
    """Who stands behind the links of a text: owners of repositories, names of project sites."""
    found = []
    for host, path in LINK.findall(text.lower()):
        parts = [part for part in path.split("/") if part and part not in SHELVES]
        if host in HOSTS:
            found += [part.strip(".") for part in parts[:1]]
        else:
            found.append(host.removesuffix(".github.io"))
    return found
