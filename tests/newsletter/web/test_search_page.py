"""Finding papers by words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from newsletter.web import request_limit
from papers import search, search_index, spelling
from papers.models import Paper
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the process keeps between two requests."""
    request_limit.forget_all()
    monkeypatch.setattr(spelling, "_kept", (0.0, {}))


def results(client: Client, words: str, page: int = 1) -> str:
    response = client.get("/search/", {"q": words, "page": str(page)})
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_search_asks_for_words(client: Client) -> None:
    a_paper(title="Alpha")
    page = client.get("/search/").content.decode()
    assert 'name="q"' in page
    assert "Alpha" not in page


def test_a_word_in_the_title_comes_before_one_in_the_abstract(client: Client) -> None:
    a_paper(title="Alpha", abstract="On diffusion.", trending=9)
    a_paper(title="Diffusion models", abstract="Beta.", trending=1)
    page = results(client, "diffusion")
    assert "2 papers for" in page
    assert page.index("Diffusion models") < page.index("Alpha")


def test_every_word_must_be_there_somewhere(client: Client) -> None:
    a_paper(title="Sparse attention", abstract="Fast.")
    a_paper(title="Sparse coding", abstract="Slow.")
    page = results(client, "sparse fast")
    assert "Sparse attention" in page
    assert "Sparse coding" not in page


def test_a_plural_finds_the_singular(client: Client) -> None:
    a_paper(title="A transformer for text")
    assert "A transformer for text" in results(client, "Transformers")


@pytest.mark.parametrize("typed", ["Müller", "müller", "MÜLLER"])
def test_an_author_is_found_with_the_letters_of_their_name(client: Client, typed: str) -> None:
    a_paper(title="Alpha", authors=["Jürgen Müller"])
    a_paper(title="Beta", authors=["Jane Miller"])
    page = results(client, typed)
    assert "Alpha" in page
    assert "Beta" not in page


@pytest.mark.parametrize(
    "typed", ["2503.01234", "arXiv:2503.01234v3", "https://arxiv.org/abs/2503.01234v1"]
)
def test_an_arxiv_number_finds_its_paper(client: Client, typed: str) -> None:
    a_paper(canonical_id="2503.01234", title="Alpha")
    a_paper(canonical_id="2503.99999", title="Beta")
    page = results(client, typed)
    assert "1 paper for" in page
    assert "Alpha" in page


def test_hidden_papers_are_not_found(client: Client) -> None:
    a_paper(title="Secret", hidden=True)
    assert "No paper matches" in results(client, "secret")


@pytest.mark.parametrize("typed", ["%", "_", "\\", "\x00", "'\" OR 1=1 --", "🦊", "…"])
def test_signs_match_nothing_by_accident(client: Client, typed: str) -> None:
    a_paper(title="Alpha")
    assert "Alpha" not in results(client, typed)


def test_a_search_of_ten_thousand_letters_is_answered(client: Client) -> None:
    a_paper(title="Xylophone")
    assert "only its beginning was used" in results(client, "xylophone " * 1000)


@pytest.mark.parametrize("typed", ["RL", "phone", "xylo"])
def test_a_part_of_a_word_is_not_the_word(client: Client, typed: str) -> None:
    a_paper(title="Xylophone", abstract="The world of girls.")
    assert "No paper matches" in results(client, typed)


def test_the_beginning_of_a_word_is_found_with_a_star(client: Client) -> None:
    a_paper(title="Diffusion models")
    assert "<mark>Diffusion</mark> models" in results(client, "diffusi*")


@pytest.mark.parametrize("typed", ["c++", "C++", "c#"])
def test_a_sign_that_belongs_to_a_name_counts(client: Client, typed: str) -> None:
    a_paper(title="Compilers for C++ and C# programs")
    a_paper(title="Vitamin C", abstract="A study of c.")
    page = results(client, typed)
    assert "1 paper for" in page
    assert "Compilers for" in page


def test_a_quoted_phrase_must_stand_together(client: Client) -> None:
    a_paper(title="Sparse attention works")
    a_paper(title="Attention is sparse")
    assert "1 paper for" in results(client, '"sparse attention"')
    assert "2 papers for" in results(client, "sparse attention")


