"""The cards of digests: current ones for a first attempt, stored snapshots for any later one.

A retry repeats the first attempt byte for byte, whatever was corrected in the catalogue since. A
card is stored under a hash of its content when it is first mailed, and the keys go into the row of
the digest together with the intent to send it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from newsletter.mail.cards import Card, card_of
from newsletter.models import Digest, FrozenCard
from papers.models import Paper

log = logging.getLogger(__name__)

NO_CARD: Final = "-"  # The key of a paper that could not be shown.
CACHED_CARDS: Final = 4096  # About 4 kB each.
PAPER_FIELDS: Final = (
    *(
        "canonical_id",
        "title",
        "abstract",
        "raw_title",
        "raw_abstract",
        "summary",
        "summary_source",
        "authors",
        "primary_category",
    ),
    *("published_at", "announced_at", "picked_at", "editor_note", "url", "pdf_url", "code_url"),
)


class CardCache:
    """The cards of one run: each paper is read and formatted once for all its readers."""

    def __init__(self) -> None:
        self.cards: dict[str, Card] = {}

    def for_digests(
        self, digests: Collection[Digest]
    ) -> Iterator[tuple[Digest, Mapping[str, Card] | Exception]]:
        """Yield each digest with its cards by paper, or with the error that left it without.

        The keys of the cards of a first attempt are put into ``digest.cards``; saving the row is
        up to the caller.
        """
        fresh = [digest for digest in digests if not digest.cards]
        named = {item["paper"] for digest in fresh for item in digest.items}
        self._load(named)
        hidden = hidden_papers(named)  # Since they were chosen, or since their card was made.
        shown = {paper: card for paper, card in self.cards.items() if paper not in hidden}
        stored = load_snapshots({key for digest in digests for key in digest.cards.split()})
        for digest in digests:
            cards: Mapping[str, Card] | Exception = shown
            if digest.cards:
                try:
                    cards = _by_paper(digest, stored)
                except Exception as error:  # noqa: BLE001 - one bad digest never stops the run
                    cards = error
            else:
                digest.cards = _keys(digest, shown)
            yield digest, cards

    def _load(self, papers: set[str]) -> None:
        """Read and store the missing cards, and drop the least recently used."""
        missing = papers - self.cards.keys()
        for paper in papers - missing:
            self.cards[paper] = self.cards.pop(paper)
        new = current_cards(missing)
        store_snapshots(new.values())
        self.cards |= new
        excess = len(self.cards) - max(CACHED_CARDS, len(papers))
        for paper in list(self.cards)[: max(0, excess)]:
            del self.cards[paper]


def cards_of(digest: Digest) -> dict[str, Card]:
    """Return the cards of one digest as it was sent or would be sent now; nothing is stored.

    Papers that were hidden since are left out.
    """
    named = {item["paper"] for item in digest.items}
    if digest.cards:
        cards = _by_paper(digest, load_snapshots(set(digest.cards.split())))
    else:
        cards = current_cards(named)
    hidden = hidden_papers(named)
    return {paper: card for paper, card in cards.items() if paper not in hidden}


def hidden_papers(papers: Collection[str]) -> set[str]:
    """Return which of these papers an editor has hidden."""
    hidden = Paper.objects.filter(canonical_id__in=papers, hidden=True)
    return set(hidden.values_list("canonical_id", flat=True))


def _keys(digest: Digest, cards: Mapping[str, Card]) -> str:
    found = [cards.get(item["paper"]) for item in digest.items]
    return " ".join([card.key if card else NO_CARD for card in found])


def current_cards(papers: Collection[str]) -> dict[str, Card]:
    """Return the cards of these papers as the catalogue has them now."""
    if not papers:
        return {}
    found = Paper.objects.filter(canonical_id__in=papers).only(*PAPER_FIELDS)
    cards: dict[str, Card] = {}
    for paper in found:
        try:
            cards[paper.canonical_id] = card_of(paper)
        except Exception:
            log.exception("The paper %s cannot be shown and is left out.", paper.canonical_id)
    return cards


def store_snapshots(cards: Collection[Card]) -> None:
    """Store the content of these cards for later attempts."""
    if not cards:
        return
    new = {card.key: card for card in cards}
    for key in FrozenCard.objects.filter(key__in=list(new)).values_list("key", flat=True):
        del new[key]
    rows = [FrozenCard(key=key, content=card.content) for key, card in new.items()]
    FrozenCard.objects.bulk_create(rows, ignore_conflicts=True)


def load_snapshots(keys: set[str]) -> dict[str, Card | Exception]:
    """Return the cards under these keys, or the error where another version wrote the content."""
    wanted = keys - {NO_CARD}
    if not wanted:
        return {}
    cards: dict[str, Card | Exception] = {}
    for key, content in FrozenCard.objects.filter(key__in=wanted).values_list("key", "content"):
        try:
            cards[key] = Card.from_content(content)
        except Exception as error:  # noqa: BLE001 - raised for the digests that need this card
            cards[key] = error
    return cards


def _by_paper(digest: Digest, cards: Mapping[str, Card | Exception]) -> dict[str, Card]:
    """Return the stored cards of a digest by paper. Raises the error of an unreadable one."""
    papers = [item["paper"] for item in digest.items]
    shown: dict[str, Card] = {}
    for paper, key in zip(papers, digest.cards.split(), strict=True):
        known = cards.get(key)
        if isinstance(known, Exception):
            raise known
        if known is not None:
            shown[paper] = known
    return shown
