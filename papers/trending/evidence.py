"""Evidence for papers without votes: acceptance at a venue, and authors known from before."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

VENUE: Final = re.compile(
    r"\baccepted\s+(?:at|by|for|in|to)\b|\bto\s+appear\s+(?:at|in)\b|\bin\s+press\b"
    r"|\bpublished\s+(?:at|by|in)\b|\b(?:oral|spotlight)\b|\bbest\s+paper\b",
    re.IGNORECASE,
)
NOT_YET: Final = re.compile(
    r"\b(?:not|never|yet\s+to|to)\s+be\s+(?:accepted|published)|\bnot\s+(?:yet\s+)?accepted",
    re.IGNORECASE,
)


def names_a_venue(comment: str) -> bool:
    """Return whether an author's comment says that the paper was accepted somewhere.

    "Accepted at NeurIPS 2025" and "to appear in Phys. Rev. D" do; "submitted to JHEP" does not.
    """
    return bool(VENUE.search(comment)) and not NOT_YET.search(comment)


def with_known_authors(
    papers: Iterable[tuple[str, Sequence[str]]], earlier: Iterable[tuple[str, Sequence[str]]]
) -> set[str]:
    """Return the ids of the papers that share an author with another, earlier paper.

    Args:
        papers: Pairs of id and authors.
        earlier: The same, of papers that were among the first of earlier days.
    """
    written = defaultdict(set)
    for paper, authors in earlier:
        for author in authors:
            written[author].add(paper)
    return {
        paper
        for paper, authors in papers
        if any(written.get(author, set()) - {paper} for author in authors)
    }
