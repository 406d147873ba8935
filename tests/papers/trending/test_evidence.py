"""What an author's comment says of a paper's acceptance, and whose names are known."""

from __future__ import annotations

import pytest

from papers.trending.evidence import names_a_venue, with_known_authors


@pytest.mark.parametrize(
    "comment",
    [
        "Accepted at NeurIPS 2025",
        "12 pages, accepted for publication in Phys. Rev. D",
        "To appear in Annals of Mathematics",
        "ICLR 2026 (Oral)",
        "Published in JHEP 03 (2026) 012",
    ],
)
def test_a_comment_names_where_the_paper_was_accepted(comment: str) -> None:
    assert names_a_venue(comment)


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "12 pages, 3 figures",
        "Submitted to JHEP",
        "To be published elsewhere",
        "Comments welcome",
    ],
)
def test_other_comments_do_not(comment: str) -> None:
    assert not names_a_venue(comment)


def test_an_author_is_not_known_for_the_same_paper() -> None:
    led = [("2601.1", ["Noether"])]
    papers = [("2601.1", ["Noether"]), ("2601.2", ["Hilbert", "Noether"]), ("2601.3", ["Hilbert"])]
    assert with_known_authors(papers, led) == {"2601.2"}
