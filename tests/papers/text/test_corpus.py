"""Cleaning of recorded titles and abstracts: arXiv's hard ones and a year of Hugging Face's."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from papers.text.clean import line, paragraphs

DATA = Path(__file__).parents[2] / "data"
FORMULA = re.compile(r"\$[^$]*\$")


def recorded_texts(name: str) -> list[str]:
    with gzip.open(DATA / f"texts/{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [str(json.loads(row)[name]) for row in file]


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"title", "summary"} and isinstance(inner, str):
                yield inner
            else:
                yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


def hugging_face_texts() -> list[str]:
    found: set[str] = set()
    for path in (DATA / "hf-daily").glob("*.json.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            found.update(texts_in(json.load(file)))
    return sorted(found)


CORPORA: dict[str, tuple[Callable[[], list[str]], Callable[[str], str]]] = {
    "titles": (lambda: recorded_texts("title"), line),
    "abstracts": (lambda: recorded_texts("abstract"), paragraphs),
    "hugging face": (hugging_face_texts, paragraphs),
}


@pytest.fixture(params=CORPORA)
def corpus(request: pytest.FixtureRequest) -> tuple[list[str], Callable[[str], str]]:
    read, clean = CORPORA[request.param]
    return read(), clean


def test_no_text_shows_a_format_string_or_loses_all_words(
    corpus: tuple[list[str], Callable[[str], str]],
) -> None:
    texts, clean = corpus
    assert len(texts) >= 200
    cleaned = [clean(text) for text in texts]
    assert [found for found in cleaned if "%s" in found or not found] == []


def test_at_most_one_text_in_a_thousand_keeps_a_backslash_or_a_lone_brace(
    corpus: tuple[list[str], Callable[[str], str]],
) -> None:
    texts, clean = corpus
    outside = [FORMULA.sub("", clean(text)) for text in texts]
    lone = [text for text in outside if "\\" in text or text.count("{") != text.count("}")]
    assert len(lone) <= len(texts) / 1000, lone


def test_a_second_pass_changes_no_text(corpus: tuple[list[str], Callable[[str], str]]) -> None:
    texts, clean = corpus
    cleaned = [clean(text) for text in texts]
    assert [found for found in cleaned if clean(found) != found] == []


def test_about_stays_about_and_a_tie_becomes_a_space() -> None:
    titles = [title for title in recorded_texts("title") if re.search(r"\bz~\d", title)]
    assert len(titles) > 20
    assert [title for title in titles if "z~" not in line(title)] == []
