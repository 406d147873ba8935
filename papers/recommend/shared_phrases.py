"""Extraction of the phrases that two papers share, for the reason of a recommendation.

A phrase is two to four adjacent words of both papers, or an abbreviation in capitals. Function
words, numbers, words of links and the general English of abstracts ("significantly", "results")
are excluded, so that a phrase names a subject.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

MOST_PHRASES: Final = 3
"""Phrases in one reason."""
MOST_WORDS: Final = 4
"""Words in one phrase."""
COMMON_SHARE: Final = 0.1
"""The most share of the papers that may hold a phrase."""
LEAST_PAPERS: Final = 50
"""Papers from which on that limit applies."""
CACHED_WORDS: Final = 100_000
"""Words whose classes are cached,"""
CACHED_TEXTS: Final = 16
"""and texts whose form in lower case is."""
FOLLOWING_CHARACTERS: Final = 60
"""Characters behind a phrase that hold the next word,"""
PRECEDING_CHARACTERS: Final = 40
"""and before it that hold the last one."""
LINK_MARK: Final = re.compile(r"://|www\.|\.(?:ai|com|dev|edu|io|net|org)\b", re.IGNORECASE)
LINK: Final = re.compile(rf"\S*(?:{LINK_MARK.pattern})\S*", re.IGNORECASE)
SEGMENT_END: Final = re.compile(r"(?:(?!(?<=\d)\.(?=\d))[^\w\s'’-])+|\s[-–—]+\s|_+")
REAL_WORLD: Final = re.compile(r"\breal world\b", re.IGNORECASE)
WORD: Final = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
ABBREVIATION: Final = re.compile(
    r"(?=[A-Za-z0-9-]*(?:[A-Z][A-Za-z0-9]*[A-Z]|-to-))[A-Z][A-Za-z0-9-]+"
)
"""RAG, MLLMs, ImageNet, Text-to-Music."""
NO_SUBJECT: Final = frozenset(
    {"AI", "API", "BLEU", "CPU", "DR", "End-to-End", "EU", "FID", "FPS", "FVD", "GitHub",
     "GPU", "HuggingFace", "II", "III", "IV", "LM", "LPIPS", "mAP", "mIoU", "OpenAI", "PSNR",
     "ROUGE", "SOTA", "SSIM", "TL", "UK", "USA"}
)  # fmt: skip
"""Abbreviations that papers on any subject hold, and measures."""
MEASURED_MODEL: Final = re.compile(
    r"(?:ChatGPT|Claude|DeepSeek|Gemini|Gemma|GPT|LLaMA|Mistral|o[134]|Phi|Qwen)(?=[\d.-]|s?\Z).*",
    re.IGNORECASE,
)
"""Models that papers on any subject measure with."""
GENERAL_WORDS: Final = frozenset(
    re.findall(
        r"\S+",
        """