def test_a_phrase_does_not_run_from_the_title_into_the_abstract(client: Client) -> None:
    a_paper(title="Deep learning", abstract="Graphs are everywhere.")
    assert "No paper matches" in results(client, '"learning graphs"')


def test_a_word_after_a_minus_is_left_out(client: Client) -> None:
    a_paper(title="Diffusion for images")
    a_paper(title="Diffusion for video")
    page = results(client, "diffusion -video")
    assert "for images" in page
    assert "for video" not in page


def test_an_author_is_looked_for_among_the_authors_only(client: Client) -> None:
    a_paper(title="On Turing machines", authors=["Jane Doe"])
    a_paper(title="On computable numbers", authors=["Alan Turing"])
    page = results(client, "author:turing")
    assert "computable numbers" in page
    assert "machines" not in page


def test_a_field_narrows_the_search(client: Client) -> None:
    a_paper(title="Graphs one", categories=["math.CO"])
    a_paper(title="Graphs two", categories=["cs.LG"])
    assert "Graphs</mark> one" in results(client, "graphs field:math")
    assert "1 paper for" in results(client, "field:cs.LG")


@pytest.mark.parametrize(
    ("author", "typed"),
    [
        ("José Núñez", "nunez"),
        ("Erdős Pál", "erdos"),
        ("Łukasz Kaiser", "lukasz"),
        ("İstanbul Group", "istanbul"),
        ("Søren Ødegård", "soren odegard"),
        ("Đặng Thị", "dang"),
        ("Müller", "MULLER"),
    ],
)
def test_accents_need_not_be_typed(client: Client, author: str, typed: str) -> None:
    a_paper(title="Alpha", authors=[author])
    assert "Alpha" in results(client, typed)


def test_the_newest_come_first_on_request_and_days_narrow_the_search(client: Client) -> None:
    a_paper(title="Graphs old", announced_at=datetime(2026, 1, 5, tzinfo=UTC), trending=9)
    a_paper(title="Graphs new", announced_at=datetime(2026, 3, 5, tzinfo=UTC))
    page = client.get("/search/", {"q": "graphs", "order": "date"}).content.decode()
    assert page.index("</mark> new") < page.index("</mark> old")
    page = client.get("/search/", {"q": "graphs", "from": "2026-02-01"}).content.decode()
    assert "</mark> old" not in page
    page = client.get("/search/", {"q": "graphs", "until": "2026-02-01"}).content.decode()
    assert "</mark> new" not in page


def test_a_word_spelt_wrongly_is_answered_with_the_right_one(client: Client) -> None:
    a_paper(title="Transformers for speech")
    page = results(client, "transfromers speech")
    assert "Did you mean" in page
    assert "?q=transformers%20speech" in page
    assert "?q=speech" in page


def test_all_words_spelt_wrongly_are_corrected_and_the_rest_stays(client: Client) -> None:
    a_paper(title="Transformers for speech", categories=["cs.CL"])
    typed = "transfromers speach -vision field:cs.CL"
    assert spelling.nearest(search.read(typed))[0] == "transformers speech -vision field:cs.CL"
    assert spelling.nearest(search.read("author:lovelaec"))[0] == "author:lovelace"
    assert "Search for" not in results(client, "quuux -vision")


def test_only_shorter_searches_that_find_something_are_offered(client: Client) -> None:
    a_paper(title="Transformers for speech")
    page = results(client, "transformers zzyzx")
    assert 'Search for <a href="/search/?q=transformers">' in page
    assert 'Search for <a href="/search/?q=zzyzx">' not in page


@pytest.mark.parametrize("words", ["diffusion field:cs.LG", "diffusion mod*"])
def test_a_field_or_a_beginning_leaves_the_order_of_relevance(words: str) -> None:
    told = a_paper(title="Alpha", abstract="On diffusion models.", categories=["cs.LG"], trending=9)
    about = a_paper(title="Diffusion models", abstract="Beta.", categories=["cs.LG"], trending=1)
    assert search.find(search.read(words)).ids == [about.pk, told.pk]


@pytest.mark.parametrize(
    "words", ["author:ab*", "author:abbott", "author:abbotts*", "dust author:abb*"]
)
def test_a_name_and_its_beginning_are_found_among_the_authors_only(
    client: Client, words: str
) -> None:
    a_paper(title="Dust", abstract="About abbotts.", authors=["Ann Lee"])
    a_paper(title="More dust", abstract="Nothing.", authors=["Bo Abbotts", "Cy Abbott"])
    page = results(client, words)
    assert "1 paper for" in page
    assert "More" in page


