"""What a reason names decides: without it the paper scores lower."""

from __future__ import annotations

import random
from datetime import date

import pytest

from benchmarks.reasons import falls, picks
from papers.recommend.index import Document, Index
from papers.sources import hf_daily
from tests.conftest import DATA
from tests.papers.source_server import recorded

LIKED = 60
SEARCHES = (
    *("knowledge distillation of small models", "speech synthesis", "reward models for reasoning"),
    *("quantization of large language models", "chart understanding", "human motion generation"),
    *("long video understanding", "scientific discovery by agents", "object detection"),
    *("low-rank adaptation", "planning with world models", "software vulnerability repair"),
    *("visual reasoning benchmarks", "image editing", "web agents", "text-to-image generation"),
)
TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def papers() -> list[Document]:
    days = sorted(path.name for path in (DATA / "hf-daily").glob("2*.json.gz"))
    listings = [hf_daily.parse(recorded(f"hf-daily/{day}"), today=TODAY) for day in days]
    found = [one for listing in listings for one in listing.records]
    return [Document(one.arxiv_id, one.title, one.abstract) for one in found]


def test_without_a_named_phrase_98_of_100_papers_score_lower(papers: list[Document]) -> None:
    liked = random.Random(3).sample(papers, LIKED)
    found = falls(list(picks(Index(papers), liked, SEARCHES)), papers)
    assert len(found["likes"]) > 50
    assert len(found["searches"]) > 10
    both = [*found["likes"], *found["searches"]]
    assert sum(both) >= 0.98 * len(both)