a abilities ability about above accelerate accelerates accelerating accessible according accurate
achieve achieved achieves achieving across actual adapt adapting adapts additional additionally
address addresses advance advanced advancement advancements advances advancing after against aim
aims al all allow allows almost along also alternatives although among amount amounts an analyses
analysis analyze and another any application applications approach approaches arbitrary are as
aspect aspects at available average aware base based be because become becomes been before begins
behave being best best-performing better between beyond billion billions boost boosts both broad
broader build building builds built but by called can capabilities capability capture captured
captures careful carefully case cases certain challenge challenges challenging clean closed
closed-source code codes coming common commonly compare compared comparison complementary
complicated comprehensive comprise comprises comprising computational concern concerns conduct
conducted conducting consider consistent consistently contain containing contains contribution
contributions conventional core correct correctly cost-effective could create created creates
creating critical crucial crucially curate curated current currently cutting-edge day days dedicated
deep deliver delivers demonstrate demonstrated demonstrates demonstrating depend depends derive
derived describe describes designed desired despite detail detailed details develop developed did
different difficult direct directly diverse do does dominant dozens driven due during each easily
easy effective effectively effectiveness efficiency efficient efficiently either elicit elite emerge
emerged emerges emerging employ employed employing employs enable enables enabling encounter end
enforce enforces enforcing enhance enhanced enhances enhancing enriched ensure ensures entire
especially essential et evaluate evaluated evaluating evaluation even every evident example examples
excel excels excessive exhibit exhibits existing expensive experiment experimental experiments
explore exploring extend extended extending extends extensive extra faces facing fail fails fair far
faster few fewer field final finally find findings finds first first-of-its-kind fixed focus focuses
follow following follows for forward four fraction framework frameworks from full fully fundamental
further furthermore future gap general generally generate generated generates generating generic
given gives good great greatly grow growing grows guarantee guarantees guide guides handle handles
harmful has have having help helps hence here high high-quality higher highly hinder hinders hour
hours how however http https huge hugging hundreds i idea identifies identify identifying if
important importantly impressive improve improved improvement improvements improves improving in
in-the-wild including incorporate incorporates incorporating increasing increasingly individual
inherent initial insight insights inspired instead integrate integrates integrating interesting into
introduce introduced introduces introducing introduction investigate involve involves involving
irrelevant is issue issues it its itself kept key kilometer kilometers kilometre kilometres lack
lacks lag large large-scale largely larger last latest lead leading leads learn learning-based
learns less level levels leverage leverages leveraging like limitation limitations limited
long-standing longer low lower made magnitude magnitudes main mainly maintain maintaining maintains
major make makes making manage manages managing manner many massive matches may meaningful mechanism
meet mere meter meters method methods metric metrics middle might million million-scale millions
minimal mitigate mitigates mitigating modern modest more moreover most much multiple must namely
natural nature near need needed needs new non not notable notably noticeable novel now number
observe obtain occur occurs of off off-the-shelf offer offered offering offers often old on one only
open open-source open-sourced or order orders original other others our out outperform outperforming
outperforms outstanding over overall overlooked own pace paper papers par particular particularly
per perfect perform performance performs play plays plug-and-play point points poor popular
popularity portion possible potential powerful practical pre precise present presented presents
preserve preserves preserving pretrained prevent preventing prevents previous previously primary
prior problem problems procedure procedures project prominent promising proper propose proposed
proposes proposing proprietary prove provide provided provides providing publicly quality quite
raise raises raising range rapid rather reach reaches reaching real real-world recent recently
reconstruct reduce reduced reduces reducing related release relevant reliable remain remains
remarkable report reported reports representative request requests require required requires
requiring research resource resources respectively result resulting results rethinking reveal
reveals revisit rich rigid rigorous robustly role run runs same sample samples scale scenario
scenarios second see select selects series serve serves set sets several severe sharp sheer short
show showing shown shows significant significantly similar simple simplified simply since single
small small-scale smaller smooth so solution solutions some soon sophisticated span spanning spans
specialised specialized specific specifically square standard state state-of-the-art states still
straightforward strategies strategy strong strongest struggle struggles studies study subset subsets
substantial substantially successful successfully such suffer suffers sufficient suitable suite
suites superior support surpass surpasses surpassing synthesize synthesizes synthesizing system
systems tailored take takes targeted task tasks technical technique techniques tested than that the
their them then there therefore these they this thorough those thousand thousands three through thus
time times to together top-1 top-5 top-k total toward towards track tracks traditional trained
training transformer-based treat treating treats trillion two type types typical typically
ubiquitous under underlying understand understanding unified unique universal unprecedented unseen
up up-to-date upon us use used useful uses using usually utilize utilizes utilizing valuable vanilla
various vast versatile very via vital was way ways we week weeks well well-known were what when
where whether which while who whose why wide widely-used widespread will with within without work
works worse worth would year years yet yield yielding yields you your
""",
    )
)
"""Function words and the general English of abstracts."""
GENERIC_NOUNS: Final = frozenset(
    re.findall(
        r"\S+",
        """
