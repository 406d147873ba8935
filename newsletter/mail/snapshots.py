"""The cards of digests: today's for a first attempt, and the very same for any later one.

A retry says what the first attempt said, whatever was corrected in the catalogue since (RULES A9).
A card is stored under a hash of its content when it is first mailed, and the keys go into the row
of the digest together with the intent to send it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from django.db.models import Q

from newsletter.mail.cards import Card, card
from newsletter.models import Digest, FrozenCard
from papers.models import Paper

log = logging.getLogger(__name__)

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

    def deal(
        self, digests: Collection[Digest]
    ) -> Iterator[tuple[Digest, Mapping[str, Card] | Exception]]:
        """Each digest with its cards by paper, or with the reason why it has none.

        The keys of what is said first are noted in the digest.
        """
        fresh = [digest for digest in digests if not digest.cards]
        named = {item["paper"] for digest in fresh for item in digest.items}
        self._fetch(named)
        hidden = hidden_of(named)  # Since they were chosen, or since their card was made.
        shown = {paper: card for paper, card in self.cards.items() if paper not in hidden}
        thawed = thaw({key for digest in digests for key in digest.cards.split()})
        for digest in digests:
            hand: Mapping[str, Card] | Exception = shown
            if digest.cards:
                try:
                    hand = _by_paper(digest, thawed)
                except Exception as error:  # noqa: BLE001 - one bad digest never stops the run
                    hand = error
            else:
                digest.cards = _keys(digest, shown)
            yield digest, hand

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


def of(digest: Digest) -> dict[str, Card]:
    """The cards of one digest as it was sent or would be sent now; nothing is stored.

    Papers that were hidden since are left out.
    """
    named = {item["paper"] for item in digest.items}
    cards = _by_paper(digest, thaw(set(digest.cards.split()))) if digest.cards else read(named)
    hidden = hidden_of(named)
    return {paper: card for paper, card in cards.items() if paper not in hidden}


def hidden_of(papers: Collection[str]) -> set[str]:
    """Which of these papers an editor has hidden, by the ids that they had or have."""
    found = Paper.objects.filter(
        Q(canonical_id__in=papers) | Q(former_id__in=papers), hidden=True
    ).values_list("canonical_id", "former_id")
    return {name for names in found for name in names if name}


def _keys(digest: Digest, cards: Mapping[str, Card]) -> str:
    found = [cards.get(item["paper"]) for item in digest.items]
    return " ".join([card.key if card else ABSENT for card in found])


def read(papers: Collection[str]) -> dict[str, Card]:
    """The cards of these papers as the catalogue has them now."""
    if not papers:
        return {}
    found = Paper.objects.filter(canonical_id__in=papers).only(*NEEDED)
    named = {paper.canonical_id: paper for paper in found}
    missing = set(papers) - named.keys()
    if missing:  # A listing paper whose arXiv id became known after the choice was frozen.
        for paper in Paper.objects.filter(former_id__in=missing).only(*NEEDED):
            named[paper.former_id] = paper
    cards: dict[str, Card] = {}
    for name, paper in named.items():
        try:
            cards[name] = card(paper)
        except Exception:
            log.exception("The paper %s cannot be shown and is left out.", name)
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


def thaw(keys: set[str]) -> dict[str, Card | Exception]:
    """The cards under these keys, or why one cannot be read: another version may have frozen it."""
    wanted = keys - {ABSENT}
    if not wanted:
        return {}
    cards: dict[str, Card | Exception] = {}
    for key, content in FrozenCard.objects.filter(key__in=wanted).values_list("key", "content"):
        try:
            cards[key] = Card.of(content)
        except Exception as error:  # noqa: BLE001 - whoever needs this card is told
            cards[key] = error
    return cards


def _by_paper(digest: Digest, cards: Mapping[str, Card | Exception]) -> dict[str, Card]:
    """The cards of a digest that was tried before. Raises what kept one from being read."""
    papers = [item["paper"] for item in digest.items]
    shown: dict[str, Card] = {}
    for paper, key in zip(papers, digest.cards.split(), strict=True):
        known = cards.get(key)
        if isinstance(known, Exception):
            raise known
        if known is not None:
            shown[paper] = known
    return shown
