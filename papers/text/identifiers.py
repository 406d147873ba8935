"""What a paper is called: arXiv ids in every spelling, DOIs, and keys made from titles.

The forms of arXiv ids are those of https://info.arxiv.org/help/arxiv_identifier.html. An old
id has one paper under several names (``math.GT/0309136`` and ``math/0309136``); arXiv itself
prefers the one without the subject class, and so does this module.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

ARXIV_ID: Final = re.compile(
    r"(?<![\w.-])(?<!\d/)(?:"
    r"(?P<new>\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})"
    r"|(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.[A-Z]{2}|\.[a-z]+(?:-[a-z]+)+)?"
    r"/(?P<old>\d{2}(?:0[1-9]|1[0-2])\d{3})"
    r")(?:v(?P<version>[1-9]\d{0,2}))?(?![\w-]|\.\d|/\d)"
)
ARXIV_PREFIX: Final = re.compile(
    r"^(?:oai:arxiv\.org:|arxiv:|(?:https?://)?(?:www\.|export\.|browse\.|[a-z]{2}\.)?arxiv\.org/"
    r"(?:abs|pdf|html|format|src|e-print)/"
    r"|(?:https?://)?(?:www\.)?(?:alphaxiv\.org/(?:abs|pdf|html|overview|audio)|huggingface\.co/papers"
    r"|ar5iv\.org/(?:abs|pdf|html)|ar5iv\.labs\.arxiv\.org/(?:abs|pdf|html)"
    r"|(?:abs|pdf)(?=/\d)|scirate\.com/arxiv|papers\.cool/arxiv|emergentmind\.com/papers|inspirehep\.net/arxiv"
    r"|catalyzex\.com/paper/arxiv:|ui\.adsabs\.harvard\.edu/abs/arxiv:|arxivxplorer\.com/\?q=|semanticscholar\.org/arxiv)/?"
    r"|(?:https?://)?(?:dx\.)?doi\.org/10\.48550/arxiv\.|(?:doi:\s*)?10\.48550/arxiv\.)\s*",
    re.IGNORECASE,
)
MENTION: Final = re.compile(
    r"(?:arxiv:\s*|arxiv\.org/(?:abs|pdf|html)/|10\.48550/arxiv\.)([\w./-]+)", re.IGNORECASE
)
PASTED_SEPARATOR: Final = re.compile(r"[\s,;|\[\]]+")
PASTED_SIGNS: Final = "()[]{}<>\"'“”‘’`*•·–—-.,;:!?#"
INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
"""Signs without width, which come along when text is copied from a page."""
PREFIX_SPACE: Final = re.compile(
    r"(?<=arxiv)(?::\s+|\s+)(?=\d{4}\.|[a-z-]+(?:\.[a-z]{2})?/\d)", re.IGNORECASE
)
CATEGORY: Final = re.compile(r"[a-z]+(?:-[a-z]+)?(?:\.[A-Za-z-]{2,})?")
ADDRESS: Final = re.compile(r"(?:https?://|www\.)(?!(?:dx\.)?doi\.org/)[^\s<>\"“”]+", re.IGNORECASE)
ID_IN_ADDRESS: Final = re.compile(
    r"(?<![\d.])\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}(?:v[1-9]\d{0,2})?(?!\d|\.\d)"
)
EPRINT: Final = re.compile(r"\b(?:eprint|arxivid)\s*=\s*[{\"]\s*([\w./-]+)", re.IGNORECASE)
LIST_NUMBER: Final = re.compile(r"\(?\d{1,3}[.)]?")
LONGEST_NAME: Final = 1000
"""Characters of an address or name in which an id is looked for."""
UNSAID: Final = re.compile(r"[\W_]+")
DOI: Final = re.compile(r"10\.\d{4,9}/\S+")
ARCHIVES: Final = frozenset({
    "acc-phys", "adap-org", "alg-geom", "ao-sci", "astro-ph", "atom-ph", "bayes-an", "chao-dyn",
    "chem-ph", "cmp-lg", "comp-gas", "cond-mat", "cs", "dg-ga", "funct-an", "gr-qc", "hep-ex",
    "hep-lat", "hep-ph", "hep-th", "math", "math-ph", "mtrl-th", "nlin", "nucl-ex", "nucl-th",
    "patt-sol", "physics", "plasm-ph", "q-alg", "q-bio", "quant-ph", "solv-int", "supr-con",
})  # fmt: skip


class ArxivId(NamedTuple):
    """An arXiv id without its version, and the version where one was named."""

    id: str
    version: int | None

    @property
    def month(self) -> datetime:
        """Return the first moment of the month in which the id was given (UTC)."""
        digits = self.id.rpartition("/")[2]
        year = int(digits[:2])
        return datetime(year + (1900 if year > 90 else 2000), int(digits[2:4]), 1, tzinfo=UTC)


def mentioned_arxiv_ids(text: str) -> list[ArxivId]:
    """Return the arXiv ids that a running text names (``arXiv:...`` or an address), each once.

    A bare ``1012.3456`` in a text is as likely a measurement and does not count.
    """
    return _arxiv_ids(MENTION.findall(text))


def _arxiv_ids(texts: list[str]) -> list[ArxivId]:
    found: dict[str, ArxivId] = {}
    for match in filter(None, map(ARXIV_ID.search, texts)):
        number = match["new"]
        if number is None:
            if match["archive"] not in ARCHIVES:
                continue
            number = f"{match['archive']}/{match['old']}"
        version = int(match["version"]) if match["version"] else None
        found.setdefault(number, ArxivId(number, version))
    return list(found.values())


def arxiv_id(text: str) -> ArxivId | None:
    """Return the arXiv id that a text is: bare, prefixed, a URL, an OAI name or a DataCite DOI.

    Return None when the text is anything else, also when it merely contains an id.
    """
    bare = ARXIV_PREFIX.sub("", unquote(text[:LONGEST_NAME].strip()), count=1)
    bare = re.sub(r"(\.pdf|/abstract)?([?#].*)?/?$", "", bare, flags=re.IGNORECASE)
    return next(iter(_arxiv_ids([bare])), None) if ARXIV_ID.fullmatch(bare) else None


def pasted_arxiv_ids(text: str) -> list[ArxivId]:
    """Return the arXiv ids that a pasted line begins with, each once.

    Bullets, brackets, categories and stops around them are no part of them: ``- 2401.00001,
    (2401.00002)``, ``arXiv:2401.00001 [cs.CL]``, ``arXiv 2401.00001``. What follows after another
    word, as in an id before its title, is no list.
    """
    found: dict[str, ArxivId] = {}
    seen = text.translate(INVISIBLE)
    plain = unicodedata.normalize("NFKC", seen).strip()  # Digits and quotes of full width.
    for word in PASTED_SEPARATOR.split(PREFIX_SPACE.sub(":", plain)):
        bare = word.strip(PASTED_SIGNS)
        if not bare or CATEGORY.fullmatch(bare) or bare.casefold() == "arxiv":
            continue
        if LIST_NUMBER.fullmatch(word):
            continue
        own = arxiv_id(bare)
        if own is None:
            break
        found.setdefault(own.id, own)
    return list(found.values()) or _ids_in_addresses(unquote(plain[:LONGEST_NAME]))


def _ids_in_addresses(text: str) -> list[ArxivId]:
    """Return the new ids in the addresses of any site, and in the entry of a bibliography."""
    named = [found for one in ADDRESS.findall(text) for found in ID_IN_ADDRESS.findall(one)]
    return _arxiv_ids(named + EPRINT.findall(text))


def doi(text: str) -> str:
    """Return a DOI in lower case without resolver or prefix; empty for none or a too long one.

    >>> doi("https://doi.org/10.1103/PhysRevB.74.024520")
    '10.1103/physrevb.74.024520'
    """
    match = DOI.search(unquote(text[:LONGEST_NAME]))
    found = match.group().rstrip(".,;:\"'").lower() if match else ""
    if found.endswith(")") and found.count("(") < found.count(")"):
        found = found[:-1]
    return found if len(found) <= 255 else ""


TITLE_ID_PREFIX: Final = "t-"


@lru_cache(maxsize=4096)
def title_key(title: str) -> str:
    """Return a key that two spellings of one title share: case, accents, signs and spaces aside."""
    plain = UNSAID.sub("", unicodedata.normalize("NFKD", title.casefold()))
    return hashlib.sha256((plain or title).encode("utf-8", "replace")).hexdigest()[:40]


def title_id(title: str, authors: tuple[str, ...] = ()) -> str:
    """Return the public id of a paper without an arXiv id: ``t-`` and a hash of its title.

    ``authors`` are given only to tell two papers of the same title apart.
    """
    return TITLE_ID_PREFIX + title_key("\n".join((title, *authors)))[:20]