accuracy algorithm algorithms answer answers architecture architectures baseline baselines batch
behavior behaviors benchmark benchmarks bound bounds budget budgets choice choices collection
component components construction content contents cost costs creation data dataset datasets design
designs domain domains factor factors feature features generation impact inference information input
inputs latency layer layers learning length lengths level model models outcome outcomes output
outputs overhead pair pairs paradigm paradigms parameter parameters part parts pass passes pattern
patterns phase phases pipeline pipelines prediction predictions process processes quality rate rates
recipe recipes repositories repository representation representations resolution response responses
section sections selection setting settings shift shifts size sizes source sources speed speedup
speedups stage stages step steps success target targets throughput upper usage utility visual
""",
    )
)
"""Words of a subject that name none by themselves: *diffusion model*, but no *model size*."""
COMPLETING_NOUNS: Final = frozenset({"problem", "problems", "task", "tasks"})
"""General words that belong to what stands before them: *math word problems*."""
ADJECTIVE: Final = re.compile(
    r"[\w-]+(?:al|ic|ive|ous|able|ible|ed|-(?:aware|based|driven|level|neighbor|scale|shot|stage|step|style|turn)"
    r"|-to-(?!speech|sql)\w+)"
)
"""The form of an adjective, which ends no phrase, unless it is one of"""
NOUNS_LIKE_ADJECTIVES: Final = frozenset(
    re.findall(
        r"\S+",
        """
academic additive alternative animal appraisal approval archive arithmetic arrival breed cable
capital clinic collective critic crystal deed derivative dialectic dual dynamic electronic ethic
fabric feed festival fractal genetic goal graphic heuristic hospital hull incentive initiative
integral interval journal kernel local logic magic manual material mechanic medal metal mineral
mosaic motive music narrative need nickel objective optic panic perspective physic plastic
polynomial portal potential primitive proposal recursive referral removal rental retrieval rhetoric
rival seed semantic signal speed statistic table tactic terminal thermodynamic topic traffic trial
tutorial variable
""",
    )
)
PLURAL: Final = re.compile(r"(?<=\w\w[^\Wsui_])s\Z|(?<=[A-Z]{2})s\Z")
ADVERB: Final = re.compile(r"(?!(?:anomaly|assembly|family|monopoly)\Z)\w{3,}ly")
CONNECTORS: Final = frozenset({"of"})
"""Function words that may occur inside a phrase: mixture of experts."""
QUALIFIERS: Final = frozenset(
    {"average", "core", "critical", "deep", "dominant", "end-to-end", "extra", "fair", "full",
     "fundamental", "general", "high", "initial", "large", "low", "massive", "minimal", "open",
     "perfect", "quality", "rich", "scale", "single", "small", "state", "system", "systems",
     "task", "tasks", "time", "total", "training", "unified", "universal"}
)  # fmt: skip
"""General words that may be part of a phrase whose other words name a subject."""


Span = tuple[int, int]
"""Start and end of a phrase in a text."""


class WordClass(NamedTuple):
    """What one word may be in a phrase.

    Attributes:
        key: The word in lower case and in the singular.
        is_part: Whether it may be part of a phrase.
        names: Whether it names a subject,
        counts: or counts for a phrase that another word names.
        qualifies: Whether a phrase may begin with it and one naming word.
        is_connector: Whether it may only stand inside.
        may_end: Whether a phrase may end with it.
        is_abbreviation: Whether it is a phrase by itself.
    """

    key: str
    is_part: bool
    names: bool
    counts: bool
    qualifies: bool
    is_connector: bool
    may_end: bool
    is_abbreviation: bool


class PhraseTable:
    """The phrases of many texts that at least two of them hold."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        numbers: dict[str, int] = {}
        ids, lengths = array("i"), array("i")
        for text in texts:
            found = dict.fromkeys(key for key, _ in _keyed_words(text))
            ids.extend([numbers.setdefault(key, len(numbers)) for key in found])
            lengths.append(len(found))
        found_ids = np.array(ids, np.int32)
        counts = np.bincount(found_ids, minlength=len(numbers))
        renumbered = np.cumsum(counts > 1, dtype=np.int32) - 1
        kept = counts[found_ids] > 1
        rows = np.repeat(np.arange(len(texts)), np.array(lengths, np.intp))[kept]
        self._ids = renumbered[found_ids[kept]]
        self._starts = np.searchsorted(rows, np.arange(len(texts) + 1))
        self._names = [name for name, count in zip(numbers, counts, strict=True) if count > 1]
        self._counts = counts[counts > 1]

    def shared(self, one: int, other: int, texts: Sequence[str]) -> tuple[str, ...]:
        """Return at most three phrases of both texts, longer and rarer ones first.

        Args:
            one: The number of a text.
            other: The number of another.
            texts: These two texts; the last one says how the phrases are spelled.
        """
        return self._best(self._ids_of(one) & self._ids_of(other), texts)

    def shared_with(self, text: str, other: int, other_text: str) -> tuple[str, ...]:
        """Return the same for a text that is not among those of the table."""
        known = phrases(text)
        both = {number for number in self._ids_of(other) if self._names[number] in known}
        return self._best(both, (text, other_text))

    def _best(self, both: set[int], texts: Sequence[str]) -> tuple[str, ...]:
        most = self._count * (COMMON_SHARE if self._count >= LEAST_PAPERS else 1)
        scores = {}
        for number in both:
            if (count := int(self._counts[number])) <= most:
                key = self._names[number]
                scores[key] = (1 + key.count(" ")) * math.log((self._count + 2) / count)
        chosen: dict[str, list[list[Span]]] = {}
        for key in sorted(scores, key=lambda key: (-scores[key], key)):
            if len(chosen) == MOST_PHRASES:
                break
            if not any(_overlap(key, taken) for taken in chosen):
                found = [list(_occurrences(key, text)) for text in texts]
                if _is_whole(key, found, texts):
                    chosen[key] = found
        return tuple(_spelled(key, found, texts) for key, found in chosen.items())

    def _ids_of(self, text: int) -> set[int]:
        return set(self._ids[self._starts[text] : self._starts[text + 1]].tolist())


