"""The reason of a paper that a search found. Free of Django and of I/O."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence, Set
from functools import lru_cache
from itertools import chain, compress, pairwise, zip_longest
from typing import Final, NamedTuple

from papers.recommend.phrase_index import inflections
from papers.recommend.query_parsing import Word
from papers.recommend.shared_phrases import GENERAL_WORDS, GENERIC_NOUNS, is_adjective
from papers.recommend.tokenize import STOP_WORDS, stem, strip_accents
from papers.recommend.tokenize import words as paper_words

MOST_PARTS: Final = 3
"""Parts of a search in one reason."""
DERIVATION: Final = re.compile(r"(?<=\w{3})(?:(?:at)?(?:ion|ing|ed|es?|or|ive)|er|ic|s)+$")
"""Endings of words on one subject: *detect*, *detection*, unlike *token* and *tokenizer*."""
COMPOUND: Final = re.compile(r"\w+(?:-\w+)+")
DROPPED_NOUN: Final = re.compile(
    r"\b(?:approach|art|methods?|papers?|results?|state|work)\b", re.IGNORECASE
)
"""Stop words that name something beside another word: *method design*."""
NAMELESS: Final = GENERAL_WORDS | GENERIC_NOUNS
NUMBERED: Final = re.compile(r"[^\W_](?:[\w.-]*\w)?")
"""What may be a name with a number, whose letters alone are searched for: *GPT-4*, *Qwen2.5*."""
VERB: Final = re.compile(r"\b[a-z]+s (?=(?:an?|its|our|the|their|this|these)\b)")
"""A word in -s before an article: *it poses a problem*."""
VERB_ENDING: Final = re.compile(r"(?<=\w{3})(?:ings?|ed)$")


def search_reason(
    text: str,
    words: Sequence[Word],
    held: Sequence[bool],
    paper: str,
    is_common: Callable[[str], bool],
    *,
    together: bool = True,
    subject: bool = True,
) -> str:
    """Return in words how far a paper is on the subject of a search.

    Where the paper has not all of it together, parts of the search that stand in it as they were
    typed, singular and plural and hyphens apart, are named: words together, and single words that
    name a subject by themselves. Words with a hyphen between them are one: *mixture-of-depths* is
    no mixture of other things, and no part of it is named.

    Args:
        text: The search as typed.
        words: Its words.
        held: For each of them, then for each phrase in quotes, whether the paper has it in any of
            its forms.
        paper: The text of the paper.
        is_common: Returns whether a stem is too frequent to name a subject.
        together: Whether neighbouring words of the search stand together in the paper.
        subject: Whether they do so more than in passing.
    """
    wording = _wording(paper)
    lacking = [one for one in NUMBERED.findall(text) if not _holds_name(one, paper)]
    lacking += [one for one in COMPOUND.findall(text) if _is_apart(one, wording.spoken)]
    related = [_is_only_related(one, wording, alone=len(words) == 1) for one in words]
    held = [has and not other for has, other in zip_longest(held, related, fillvalue=False)]
    units = list(_units(text, words))
    if all(held) and together and not lacking and not _lacks_dropped_noun(text, paper):
        return f"on “{text}”" if subject else f"mentions “{text}”"
    wrong = {part for one in lacking for part in paper_words(one)}
    known = {
        word
        for word, has in zip(words, held, strict=False)
        if has and wrong.isdisjoint(paper_words(word.typed))
    }
    runs = _runs(units, known)
    found = [part for run in runs for part in _parts(run, wording.named, is_common)]
    parts = list(dict.fromkeys(_as_typed(text, part) for part in found))
    if not parts:
        return f"close to “{text}”"
    if all(held) and 1 < len(parts) <= MOST_PARTS and sum(map(len, found)) == len(words):
        *first, last = (f"“{part}”" for part in parts)
        return f"mentions {', '.join(first)} and {last}"
    return f"part of “{text}”: {', '.join(parts[:MOST_PARTS])}"


class Wording(NamedTuple):
    """The words of a paper, in order.

    Attributes:
        spoken: All but the verbs before articles.
        named: Those that may name something.
        stems: Their stems.
        verbs: The stems of the verbs.
    """

    spoken: tuple[str, ...]
    named: tuple[str, ...]
    stems: tuple[str, ...]
    verbs: frozenset[str]


# Many readers get the same papers.
@lru_cache(maxsize=1024)
def _wording(paper: str) -> Wording:
    spoken = tuple(map(sys.intern, paper_words(VERB.sub("", paper))))
    stems = tuple(map(stem, spoken))
    held = zip(spoken, stems, strict=True)
    kept = [bool(stemmed or DROPPED_NOUN.fullmatch(word)) for word, stemmed in held]
    verbs = frozenset(map(stem, paper_words(" ".join(VERB.findall(paper)))))
    return Wording(spoken, tuple(compress(spoken, kept)), tuple(compress(stems, kept)), verbs)


def _is_only_related(word: Word, paper: Wording, *, alone: bool) -> bool:
    """Return whether a paper has the stem of a word, but no word on the same subject.

    A word alone that has no ending may be a noun, and is not the verb of the paper: *chart* and
    *charting*.
    """
    typed = word.typed.lower()
    if typed in paper.named and stem(typed) == word.stem:
        return False
    forms = {one for one, held in zip(paper.named, paper.stems, strict=True) if held == word.stem}
    if not forms or not forms.isdisjoint(inflections(typed)):
        return not forms and word.stem in paper.verbs
    if word.is_name:
        return True
    root = DERIVATION.sub("", typed)
    if alone and root in inflections(typed):
        forms = {one for one in forms if not VERB_ENDING.search(one)}
    return _folded(root) not in {_folded(DERIVATION.sub("", one)) for one in forms}


def _folded(root: str) -> str:
    """Return the root that *vulnerability* and *vulnerabilities* share."""
    return root.replace("y", "i")


def _units(text: str, words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield the words of a search, those together that a hyphen joins."""
    compounds = {
        tuple(filter(stem, paper_words(one))) for one in COMPOUND.findall(strip_accents(text))
    }
    start = 0
    while start < len(words):
        ends = range(len(words), start + 1, -1)
        end = next((end for end in ends if _typed(words[start:end]) in compounds), start + 1)
        yield list(words[start:end])
        start = end


