"""Whether two spellings are of one author."""

from __future__ import annotations

import re

import pytest

from papers.recommend.index import Document, Index
from papers.text.author_names import author_name, name_parts, same_person, split_names
from papers.text.clean import line
from tests.papers.text.test_corpus import recorded_texts


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


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (
            "Ada Lovelace (1), Alan Turing (1 and 2), Grace Hopper (2) ((1) Institute of Engines,"
            " London, (2) Navy Yard, Philadelphia, PA)",
            ["Ada Lovelace", "Alan Turing", "Grace Hopper"],
        ),
        ("A. One, B. Two, et al. (29 additional authors not shown)", ["A. One", "B. Two"]),
        ("C A Eins & J V Zwei", ["C A Eins", "J V Zwei"]),
        ("A. One, B. Two, & C. Three", ["A. One", "B. Two", "C. Three"]),
        ("A. One (Oslo, Norway), B. Two and C. Three (U. of X)", ["A. One", "B. Two", "C. Three"]),
        ("M. Molla (1) & E. Hardy (2)((1) Madrid, (2)N.R.A.O)", ["M. Molla", "E. Hardy"]),
        ("A. One$^{1,2}$, B. Two$^3$", ["A. One", "B. Two"]),
        ("A. One (1, B. Two", ["A. One"]),
        ("John Smith, Jr., Ann Lee III", ["John Smith, Jr.", "Ann Lee III"]),
        ("Big Collaboration: A. One, et al", ["Big Collaboration", "A. One"]),
        ("The Big Collaboration, the Other Collaboration: A. One",
         ["Big Collaboration", "Other Collaboration", "A. One"]),
        ("A. One, for the Big Collaboration", ["A. One", "Big Collaboration"]),
        ("A. One on behalf of the Big Team", ["A. One", "Big Team"]),
        ("A. One (on behalf of the Big Team)", ["A. One"]),
        ("A. One <a.one@example.org>; B. Two", ["A. One", "B. Two"]),
        ("Authors: A. One : B. Two", ["A. One", "B. Two"]),
        ("A. One (1), B. Two (2), (1) Oslo, (2) Rome", ["A. One", "B. Two"]),
        ("A. One^1, B. Two^{1,2}", ["A. One", "B. Two"]),
        (r"A. One\inst{1} \and B. Two\inst{1,2}", ["A. One", "B. Two"]),
        ("A. One, with an appendix by B. Two", ["A. One", "B. Two"]),
        ("A. One with an Appendix by B. Two", ["A. One", "B. Two"]),
        ("A. One (1), Ada\n  Lovelace (2) and B.\n  Two", ["A. One", "Ada Lovelace", "B. Two"]),
        ("A. One, for the Big\n  Collaboration", ["A. One", "Big Collaboration"]),
        ("A. One\nB. Two\n", ["A. One", "B. Two"]),
        ("A. One (Oslo) B. Two (Rome)\n Ada Lovelace", ["A. One", "B. Two", "Ada Lovelace"]),
        ("Ada (Countess) King Lovelace, Jo Ann (JA) One", ["Ada King Lovelace", "Jo Ann One"]),
        ("Lovelace, A., King, B. C.", ["A. Lovelace", "B. C. King"]),
        ("Le Grand, M. for the Big Team", ["M. Le Grand", "Big Team"]),
        ("A. One and the WFPC2 builders", ["A. One", "WFPC2 builders"]),
        ("The Anh Nguyen, B. Two", ["The Anh Nguyen", "B. Two"]),
        ("", []),
    ],
)  # fmt: skip
def test_a_line_of_authors_is_names_without_affiliations(written: str, names: list[str]) -> None:
    assert split_names(written) == names


@pytest.mark.parametrize("written", [":", ",", "et al.", "&", "", "26 others", "(1)"])
def test_what_is_no_name_is_no_author(written: str) -> None:
    assert author_name(written) == ""


def test_no_recorded_line_of_authors_leaves_an_affiliation_among_the_names() -> None:
    lines = recorded_texts("authors")
    names = [line(name) for written in lines for name in split_names(written)]
    assert len(names) > 4 * len(lines)
    marks = re.compile(
        r"[(){}\\&:;\x00]|^\d+\b|^et al|behalf|^[Tt]he .*ollaboration|Univ|^(?:\w\.[ -]?)+$"
    )
    # One line has a comma in the place of a surname.
    assert [name for name in names if marks.search(name)] in ([], ["S. F.E."])