def _spelled(key: str, found: Sequence[list[Span]], texts: Sequence[str]) -> str:
    """Return a phrase as the last text writes it, with the fewest capitals of any of them."""
    pairs = zip(texts, found, strict=True)
    *_, last = forms = [[text[at:end] for at, end in spans] for text, spans in pairs]
    known = {one.lower() for one in last}
    written = [one for some in forms for one in some if one.lower() in known]
    if " " not in key:
        written = [one for one in written if ABBREVIATION.fullmatch(one)]
    return min(written, key=_capitals, default=key)


def _is_whole(key: str, found: Sequence[list[Span]], texts: Sequence[str]) -> bool:
    """Return whether one of the texts has a phrase that is not cut from a longer one.

    No noun that belongs to it stands behind, and no word of the same name before it: *Relative
    Policy Optimization*. Two capitals are a symbol unless a text explains them: *(RL)*.
    """
    if len(key) == 2 and not any(_explains(text, key) for text in texts):
        return False
    return any(
        not _continues(text[end : end + FOLLOWING_CHARACTERS]) and not _is_name_end(text, start)
        for text, spans in zip(texts, found, strict=True)
        for start, end in spans
    )


def _explains(text: str, abbreviation: str) -> bool:
    """Return whether a text has an abbreviation, or its plural, in brackets."""
    lower = _in_lower_case(text)
    return f"({abbreviation})" in lower or f"({abbreviation}s)" in lower


def _is_name_end(text: str, start: int) -> bool:
    """Return whether a phrase in capitals has a word in capitals before it that belongs to it."""
    before = text[max(0, start - PRECEDING_CHARACTERS) : start]
    if not text[start : start + 1].isupper() or not before[-1:].isspace():
        return False
    words = SEGMENT_END.split(before)[-1].split()
    return bool(words) and words[-1][:1].isupper() and _word_class(words[-1]).counts


def _occurrences(key: str, text: str) -> Iterator[Span]:
    """Yield start and end of a phrase in a text, in any case, in the singular or the plural."""
    lower = _in_lower_case(text)
    words = key.split()
    start = lower.find(words[0])
    while start >= 0:
        end = _end_of(words, lower, start)
        if end > 0 and not _is_inside(lower[start - 1 : start]):
            yield start, end
        start = lower.find(words[0], start + 1)


