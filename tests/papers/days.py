"""Papers and their readings, for the tests of the trending score."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from papers.trending import score
from papers.trending.growth import Readings

START = datetime(2026, 3, 2, tzinfo=UTC)


class Day:
    """Papers and their readings; times are hours after one minute past midnight of 2 March."""

    def __init__(self) -> None:
        self.columns: list[tuple[float, float, float, float]] = []
        self.facts: list[set[str]] = []
        self.rows: list[tuple[int, str, str, float, float]] = []

    def paper(
        self, hour: float = 0, *facts: str, picked: float = np.nan, authors: float = 7,
        waited: float = 1,
    ) -> int:  # fmt: skip
        """Add a paper; ``facts`` are names of columns that hold for it, such as ``code``."""
        self.columns.append((hour, picked, authors, waited))
        self.facts.append(set(facts))
        return len(self.columns) - 1

    def read(
        self, paper: int, name: str, *totals: tuple[float, float], source: str = "hf-daily"
    ) -> None:
        """Add running totals of one measure: pairs of hour and value."""
        self.rows += [(paper, source, name, value, hour) for hour, value in totals]

    def crowd(self, size: int, hour: float = 0, most: float = 40) -> None:
        """Add papers like those of a real list: a few get many votes in their day, most few."""
        for number in range(size):
            votes = most * 0.9**number
            paper = self.paper(hour)
            opening = (hour + 8, round(votes / 3)), (hour + 24, round(votes))
            self.read(paper, "upvotes", *opening)

    def scored(self, *, minute: float = 1 / 60) -> score.Scored:
        """Return the scores; ``minute`` 0 puts hour 0 at exactly midnight."""
        base = START.timestamp() / 3600 + minute
        announced, picked, authors, waited = np.array(self.columns, float).reshape(-1, 4).T
        papers = score.Candidates(
            announced + base,
            picked + base,
            authors,
            waited,
            *(
                np.array([fact in facts for facts in self.facts], bool)
                for fact in ("accepted", "known_authors", "code")
            ),
        )
        names = sorted({(source, name) for _, source, name, _, _ in self.rows})
        return score.score(
            papers,
            Readings(
                np.array([row[0] for row in self.rows], np.int64),
                np.array([names.index((row[1], row[2])) for row in self.rows], np.int64),
                np.array([row[3] for row in self.rows], np.float64),
                np.array([row[4] for row in self.rows], np.float64) + base,
                names,
            ),
        )

    def ranks(self) -> list[int]:
        """Return the place of each paper, the best first, counted from 1."""
        order = np.argsort(-np.array(self.scored().scores), kind="stable")
        return [int(place) + 1 for place in np.argsort(order)]