def test_a_field_can_be_chosen_beside_the_words(client: Client) -> None:
    a_paper(title="Graphs one", categories=["math.CO"])
    a_paper(title="Graphs two", categories=["cs.CL"])
    page = client.get("/search/", {"q": "graphs", "field": "cs.CL"}).content.decode()
    assert "1 paper for “field:cs.CL graphs” in Computation and language" in page
    assert '<option value="math.CO">Combinatorics</option>' in page
    assert "2 papers for" in client.get("/search/", {"q": "graphs", "field": "x"}).content.decode()


def test_a_search_can_be_subscribed_to(client: Client) -> None:
    a_paper(title="Graphs")
    assert '<input type="hidden" name="interests" value="graphs">' in results(client, "graphs")
    assert 'name="interests" type="text"' in client.get("/search/").content.decode()


def test_a_renamed_paper_is_found_by_its_new_title_only(client: Client) -> None:
    paper = a_paper(title="Alpha", abstract="", keywords=[])
    paper.title = "Beta"
    paper.save()
    assert "No paper matches" in results(client, "alpha")
    assert "1 paper for" in results(client, "beta")


def test_papers_that_an_older_version_stored_are_indexed_in_portions(client: Client) -> None:
    papers = [a_paper(title=f"Gamma {number}") for number in range(3)]
    key = "paper_id" if connection.vendor == "postgresql" else "rowid"
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM papers_search WHERE {key} >= %s", [papers[0].pk])
    assert search_index.update_missing(2) == 2
    assert search_index.update_missing(2) == 1
    assert "3 papers for" in results(client, "gamma")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="FTS5 has positions in its index")
def test_phrases_are_found_in_rows_that_an_older_version_wrote(client: Client) -> None:
    near = a_paper(title="Sparse attention heads")
    a_paper(title="Attention is sparse")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE papers_search SET version = 0, vector = to_tsvector('simple', 'spars attent')"
            " WHERE paper_id = %s",
            [near.pk],
        )
    assert "1 paper for" in results(client, '"sparse attention"')
    assert search_index.update_missing(5) == 1
    assert "1 paper for" in results(client, '"sparse attention heads"')


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ('"chain of thought"', 1),
        ("chain-of-thought", 1),
        ('thought -"chain of"', 1),
        ('author:"ada lovelace"', 2),
        ('author:"lovelace ada"', 0),
        ("author:lovel*", 2),
        ("author:chai*", 0),
        ('"of thought" field:cs.CL -author:turing', 1),
    ],
)
def test_phrases_go_with_every_other_part_of_a_search(
    client: Client, words: str, found: int
) -> None:
    a_paper(title="Chain of thought", authors=["Ada Lovelace"])
    a_paper(title="Thought about chains", authors=["Ada Lovelace", "Alan Turing"])
    page = results(client, words)
    assert (f"{found} paper" if found else "No paper matches") in page


def test_only_the_newest_of_very_many_matches_are_ranked_and_the_page_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_MATCHES", 3)
    for number in range(5):
        a_paper(title=f"Gamma rays {number}")
    for words in ("gamma", '"gamma rays"'):
        page = results(client, words)
        assert "More than 3 papers for" in page
        shown = [number for number in range(5) if f"{number}</a></h3>" in page]
        assert shown == [2, 3, 4]
        assert "Of so many matches the newest are shown" in page


