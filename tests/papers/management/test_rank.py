"""``manage.py rank``: files in, an order out, and a sentence for every line that is no use."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
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
    raw = b"\n".join(map(as_bytes, lines))
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def as_bytes(line: Any) -> bytes:
    """A line as it is, or written as JSON."""
    if isinstance(line, bytes):
        return line
    return line.encode() if isinstance(line, str) else json.dumps(line).encode()


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


def test_bare_titles_are_compared_by_their_meaning_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = ["Sleep of domestic cats", "Pulsating stars", "Kittens at play", "Tax law in Norway"]
    items = [{"id": number, "title": title} for number, title in enumerate(titles)]
    profile = {"user": "ada", "likes": [0], "candidates": [1, 2, 3]}
    [found], _, _ = rank(tmp_path, [profile], items=items)
    assert found["ranked"][0] == 2
    monkeypatch.setenv("SENTENCE_VECTORS", "false")
    [by_words], _, _ = rank(tmp_path, [profile], items=items)
    assert by_words["ranked"][0] == 1


def test_without_candidates_every_item_but_the_liked_is_ranked(tmp_path: Path) -> None:
    found, _, _ = rank(tmp_path, [{"user": "ada", "likes": [3]}], top=2)
    assert len(found[0]["ranked"]) == 2
    assert 3 not in found[0]["ranked"]


def test_a_profile_of_searches_alone_lists_only_what_is_about_them(tmp_path: Path) -> None:
    profiles = [
        {"user": "ada", "searches": ["coral reefs", "variable stars"]},
        {"user": "ben", "searches": ["sign language"], "likes": []},
    ]
    found, _, status = rank(tmp_path, profiles)
    assert status == 0
    assert [sorted(line["ranked"]) for line in found] == [[2, 3], []]


def test_likes_and_searches_are_ranked_together(tmp_path: Path) -> None:
    profile = {"user": "ada", "likes": [0], "searches": ["coral reefs"]}
    [found], _, _ = rank(tmp_path, [profile], top=2)
    assert sorted(found["ranked"]) == [1, 2]


@pytest.mark.parametrize("searches", ["coral reefs", [1], {"a": "b"}, None])
def test_searches_that_are_no_list_of_texts_are_refused(tmp_path: Path, searches: Any) -> None:
    found, said, status = rank(tmp_path, [{"user": "ada", "likes": [0], "searches": searches}])
    assert (found, status) == ([], 1)
    assert "User 'ada': \"searches\" must be a list of texts." in said


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
        ("[" * 200_000, "nested too deeply; write one flat object"),
        ('{"user": "u\\ud800", "likes": [0]}', "half of a character"),
        (b'{"user": "\xff", "likes": [0]}', "not UTF-8 text at byte 11; save the file as UTF-8"),
        ({"user": ["eve"], "likes": [0]}, 'needs a "user", text or a number'),
        ({"user": True, "likes": [0]}, 'needs a "user", text or a number'),
        ('{"user": NaN, "likes": [0]}', 'needs a "user", text or a number'),
        ({"user": "eve", "likes": [[0]]}, "neither text nor a number"),
    ],
)
def test_a_profile_that_is_no_use_is_refused_and_the_next_is_ranked(
    tmp_path: Path, broken: Any, sentence: str
) -> None:
    found, said, status = rank(tmp_path, [broken, {"user": "ada", "likes": [0]}])
    assert [line["user"] for line in found] == ["ada"]
    assert sentence in said
    assert status == 1


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("[" * 200_000, "nested too deeply"),
        (b'{"id": 9, "title": "\xff"}', "not UTF-8 text"),
        ('{"id": 9, "title": "half \\ud800"}', "half of a character"),
        ({"id": {}, "title": "A title"}, 'needs an "id", text or a number'),
        ({"id": 9, "title": "A title", "abstract": []}, '"abstract" must be text'),
        (ITEMS[0], "was there before"),
    ],
)
def test_an_item_that_is_no_use_is_refused_and_the_others_are_ranked(
    tmp_path: Path, broken: Any, sentence: str
) -> None:
    found, said, status = rank(
        tmp_path, [{"user": "ada", "likes": [0]}], items=[*ITEMS[:2], broken, *ITEMS[2:]]
    )
    assert sorted(found[0]["ranked"]) == [1, 2, 3]
    assert said.startswith("items.jsonl, line 3: ")
    assert sentence in said
    assert ("ranked=1 rejected=1" in said, status) == (True, 1)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    marked = [b"\xef\xbb\xbf" + as_bytes(ITEMS[0]), *ITEMS[1:]]
    found, _, status = rank(tmp_path, [{"user": "ada", "likes": [0]}], items=marked)
    assert (len(found[0]["ranked"]), status) == (3, 0)


def test_a_paper_that_is_listed_twice_is_ranked_once(tmp_path: Path) -> None:
    profiles = [
        {"user": "ada", "likes": [0], "candidates": [1, 2, 1, "1"]},
        {"user": "eve", "likes": [0, 0, 2], "candidates": [1, 3]},
        {"user": "bob", "likes": [0, 2], "candidates": [1, 3]},
    ]
    (ada, eve, bob), _, _ = rank(tmp_path, profiles)
    assert ada["ranked"] == [1, 2]
    assert eve["ranked"] == bob["ranked"]


@pytest.mark.parametrize("damage", [lambda whole: whole[:-20], lambda whole: whole[:12] + whole])
@pytest.mark.parametrize("name", ["items", "profiles"])
def test_a_damaged_gzip_file_is_said_in_one_sentence(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    files = {
        "items": write(tmp_path / "items.gz", ITEMS),
        "profiles": write(tmp_path / "profiles.gz", [{"user": "ada", "likes": [0]}]),
    }
    files[name].write_bytes(damage(files[name].read_bytes()))
    arguments = [part for key, path in files.items() for part in (f"--{key}", str(path))]
    with pytest.raises(CommandError, match=rf"{name}\.gz is a damaged gzip file") as refused:
        call_command("rank", *arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert refused.value.returncode == 2


def test_profiles_are_read_one_at_a_time(tmp_path: Path) -> None:
    """Fifty of them together, as a list, would be twice what is allowed."""
    profile = {"user": "ada", "likes": [0], "candidates": [1, *range(1000, 11_000)]}
    items = write(tmp_path / "items.jsonl", ITEMS)
    profiles = write(tmp_path / "profiles.jsonl", [profile] * 50)
    out = io.StringIO()
    tracemalloc.start()
    call_command("rank", items=items, profiles=profiles, top=1, stdout=out, stderr=io.StringIO())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(out.getvalue().splitlines()) == 50
    assert peak < 10_000_000


def test_no_paper_wanted_is_a_wrong_argument(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="write 1 or more") as refused:
        rank(tmp_path, [], top=0)
    assert refused.value.returncode == 2


def test_with_a_file_to_write_the_counts_are_on_standard_output(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    items = write(tmp_path / "items.jsonl", ITEMS)
    profiles = write(tmp_path / "profiles.jsonl", [{"user": "ada", "likes": [0]}])
    ranked = tmp_path / "ranked.jsonl"
    call_command("rank", items=items, profiles=profiles, out=ranked, stdout=out, stderr=err)
    assert (out.getvalue(), err.getvalue()) == ("ranked=1 rejected=0\n", "")
    assert json.loads(ranked.read_text())["user"] == "ada"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.jsonl cannot be read") as refused:
        call_command("rank", "--items", str(tmp_path / "nowhere.jsonl"), "--profiles", "x")
    assert refused.value.returncode == 2


@pytest.mark.parametrize("door", [(), ("--out", "/dev/full")])
def test_an_answer_that_cannot_be_written_is_said_in_one_sentence(
    tmp_path: Path, door: tuple[str, ...]
) -> None:
    items = write(tmp_path / "items.jsonl", ITEMS)
    profiles = write(tmp_path / "profiles.jsonl", [{"user": "ada", "likes": [0]}])
    named = ("--items", str(items), "--profiles", str(profiles), "--top", "3", *door)
    with Path("/dev/full").open("wb", buffering=0) as full:
        out = io.TextIOWrapper(full, write_through=True)
        with pytest.raises(CommandError, match=r"(?i)cannot be written: no space") as refused:
            call_command("rank", *named, stdout=out)
    assert refused.value.returncode == 2
    assert Path("/dev/full").is_char_device()


def test_an_answer_is_written_where_only_ascii_is(tmp_path: Path) -> None:
    items = write(tmp_path / "items.jsonl", [*ITEMS, {"id": "é", "title": "Quantization"}])
    profiles = write(tmp_path / "profiles.jsonl", [{"user": "Zoë\u2028", "likes": [0]}])
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    call_command(
        "rank", "--items", str(items), "--profiles", str(profiles), "--top", "9", stdout=out
    )
    [line] = raw.getvalue().decode("ascii").splitlines()
    found = json.loads(line)
    assert found["user"] == "Zoë\u2028"
    assert "é" in found["ranked"]
