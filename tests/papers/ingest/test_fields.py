"""The fields of arXiv that the sources follow, and that the form offers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from papers.ingest import fields
from papers.ingest import service as ingest
from papers.models import Source
from papers.text import taxonomy

pytestmark = pytest.mark.django_db
ALL = frozenset(taxonomy.NAMES)


@pytest.fixture
def asked() -> Iterator[set[str]]:
    chosen: set[str] = set()

    def answer(**_: object) -> set[str]:
        return chosen

    fields.fields_asked.connect(answer)
    yield chosen
    fields.fields_asked.disconnect(answer)


def source(name: str = "arxiv-rss") -> Source:
    return Source.objects.get(name=name)


def test_a_fresh_installation_follows_all_of_arxiv() -> None:
    assert fields.fed_fields() == ALL
    ingest.ensure_sources()
    assert fields.fed_fields() == ALL
    assert {source(name).address for name in fields.KINDS} == {""}


def test_all_sources_of_arxiv_follow_the_same_fields() -> None:
    ingest.ensure_sources()
    fields.follow(["math.AG", "cs.CL"])
    assert [source(name).address for name in fields.KINDS] == ["cs.CL+math.AG"] * 2
    assert fields.fed_fields() == {"cs.CL", "math.AG"}
    fields.follow([])
    assert fields.fed_fields() == ALL


def test_a_whole_archive_brings_all_of_its_categories() -> None:
    ingest.ensure_sources()
    fields.follow(["econ"])
    assert fields.fed_fields() == {"econ.EM", "econ.GN", "econ.TH"}


def test_the_fields_of_a_whole_archive_are_followed_by_its_name() -> None:
    econ = [name for name in taxonomy.NAMES if name.startswith("econ.")]
    assert fields.address_for([*econ, "cs.CL", "hep-th"]) == "cs.CL+econ+hep-th"
    assert fields.address_for(["econ", "econ.EM"]) == "econ"
    assert fields.address_for(taxonomy.NAMES) == ""
    assert fields.address_for([]) == ""


def test_a_source_with_an_address_of_its_own_is_left_alone() -> None:
    ingest.ensure_sources()
    Source.objects.filter(name="arxiv-rss").update(address="https://feeds.example/arxiv")
    fields.follow(["cs.CL"])
    assert source().address == "https://feeds.example/arxiv"
    assert fields.fed_fields() == ALL


def test_a_disabled_source_brings_nothing() -> None:
    ingest.ensure_sources()
    fields.follow(["cs.CL"])
    Source.objects.filter(name="arxiv-oai").update(address="math.AG", enabled=False)
    assert fields.fed_fields() == {"cs.CL"}


def test_sources_can_follow_what_is_asked_for(asked: set[str]) -> None:
    ingest.ensure_sources()
    fields.follow([], asked=True)
    asked |= {"math.AG", "cs"}
    assert fields.address_of(source()) == "cs+math.AG"
    assert fields.fed_fields() == ALL