def test_hidden_papers_do_not_take_the_places_of_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_MATCHES", 2)
    for number in range(6):
        a_paper(title=f"Gamma rays {number}", hidden=number > 1)
    page = results(client, "gamma")
    assert "2 papers for" in page
    assert "More than" not in page


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-only", "only says what to leave out"),
        ("-author:wang -field:cs.CL", "only says what to leave out"),
        ("author:", "has no word to look for"),
        ("FIELD: ", "has no word to look for"),
        ("field:nonsense", "“nonsense” is no field"),
        ("gamma field:nonsense", "“nonsense” is no field"),
        ("field:hep-th", "No paper matches “field:hep-th” in High energy physics: theory."),
    ],
)
def test_a_search_that_cannot_find_anything_says_why(
    client: Client, words: str, sentence: str
) -> None:
    a_paper(title="Gamma")
    assert sentence in results(client, words)


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("gamma -field:cs.CL", {"Gamma two"}),
        ("gamma -field:cs", {"Gamma two"}),
        ("Field:CS.cl", {"Gamma one"}),
        ("AUTHOR: turing", {"Gamma two"}),
        ("gamma author:", {"Gamma one", "Gamma two"}),
    ],
)
def test_fields_and_authors_are_read_as_people_write_them(
    client: Client, words: str, titles: set[str]
) -> None:
    a_paper(title="Gamma one", authors=["Ada Lovelace"], categories=["cs.CL"])
    a_paper(title="Gamma two", authors=["Alan Turing"], categories=["math.AG"])
    found = search.find(search.read(words)).ids
    assert {paper.title for paper in Paper.objects.filter(pk__in=found)} == titles


HOSTILE = [
    *('"', '"a', '"a b" "c', "-", "- -", "*", "**", "a**", "(", "a)", "a AND", "NOT a", "OR OR"),
    *("NEAR(a b, 5)", "a NEAR b", "{title} : a", "^a", "a + b", "a <-> b", "a <2> b", "a | b"),
    *("!a", "a & !b", "a:*", "a:B", ":*", "'", "a'b", "\\", "\\'", "%", "%s", "%(a)s", "$1", "?"),
    *("';--", "' OR 1=1 --", "author:", 'author:"', "author:*", "field:", "field:'", 'field:"x'),
    *("-field:x", "a\x00b", "\x00", "😀 a"),
    *(
        "שלום",
        "مرحبا",
        "\u202eabc",
        "\u200b",
        "中文",
        "İstanbul",
        "ﬁne",
        "$x^2$",
        "H₂O",
        "c++",
        ".NET",
    ),
    *("a" * 10_000, "a " * 5_000, '"' * 10_000, "a* " * 3_000, '"a b" ' * 2_000, "é" * 10_000),
]


@pytest.mark.parametrize("path", ["/search/", "/search/feed.xml", "/search/feed.json"])
def test_no_search_breaks_the_page_or_its_feeds(client: Client, path: str) -> None:
    a_paper(title="A title with a word")
    for words in HOSTILE:
        request_limit.forget_all()
        assert client.get(path, {"q": words}).status_code == 200, words


@pytest.mark.parametrize("path", ["/search/feed.xml", "/search/feed.json"])
def test_a_reader_of_a_search_feed_that_asks_too_often_is_told_to_wait(
    client: Client, path: str
) -> None:
    answers = [client.get(path, {"q": "alpha"}) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert answers[-1]["Retry-After"] == "60"


def test_one_letter_is_a_word_and_no_beginning(client: Client) -> None:
    a_paper(title="A vitamin")
    a_paper(title="Attention", abstract="Heads.")
    assert "1 paper for" in results(client, "a*")


def test_a_word_of_thousands_of_letters_is_indexed_by_its_beginning(client: Client) -> None:
    paper = a_paper(title="Endless", abstract="x" * 6000)
    assert "1 paper for" in results(client, "endless")
    assert "1 paper for" in results(client, "x" * 150)
    assert paper.title in results(client, "xx*")


def test_too_many_searches_from_one_network_wait_a_minute(client: Client) -> None:
    a_paper(title="Alpha")
    codes = [client.get("/search/", {"q": "alpha"}).status_code for _ in range(61)]
    assert codes == [200] * 60 + [429]
    assert client.get("/search/", {"q": "alpha"})["Retry-After"] == "60"


def test_the_words_come_back_escaped(client: Client) -> None:
    page = results(client, "<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_results_are_paged_and_a_page_beyond_the_end_is_the_last(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(45):
        a_paper(title=f"Paper {number:03}", trending=100 - number)
    # PostgreSQL sets a time-out for the search, inside the savepoint that ends it.
    with django_assert_max_num_queries(5 if connection.vendor == "postgresql" else 2):
        first = results(client, "paper")
    assert "Paper 000" in first
    assert "Paper 020" not in first
    assert "Paper 044" in results(client, "paper", page=99)