def _end_of(words: Sequence[str], lower: str, at: int) -> int:
    """Return where a phrase ends that begins at a position; 0 where it does not stand there."""
    for number, word in enumerate(words):
        start = at
        while number and lower[at : at + 1].isspace():
            at += 1
        if not lower.startswith(word, at) or (number and at == start):
            return 0
        at += len(word)
        at += lower.startswith("s", at)
    return 0 if _is_inside(lower[at : at + 1]) else at


def _is_inside(letter: str) -> bool:
    """Return whether a letter beside a phrase makes it part of a longer word."""
    return letter.isalnum() or letter in {"_", "-"}


@lru_cache(maxsize=CACHED_TEXTS)
def _in_lower_case(text: str) -> str:
    """Return a text of the same length in lower case."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(one if len(one.lower()) > 1 else one.lower() for one in text)


def _continues(rest: str) -> bool:
    """Return whether a phrase is cut from a longer one: *multimodal large language* (model)."""
    following = SEGMENT_END.split(rest, maxsplit=1)[0]
    if not following[:1].isspace() or not (words := following.split(maxsplit=1)):
        return False
    found = _word_class(words[0])
    return words[0].lower() in COMPLETING_NOUNS or (found.counts and found.is_part)


def phrases(text: str) -> dict[str, str]:
    """Return the phrases of a text, spelled as there, by their keys.

    A key is in lower case and in the singular.
    """
    found: dict[str, str] = {}
    for key, words in _keyed_words(text):
        written = " ".join(words)
        if len(words) > 1:
            found[key] = min(found.get(key, written), written, key=_capitals)
        else:
            found.setdefault(key, written)
    return found


def _keyed_words(text: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the key and the words of each phrase of a text."""
    text = REAL_WORLD.sub("real-world", text)
    if LINK_MARK.search(text):
        text = LINK.sub(" . ", text)
    for segment in SEGMENT_END.split(text):
        words = segment.split()
        classes = list(map(_word_class, words))
        for start, first in enumerate(classes):
            if first.is_abbreviation:
                yield first.key, words[start : start + 1]
            for end in _ends(classes, start):
                key = " ".join([one.key for one in classes[start:end]])
                yield key, words[start:end]


def _ends(classes: Sequence[WordClass], start: int) -> Iterator[int]:
    """Yield the ends of the phrases of two words and more that begin at a word."""
    first = classes[start]
    if not first.is_part or first.is_connector:
        return
    naming, counting = int(first.names), int(first.counts or first.qualifies)
    for end in range(start + 2, min(start + MOST_WORDS, len(classes)) + 1):
        last = classes[end - 1]
        if not last.is_part:
            return
        naming += last.names
        counting += last.counts
        if last.may_end and naming and counting > 1:
            yield end


@lru_cache(maxsize=CACHED_WORDS)
def _word_class(word: str) -> WordClass:
    lower = word.lower()
    general = lower in GENERAL_WORDS
    connector = lower in CONNECTORS
    measured = bool(MEASURED_MODEL.fullmatch(word))
    is_word = bool(WORD.fullmatch(word)) and not measured and not ADVERB.fullmatch(word)
    return WordClass(
        PLURAL.sub("", word).lower(),
        is_part=is_word and (not general or lower in QUALIFIERS or connector),
        names=not general and len(lower) > 1 and lower not in GENERIC_NOUNS,
        counts=not general and len(lower) > 1,
        qualifies=lower in QUALIFIERS,
        is_connector=connector,
        may_end=not general and not connector and not is_adjective(lower),
        is_abbreviation=bool(ABBREVIATION.fullmatch(word))
        and ("-to-" in word or not is_adjective(lower))
        and PLURAL.sub("", word) not in NO_SUBJECT
        and not measured,
    )


def is_adjective(lower: str) -> bool:
    """Return whether a word in lower case looks like an adjective."""
    return bool(ADJECTIVE.fullmatch(lower)) and lower not in NOUNS_LIKE_ADJECTIVES


def _capitals(written: str) -> tuple[int, str]:
    return sum(map(str.isupper, written)), written


def _overlap(one: str, other: str) -> bool:
    """Return whether two phrases have a word in common, or one begins the other."""
    if f"{one}-".startswith(f"{other}-") or f"{other}-".startswith(f"{one}-"):
        return True
    return not set(one.split()).isdisjoint(other.split())
