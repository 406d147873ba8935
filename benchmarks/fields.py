"""Count the papers of each field of arXiv in recorded answers, and papers a week where they tell.

    python -m benchmarks.fields [FOLDER]

FOLDER (``tests/data``) holds answers as the sources sent them. A rate needs an answer that is of
days: a feed, or a list of the archive, of some fields or archives. It is computed as the form does
("n papers a week"): new papers, primary or cross-listed, where less than a week of days counts as
a week, so that it is the least there can be. Of searches and single papers only the papers are
counted.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.rates import Choice, weekly_rates
from papers.sources import arxiv_api, arxiv_oai, arxiv_rss, jsonl
from papers.sources.protocol import Parse
from papers.sources.record import ListingError, PaperRecord
from papers.text import taxonomy

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT / "tests" / "data"
SEEDS: Final = ROOT / "seeds" / "trending-papers-metadata.jsonl"
PARSERS: Final[dict[str, Parse]] = {
    "arxiv-api": arxiv_api.parse,
    "arxiv-rss": arxiv_rss.parse,
    "oai-pmh": arxiv_oai.parse,
}
FEED_OF: Final = re.compile(rb"<title>([\w.+-]+) updates on arXiv\.org</title>")
LIST_OF: Final = re.compile(rb'<request[^>]* set="(?:physics:)?([\w-]+)"')
HOURS_A_DAY: Final = 24.0
TODAY: Final = datetime.now(UTC).date()


@dataclass(frozen=True)
class Answer:
    """A recorded answer.

    Attributes:
        name: Its file.
        papers: Its papers of arXiv by id.
        scope: The fields that it is of; empty for a search.
        days: The days of announcements, or of changes, that it is of.
        new: The ids of those that were new on these days.
        total: How many papers the whole list had, where it says so.
    """

    name: str
    papers: dict[str, PaperRecord]
    scope: frozenset[str] = frozenset()
    days: frozenset[date] = frozenset()
    new: frozenset[str] = frozenset()
    total: int | None = None

    def rate(self, field: str) -> float:
        """Return the papers a week of a field."""
        begin = min(self.days).toordinal() * HOURS_A_DAY
        papers = [
            Document(one, found.title, categories=found.categories, announced=begin)
            for one, found in self.papers.items()
            if one in self.new
        ]
        rates = weekly_rates(Index(papers), Profile(topics=[field])).rates
        return rates.get(Choice("topics", field), 0.0)


def answers(folder: Path) -> Iterator[Answer]:
    """Yield the answers of a folder that hold papers of arXiv."""
    for path in sorted(folder.glob("*/*.xml*")):
        # A derived file repeats the papers of another.
        parse = PARSERS.get(path.parent.name)
        if parse is None or path.name.startswith("derived"):
            continue
        body = path.read_bytes()
        try:
            yield read(path.name, parse, gzip.decompress(body) if path.suffix == ".gz" else body)
        except ListingError:
            continue
    records = jsonl.parse(SEEDS.read_bytes(), today=TODAY).records
    yield Answer(SEEDS.name, {one.arxiv_id: one for one in records if one.arxiv_id})


def read(name: str, parse: Parse, body: bytes) -> Answer:
    """Return an answer with the days and fields that it is of."""
    listing = parse(body, today=TODAY)
    papers = {one.arxiv_id: one for one in listing.records if one.arxiv_id}
    named = FEED_OF.search(body) or LIST_OF.search(body)
    if named is None or listing.day is None:
        return Answer(name, papers)
    codes = {taxonomy.category(code) or code for code in named[1].decode().split("+")}
    scope = {field for field in taxonomy.NAMES if {field, field.partition(".")[0]} & codes}
    begin = re.search(rb'<request[^>]* from="([\d-]+)"', body)
    first = date.fromisoformat(begin[1].decode()) if begin else listing.day
    days = [first + timedelta(day) for day in range((listing.day - first).days + 1)]
    oldest = first - arxiv_oai.ADDED_WITHIN if begin else first
    new = {one for one, found in papers.items() if (_day_of(found) or oldest) >= oldest}
    return Answer(name, papers, frozenset(scope), frozenset(days), frozenset(new), listing.total)


def _day_of(paper: PaperRecord) -> date | None:
    found = paper.announced_at or paper.published_at
    return found.date() if found else None


def main(folder: str = "") -> None:
    """Print the answers that are of days, then a line for each field, those without by archive."""
    found = list(answers(Path(folder) if folder else DATA))
    dated = [answer for answer in found if answer.days]
    met = {one: paper for answer in found for one, paper in answer.papers.items()}
    print(f"{len(met)} papers of arXiv in {len(found)} answers, of which {len(dated)} are of days:")
    for answer in dated:
        whole = f" of {answer.total}" if answer.total else ""
        print(
            f"  {answer.name}: {len(answer.days)} days from {min(answer.days)}, "
            f"{len(answer.papers)}{whole} papers, {len(answer.new)} of them new"
        )
    missing: dict[str, list[str]] = {}
    for field in taxonomy.NAMES:
        count = sum(field in paper.categories for paper in met.values())
        of_it = [answer for answer in dated if field in answer.scope]
        days = "+".join(str(len(answer.days)) for answer in of_it) or "none"
        rates = " and ".join(f"{answer.rate(field):.0f}" for answer in of_it) or "none recorded"
        if count:
            print(f"  {field:<18} {count:>3} papers  days {days:<5} papers a week {rates}")
        else:
            missing.setdefault(f"days {days}, papers a week {rates}", []).append(field)
    for why, names in missing.items():
        print(f"no paper, {why}: {', '.join(names)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
