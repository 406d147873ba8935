"""The cards of digests: today's for a first attempt, and the very same for any later one.

A retry says what the first attempt said, whatever was corrected in the catalogue since (RULES A9).
A card is stored under a hash of its content when it is first mailed, and the keys go into the row
of the digest together with the intent to send it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from newsletter.cards import Card, card
from newsletter.models import Digest, FrozenCard
from papers.models import Paper

ABSENT: Final = "-"
# About 4 kB each.
LARGEST: Final = 4096
NEEDED: Final = (
    *("canonical_id", "former_id", "title", "abstract", "authors", "primary_category"),
    *("published_at", "announced_at", "picked_at", "editor_note", "url", "pdf_url", "code_url"),
)


class Deck:
    """The cards of one run; every paper is read and shaped once and shared by its readers."""

    def __init__(self) -> None:
        self.cards: dict[str, Card] = {}

    def deal(self, digests: Collection[Digest]) -> Iterator[tuple[Digest, Mapping[str, Card]]]:
        """Each digest with its cards by paper; the keys of what is said first are noted in it."""
        fresh = [digest for digest in digests if not digest.cards]
        self._fetch({item["paper"] for digest in fresh for item in digest.items})
        thawed = thaw({key for digest in digests for key in digest.cards.split()})
        for digest in digests:
            if digest.cards:
                yield digest, _by_paper(digest, thawed)
            else:
                digest.cards = self._keys(digest)
                yield digest, self.cards

    def _fetch(self, papers: set[str]) -> None:
        """Have the cards of these papers, and forget those that were not asked for longest."""
        missing = papers - self.cards.keys()
        for paper in papers - missing:
            self.cards[paper] = self.cards.pop(paper)
        new = read(missing)
        freeze(new.values())
        self.cards |= new
        for paper in list(self.cards)[: max(0, len(self.cards) - max(LARGEST, len(papers)))]:
            del self.cards[paper]

    def _keys(self, digest: Digest) -> str:
        cards = [self.cards.get(item["paper"]) for item in digest.items]
        return " ".join([card.key if card else ABSENT for card in cards])


def of(digest: Digest) -> dict[str, Card]:
    """The cards of one digest as it was sent or would be sent now; nothing is stored."""
    if digest.cards:
        return _by_paper(digest, thaw(set(digest.cards.split())))
    return read({item["paper"] for item in digest.items})


def read(papers: Collection[str]) -> dict[str, Card]:
    """The cards of these papers as the catalogue has them now."""
    if not papers:
        return {}
    found = Paper.objects.filter(canonical_id__in=papers).only(*NEEDED)
    cards = {paper.canonical_id: card(paper) for paper in found}
    missing = set(papers) - cards.keys()
    if missing:  # A listing paper whose arXiv id became known after the choice was frozen.
        for paper in Paper.objects.filter(former_id__in=missing).only(*NEEDED):
            cards[paper.former_id] = card(paper)
    return cards


def freeze(cards: Collection[Card]) -> None:
    """Keep what these cards say for later attempts."""
    if not cards:
        return
    new = {card.key: card for card in cards}
    for key in FrozenCard.objects.filter(key__in=list(new)).values_list("key", flat=True):
        del new[key]
    rows = [FrozenCard(key=key, content=card.content) for key, card in new.items()]
    FrozenCard.objects.bulk_create(rows, ignore_conflicts=True)


def thaw(keys: set[str]) -> dict[str, Card]:
    """The cards under these keys."""
    wanted = keys - {ABSENT}
    if not wanted:
        return {}
    rows = FrozenCard.objects.filter(key__in=wanted).values_list("key", "content")
    return {key: Card.of(content) for key, content in rows}


def _by_paper(digest: Digest, cards: Mapping[str, Card]) -> dict[str, Card]:
    papers = [item["paper"] for item in digest.items]
    keys = digest.cards.split()
    return {paper: cards[key] for paper, key in zip(papers, keys, strict=True) if key in cards}
