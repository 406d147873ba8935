"""Tokenisation: words, stems, character n-grams, and the owners of links."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
from Stemmer import Stemmer

WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
ACCENT: Final = re.compile(r"[\u0300-\u036f]")
NGRAM_LENGTH: Final = 4
"""Characters in an n-gram."""
LINK: Final = re.compile(
    r"(?<![\w@.-])(?:https?://)?(?:www\.)?((?:[a-z0-9-]+\.)+(?:ai|app|cn|co|com|dev|edu|io|net|org))"
    r"(?![\w.-]*@)\b((?:/[\w.~-]+)*)"
)
REPOSITORY_HOSTS: Final = frozenset(
    {"github.com", "gitlab.com", "gitee.com", "bitbucket.org", "huggingface.co"}
)
NON_OWNER_PATHS: Final = frozenset(
    {"collections", "datasets", "models", "orgs", "papers", "spaces"}
)
"""Parts of a path that name no owner."""
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
FUNCTION_WORDS: Final = frozenset(
    {"a", "an", "and", "as", "by", "for", "from", "in", "is", "of", "on", "the", "to", "we", "with"}
)
"""Words of which any longer sentence holds at least one."""
_stem = Stemmer("english").stemWord


class Tokens:
    """Texts as arrays of tokens.

    Attributes:
        words: The distinct words in the order of their first occurrence.
        ids: For each token of all texts, the index of its word.
        texts: For each token, the index of its text.
        count: The number of texts.
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
    """Return the stem of one lower-case English word (Porter2); empty for a stop word."""
    if word in STOP_WORDS or (len(word) == 1 and not word.isalpha()):
        return ""
    return str(_stem(word.removesuffix("'s")))


def character_ngrams(word: str) -> list[str]:
    """Return the character n-grams of one word, with a space at its beginning and end."""
    marked = f" {word} "
    return [marked[at : at + NGRAM_LENGTH] for at in range(len(marked) - NGRAM_LENGTH + 1)]


def words(text: str) -> list[str]:
    """Return the words of a text in order, in lower case and without accents."""
    return WORD.findall(strip_accents(text.lower()))


def strip_accents(text: str) -> str:
    """Return a text without accents."""
    return text if text.isascii() else ACCENT.sub("", unicodedata.normalize("NFKD", text))


def owners(text: str) -> list[str]:
    """Return the owners of the links in a text: of repositories, or names of project sites."""
    found = []
    for host, path in LINK.findall(text.lower()):
        parts = [part for part in path.split("/") if part and part not in NON_OWNER_PATHS]
        if host in REPOSITORY_HOSTS:
            found += [part.strip(".") for part in parts[:1]]
        else:
            found.append(host.removesuffix(".github.io"))
    return found
