"""``manage.py ingest``: what it prints, how it ends."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from pytest_django import Settings

from papers import tasks
from papers.ingest import runs
from papers.models import IngestRun, Paper, Source
from tests.conftest import DATA, SEED_LISTING

pytestmark = pytest.mark.django_db


def ingest(*arguments: object) -> tuple[str, str, int]:
    """Standard output, standard error and the exit status."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("ingest", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as end:
        return out.getvalue(), err.getvalue(), int(end.code or 0)
    except CommandError as error:
        return out.getvalue(), str(error), error.returncode
    return out.getvalue(), err.getvalue(), 0


def test_the_seed_listing_is_created_once() -> None:
    listing = ("--file", SEED_LISTING, "--format", "listing")
    assert ingest(*listing) == ("created=84 updated=0 unchanged=0 rejected=0\n", "", 0)
    assert ingest(*listing) == ("created=0 updated=0 unchanged=84 rejected=0\n", "", 0)
    assert Paper.objects.count() == 84
    assert IngestRun.objects.count() == 1


def test_a_listing_may_be_gzipped_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "listing.txt"
    path.write_bytes(gzip.compress(SEED_LISTING.read_bytes()))
    out, _, status = ingest("--file", path, "--format", "listing", "--date", "2025-03-11")
    assert (out, status) == ("created=84 updated=0 unchanged=0 rejected=0\n", 0)
    assert {str(paper.announced_at.date()) for paper in Paper.objects.all()} == {"2025-03-11"}


def test_a_terminal_sees_a_bar_and_a_pipe_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", terminal)
    ingest("--file", SEED_LISTING, "--format", "listing")
    assert "84/84" in terminal.getvalue()


def test_rejected_records_are_named_and_end_in_1(tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    path.write_text('{"title": "A"}\nnonsense\n')
    out, err, status = ingest("--file", path, "--format", "jsonl")
    assert (out, status) == ("created=1 updated=0 unchanged=0 rejected=1\n", 1)
    assert err.startswith("line 2: It is not JSON")
    assert IngestRun.objects.get().rejections[0]["record"] == "line 2"


def test_a_dry_run_writes_nothing() -> None:
    out, _, status = ingest("--file", SEED_LISTING, "--format", "listing", "--dry-run")
    assert (out, status) == ("created=84 updated=0 unchanged=0 rejected=0\n", 0)
    assert not Paper.objects.exists()
    assert not IngestRun.objects.exists()


def test_a_quiet_feed_says_why() -> None:
    path = DATA / "arxiv-rss" / "derived-weekend-empty-rss2.xml"
    out, err, status = ingest("--file", path, "--format", "arxiv-rss")
    assert (out, status) == ("created=0 updated=0 unchanged=0 rejected=0\n", 0)
    assert "quiet day" in err


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (None, ("--format", "listing"), "cannot be read: no such file or directory"),
        (b"", ("--format", "listing"), "empty"),
        (b"<html></html>", ("--format", "listing"), "not a trending-papers listing"),
        (b"\x1f\x8b broken", ("--format", "listing"), "damaged gzip file"),
        (b"x", ("--format", "telepathy"), "no format 'telepathy'"),
        (b"x", (), "Name the format"),
        (b"x", ("--format", "listing", "--date", "soon"), "--date is 'soon'"),
        (b"x", ("--format", "listing", "--date", "9999-01-01"), "still to come"),
        (b"x", ("--format", "listing", "--source", "hf-daily"), "not both"),
    ],
)
def test_what_cannot_be_read_ends_in_2_with_one_sentence(
    tmp_path: Path, content: bytes | None, arguments: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    out, err, status = ingest("--file", path, *arguments)
    assert (out, status) == ("", 2)
    assert words in err
    assert "\n" not in err.strip()


def test_an_unknown_source_is_named_with_those_that_are_known() -> None:
    out, err, status = ingest("--source", "hf-daily", "nowhere")
    assert (out, status) == ("", 2)
    assert "no source 'nowhere'; the sources are: arxiv-oai, arxiv-rss, hf-daily" in err


def test_a_failed_source_ends_in_2_and_the_others_are_visited() -> None:
    Source.objects.create(name="a", kind="arxiv-rss", address="http://127.0.0.1/feed")
    Source.objects.create(name="b", kind="openalex")
    out, err, status = ingest("--source", "a", "b")
    assert (out, status) == ("created=0 updated=0 unchanged=0 rejected=0\n", 2)
    assert "a: failed. 'http://127.0.0.1/feed' is refused" in err
    assert "b: quiet. Nothing to ask for." in err


def test_the_task_sends_a_worker_to_what_is_due(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.OFFLINE = False
    sent: list[int] = []
    monkeypatch.setattr(tasks.ingest_source, "delay", sent.append)
    tasks.ingest_due()
    assert len(sent) == runs.SOURCES_AT_ONCE
    with time_machine.travel("2999-01-01"):
        tasks.ingest_source(999_999)
