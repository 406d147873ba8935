"""Papers and what was read about them, for the tests of what trends."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from papers.trending import prior, score
from papers.trending.growth import Readings

START = datetime(2026, 3, 2, tzinfo=UTC)


class Day:
    """Papers and what was read about them; times are hours after midnight of 2 March."""

    def __init__(self) -> None:
        self.announced: list[float] = []
        self.fields: list[str] = []
        self.picked: list[float] = []
        self.authors: list[float] = []
        self.rows: list[tuple[int, str, str, float, float]] = []

    def paper(
        self, hour: float = 0, field: str = "cs.CL", picked: float = np.nan, authors: float = 3
    ) -> int:
        self.announced.append(hour)
        self.fields.append(field)
        self.picked.append(picked)
        self.authors.append(authors)
        return len(self.announced) - 1

    def read(
        self, paper: int, name: str, *totals: tuple[float, float], source: str = "hf-daily"
    ) -> None:
        """Running totals of one measure: pairs of hour and value."""
        self.rows += [(paper, source, name, value, hour) for hour, value in totals]

    def crowd(self, size: int, hour: float = 0, field: str = "cs.CL", most: float = 40) -> None:
        """Papers like those of a real list: a few get many votes in their day, most get few."""
        for number in range(size):
            votes = most * 0.9**number
            paper = self.paper(hour, field)
            opening = (hour + 8, round(votes / 3)), (hour + 24, round(votes))
            self.read(paper, "upvotes", *opening)

    def scored(self) -> score.Scored:
        base = START.timestamp() / 3600
        size = len(self.announced)
        features = prior.features(
            ["A title"] * size, np.full(size, 900.0), np.array(self.authors), np.zeros(size),
            np.ones(size),
        )  # fmt: skip
        papers = score.Entrants(
            np.array(self.announced) + base, np.array(self.picked) + base, self.fields, features
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
        """The place of each paper, the best first, counted from 1."""
        order = np.argsort(-np.array(self.scored().scores), kind="stable")
        return [int(place) + 1 for place in np.argsort(order)]
