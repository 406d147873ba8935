"""``manage.py export_papers``: every paper as JSON Lines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from papers.ingest.service import read_file
from papers.models import Paper
from tests.conftest import DATA, SEED_LISTING

pytestmark = pytest.mark.django_db
KEYS = [
    "id", "title", "abstract", "summary", "summary_source", "authors", "published", "updated",
    "categories", "url", "pdf_url", "code_url", "withdrawn", "trending",
]  # fmt: skip


def test_every_paper_is_one_line_with_the_promised_keys() -> None:
    read_file(DATA / "arxiv-api" / "search-page-0-10.xml", "arxiv-api")
    out, err = io.StringIO(), io.StringIO()
    call_command("export_papers", stdout=out, stderr=err)
    assert err.getvalue() == "papers=10\n"
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == 10
    assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    assert list(lines[0]) == KEYS
    (testing,) = [line for line in lines if line["id"] == "2405.13786"]
    assert testing["authors"][0] == "Aurora Ramírez"
    assert testing["published"] == testing["updated"] == "2024-05-22T16:11:45Z"
    assert testing["withdrawn"] is False


def test_an_export_read_again_changes_nothing(tmp_path: Path) -> None:
    read_file(SEED_LISTING, "listing")
    read_file(DATA / "arxiv-api" / "search-page-0-10.xml", "arxiv-api")
    path = tmp_path / "papers.jsonl"
    out = io.StringIO()
    call_command("export_papers", out=path, stdout=out)
    assert out.getvalue() == "papers=94\n"
    before = sorted(Paper.objects.values_list("canonical_id", "title", "abstract"))
    counts = read_file(path, "jsonl")
    assert (counts.created, counts.rejected) == (0, 0)
    Paper.objects.all().delete()
    assert read_file(path, "jsonl").created == 94
    assert sorted(Paper.objects.values_list("canonical_id", "title", "abstract")) == before


def test_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        call_command("export_papers", out=tmp_path / "nowhere" / "x")