def _typed(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(part for word in words for part in paper_words(word.typed))


def _is_apart(compound: str, paper: Sequence[str]) -> bool:
    """Return whether a paper holds the words of a compound, but nowhere as one."""
    wanted = [stem(one) or one for one in paper_words(strip_accents(compound))]
    held = [stem(one) or one for one in paper]
    count = len(wanted)
    named = {one for one in wanted if one not in STOP_WORDS}
    return (
        len(named) > 1
        and named <= set(held)
        and all(held[at : at + count] != wanted for at in range(len(held)))
    )


def _holds_name(name: str, paper: str) -> bool:
    """Return whether a paper has a name with its number, and in no other capitals than its own.

    What is no such name, or stands in other words in the paper, is not looked at.
    """
    if any(map(str.isdigit, name)):
        written = r"[\s-]?".join(map(re.escape, name.split("-")))
        return bool(re.search(rf"(?<!\w){written}(?!\w|\.\d)", paper, re.IGNORECASE))
    if sum(map(str.isupper, name)) < 2:
        return True
    found = re.findall(rf"(?<!\w){re.escape(name)}(?=s?(?!\w))", paper, re.IGNORECASE)
    if name.isupper():
        return not found or any(sum(map(str.isupper, one)) > 1 for one in found)
    return not found or name in found or name.lower() in found


def _lacks_dropped_noun(text: str, paper: str) -> bool:
    """Return whether a search holds a noun that is a stop word, and a paper not the search."""
    if not DROPPED_NOUN.search(text):
        return False
    typed, held = (" ".join(paper_words(one)) for one in (text, paper))
    return not any(one in held for one in inflections(typed))


def _runs(units: Sequence[list[Word]], known: Set[Word]) -> Iterator[list[list[Word]]]:
    """Yield the units that the paper has, those together that are neighbours in the search."""
    run: list[list[Word]] = []
    for unit in units:
        has = set(unit) <= known
        if run and not (has and unit[0].position == run[-1][-1].position + 1):
            yield run
            run = []
        if has:
            run.append(unit)
    if run:
        yield run


def _parts(
    run: Sequence[Sequence[Word]], paper: Sequence[str], is_common: Callable[[str], bool]
) -> Iterator[list[Word]]:
    """Yield the longest parts of a run that stand together in the paper, from its beginning on.

    None ends with an adjective, whose noun the paper does not have.
    """
    start = 0
    while start < len(run):
        end = len(run)
        part = list(chain(*run[start:end]))
        while end > start + 1 and not (_stands_in(part, paper) and _may_end(part)):
            end -= 1
            part = list(chain(*run[start:end]))
        if end > start + 1 or (_names(part, is_common) and _stands_in(part, paper)):
            yield part
        start = end


def _may_end(part: Sequence[Word]) -> bool:
    return not is_adjective(part[-1].typed.lower())


def _names(unit: Sequence[Word], is_common: Callable[[str], bool]) -> bool:
    """Return whether a word, or words that hyphens join, name a subject by themselves."""
    if "-".join(word.typed.lower() for word in unit) in GENERAL_WORDS:
        return False
    return any(
        word.is_name or not (word.typed.lower() in NAMELESS or is_common(word.stem))
        for word in unit
    )


def _stands_in(words: Sequence[Word], paper: Sequence[str]) -> bool:
    """Return whether words stand together in a paper, each in the singular or the plural."""
    wanted = [inflections(one) for one in _typed(words) if stem(one)]
    return any(
        all(one in forms for one, forms in zip(paper[at : at + len(wanted)], wanted, strict=True))
        for at in range(len(paper) - len(wanted) + 1)
    )


def _as_typed(text: str, words: Sequence[Word]) -> str:
    """Return a part of a search with the hyphens, spaces and small words of its author."""
    pattern = re.escape(words[0].typed)
    for last, word in pairwise(words):
        between = word.position - last.position - 1
        pattern += rf"\W+(?:\w+\W+){{{between}}}{re.escape(word.typed)}"
    found = re.search(pattern + r"(?:[.-]\d\w*)*", strip_accents(text), re.IGNORECASE)
    part = found[0] if found else " ".join(word.typed for word in words)
    return part + ")" * (part.count("(") > part.count(")"))
