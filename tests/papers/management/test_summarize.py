"""``manage.py summarize``: abstracts in, claim sentences out, in the same order."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

PROPOSAL = {
    "id": 7,
    "title": "Sorting in one pass",
    "abstract": "Sorting is old.  In this paper, we\npropose $O(n)$ sorting in one pass. It works.",
}


def summarize(
    folder: Path, lines: list[Any], *extra: str, name: str = "items.jsonl"
) -> tuple[list[dict[str, Any]], str, str, int]:
    """Return the answer, standard output, standard error and the exit status."""
    path = folder / name
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode()
                     for line in lines)  # fmt: skip
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("summarize", "--items", str(path), *extra, stdout=out, stderr=err)
    except SystemExit as ended:
        status = int(ended.code or 0)
    written = Path(extra[1]).read_text() if extra else out.getvalue()
    answer = [json.loads(line) for line in written.splitlines()]
    return answer, out.getvalue(), err.getvalue(), status


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz"])
def test_each_item_gets_its_sentence_from_the_cleaned_abstract(tmp_path: Path, name: str) -> None:
    empty = {"id": "b", "title": "No abstract"}
    answer, _, said, status = summarize(tmp_path, [PROPOSAL, empty], name=name)
    assert answer == [
        {"id": 7, "summary": "We propose O(n) sorting in one pass."},
        {"id": "b", "summary": ""},
    ]
    assert said.splitlines()[-1] == "summarized=1 empty=1 rejected=0"
    assert status == 0


def test_sentences_that_are_given_are_not_split_again(tmp_path: Path) -> None:
    sentences = ["Sorting is old.", "We propose a pass. And a second one for the rest of it."]
    answer, *_ = summarize(tmp_path, [{"id": 1, "title": "T", "sentences": sentences}])
    assert answer == [{"id": 1, "summary": sentences[1]}]


def test_with_a_file_for_the_answer_the_counts_go_to_standard_output(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    answer, out, said, status = summarize(tmp_path, [PROPOSAL], "--out", str(target))
    assert [line["id"] for line in answer] == [7]
    assert (out, said, status) == ("summarized=1 empty=0 rejected=0\n", "", 0)


def test_a_line_of_no_use_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [b"{", {"title": "no id"}, {"id": 1, "title": 2}, {"id": 2, "sentences": "no list"},
             PROPOSAL]  # fmt: skip
    answer, _, said, status = summarize(tmp_path, lines)
    assert [line["id"] for line in answer] == [7]
    assert [f"line {number}:" in said for number in range(1, 6)] == [True] * 4 + [False]
    assert said.splitlines()[-1] == "summarized=1 empty=0 rejected=4"
    assert status == 1


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: no such file") as refused:
        call_command("summarize", "--items", str(tmp_path / "absent.jsonl"))
    assert refused.value.returncode == 2
