"""``manage.py rank``: files in, an order out, and a sentence for every line that is no use."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

ITEMS = [
    {"id": 0, "title": "Quantization of large language models to four bits"},
    {"id": 1, "title": "Low-bit quantization of transformer weights"},
    {"id": 2, "title": "Coral reefs seen from space"},
    {"id": 3, "title": "A catalogue of variable stars", "abstract": "Photometry of stars."},
]


def write(path: Path, lines: list[Any]) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def rank(
    folder: Path, profiles: list[Any], *, items: list[Any] = ITEMS, top: int = 10, end: str = ""
) -> tuple[list[dict[str, Any]], str, int]:
    """The answer, what was said on standard error, and the exit status."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    arguments = [
        *("--items", str(write(folder / f"items.jsonl{end}", items))),
        *("--profiles", str(write(folder / f"profiles.jsonl{end}", profiles))),
        *("--top", str(top)),
    ]
    try:
        call_command("rank", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue(), status


@pytest.mark.parametrize("end", ["", ".gz"])
def test_the_paper_most_like_the_liked_one_comes_first(tmp_path: Path, end: str) -> None:
    found, said, status = rank(
        tmp_path, [{"user": "ada", "likes": [0], "candidates": [2, 1, 3]}], end=end
    )
    assert [line["user"] for line in found] == ["ada"]
    assert found[0]["ranked"][0] == 1
    assert sorted(found[0]["ranked"]) == [1, 2, 3]
    assert ("ranked=1 rejected=0" in said, status) == (True, 0)


def test_without_candidates_every_item_but_the_liked_is_ranked(tmp_path: Path) -> None:
    found, _, _ = rank(tmp_path, [{"user": "ada", "likes": [3]}], top=2)
    assert len(found[0]["ranked"]) == 2
    assert 3 not in found[0]["ranked"]


def test_unknown_ids_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    found, said, status = rank(
        tmp_path, [{"user": "ada", "likes": [0, 99], "candidates": [1, 2, "no"]}]
    )
    assert sorted(found[0]["ranked"]) == [1, 2]
    assert "1 unknown ids in likes, left out: 99" in said
    assert status == 0


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"user": "eve", "likes": []}, "likes no known paper"),
        ({"user": "eve", "likes": [99]}, "likes no known paper"),
        ({"user": "eve", "likes": "0"}, "must be a list of ids"),
        ({"likes": [0]}, 'needs a "user"'),
        ("{broken", "This is no JSON object"),
        ("[1]", "This is no JSON object"),
    ],
)
def test_a_profile_that_is_no_use_is_refused_and_the_next_is_ranked(
    tmp_path: Path, broken: Any, sentence: str
) -> None:
    found, said, status = rank(tmp_path, [broken, {"user": "ada", "likes": [0]}])
    assert [line["user"] for line in found] == ["ada"]
    assert sentence in said
    assert status == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.jsonl cannot be read") as refused:
        call_command("rank", "--items", str(tmp_path / "nowhere.jsonl"), "--profiles", "x")
    assert refused.value.returncode == 2
