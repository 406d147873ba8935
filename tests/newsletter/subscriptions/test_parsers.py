"""What people write into a form, read."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from newsletter.subscriptions import parsers
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("text", ["/", "///", "/ /", "https://news.example.org/papers/"])
def test_an_address_without_an_id_names_no_paper(settings: Settings, text: str) -> None:
    settings.SITE_URL = "https://news.example.org"
    a_paper()
    with pytest.raises(parsers.InputError, match="is not a paper we know"):
        parsers.paper_ids(text)


def test_a_paper_that_never_had_another_id_is_found_beside_a_slash() -> None:
    paper = a_paper(canonical_id="2503.01234")
    assert parsers.resolve_papers(["/", "2503.01234"]) == {"2503.01234": paper.canonical_id}
    with pytest.raises(parsers.InputError, match="“/”"):
        parsers.paper_ids("2503.01234\n/")
