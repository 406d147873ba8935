"""Whether two spellings are of one author."""

from __future__ import annotations

import pytest

from papers.recommend.index import Document, Index
from papers.text.author_names import name_parts, same_person


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pat O\u2019Brien", "Pat O'Brien"),
        ("Pat O\u02bcBrien", "Pat O'Brien"),
        ("Pat O\u00b4Brien", "P. O'Brien"),
        ("Łukasz Kaiser", "Lukasz Kaiser"),
        ("Søren Ørsted", "Soren Orsted"),
        ("Đorđe Petrović", "Dorde Petrovic"),
        ("Sigurður Ægisson", "Sigurdur Aegisson"),
        ("Aydın Işık", "Aydin Isik"),
        ("Jean Œuvrard", "Jean Oeuvrard"),
        ("Hans Weiß", "Hans Weiss"),
        ("Jean\u2010Pierre Petit", "Jean-Pierre Petit"),
        ("Ana García\u2011López", "Ana García-López"),
        ("Ana García\u2212López", "Ana Garcia Lopez"),
        ("John Smith Jr.", "John Smith"),
        ("John Smith, Jr.", "J. Smith"),
        ("Smith, Jr., John", "John Smith"),
        ("Smith Jr., John", "John Smith"),
        ("Smith, John, Jr.", "John Smith"),
        ("John Smith III", "Smith, John"),
        ("Ii, Naomasa", "N. Ii"),
        ("Petrov, Iv. M.", "I. M. Petrov"),
    ],
)
def test_everyday_spellings_of_a_name_are_one_person(one: str, other: str) -> None:
    assert same_person(one, other)
    assert name_parts(one)[-1] == name_parts(other)[-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("John Smith Jr.", "Jane Smith Jr."),
        ("John Smith III", "John Jones III"),
        ("Naomasa Ii", "Naomasa Abe"),
        ("Naomasa Ii", "Naomasa"),
        ("Iv. M. Petrov", "M. Petrov"),
    ],
)
def test_a_suffix_makes_nobody_alike(one: str, other: str) -> None:
    assert not same_person(one, other)


@pytest.mark.parametrize("name", ["Jr.", "III", "Jr. III IV", "Jr., III"])
def test_a_name_of_nothing_but_suffixes_is_still_a_name(name: str) -> None:
    assert name_parts(name)


def test_an_author_is_found_by_another_spelling_of_the_name() -> None:
    paper = Document("a", "Attention", authors=("Łukasz Kaiser", "Pat O\u2019Brien Jr."))
    index = Index([paper])
    assert index.written_by("Lukasz Kaiser") == index.written_by("Pat O'Brien") == [0]
