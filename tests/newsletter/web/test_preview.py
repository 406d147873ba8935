"""Choose, see, then subscribe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from newsletter.digests import assembly, preview
from newsletter.models import Consent, Subscriber
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.web import request_limit
from papers.models import Paper
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    request_limit.forget_all()
    preview.forget()
    yield
    preview.forget()


def _words(field: str, number: int) -> str:
    """Words that no other paper holds, so that no two papers are near-duplicates."""
    return " ".join(f"{field.replace('.', '')}{number}x{place}" for place in range(40))


@pytest.fixture
def papers() -> list[Paper]:
    """Papers on reefs and on lattices, in turn."""
    subjects = (
        ("Coral reefs", "bleaching of coral reefs in warm seas", "q-bio.PE"),
        ("Lattice gauge theory", "gauge fields on a lattice of points", "hep-lat"),
        ("Speech recognition", "recognition of speech by transducers", "cs.CL"),
    )
    return [
        a_paper(
            title=f"{title} {number}",
            abstract=f"We study {text}. {_words(field, number)}",
            categories=[field],
            primary_category=field,
            trending=number / 10,
            announced_at=now() - timedelta(hours=1 + number),
        )
        for number in range(8)
        for title, text, field in subjects
    ]


def shown(client: Client, **parameters: str | list[str]) -> str:
    response = client.get("/preview/", parameters)
    assert response.status_code == 200
    return response.content.decode()


def titles_of(page: str) -> list[str]:
    """The titles of the papers that the page gives for the choices."""
    part = (
        page.split('id="yours"')[1].split("</section>", maxsplit=1)[0]
        if 'id="yours"' in page
        else ""
    )
    return re.findall(r'<h3 class="listed-paper-title"[^>]*><a [^>]*>([^<]+)</a>', part)


def test_it_begins_with_an_empty_form_and_twelve_papers_to_tick(
    client: Client, papers: list[Paper]
) -> None:
    page = shown(client)
    assert 'method="get"' in page
    assert page.count('type="checkbox" name="likes"') == 12
    assert titles_of(page) == []


def test_a_subject_gives_five_papers_on_it_with_reasons(
    client: Client, papers: list[Paper]
) -> None:
    page = shown(client, interests="coral reefs")
    assert len(titles_of(page)) == 5
    assert all("Coral reefs" in title for title in titles_of(page))
    assert page.count("Why it is here") == 5


def test_a_field_and_an_author_give_papers_too(client: Client, papers: list[Paper]) -> None:
    assert titles_of(shown(client, topics="hep-lat"))
    a_paper(title="By Grace", authors=["Grace Hopper"])
    preview.forget()
    assert titles_of(shown(client, authors="Grace Hopper")) == ["By Grace"]


def test_the_choices_go_along_into_the_box_to_subscribe(
    client: Client, papers: list[Paper]
) -> None:
    page = shown(client, interests="coral reefs\nspeech", topics=["cs.CL", "hep-lat"])
    box = page.split('id="subscribe"')[1].split("</form>")[0]
    for name, value in (
        ("interests", "coral reefs"),
        ("interests", "speech"),
        ("topics", "cs.CL"),
        ("topics", "hep-lat"),
    ):
        assert f'<input type="hidden" name="{name}" value="{value}">' in box


def test_looking_stores_nothing(client: Client, papers: list[Paper]) -> None:
    shown(client, interests="coral reefs")
    assert not Subscriber.objects.exists()
    assert not Consent.objects.exists()


def test_what_cannot_be_read_is_said_beside_the_form(client: Client, papers: list[Paper]) -> None:
    response = client.get("/preview/", {"topics": "cs.ZZ"})
    assert response.status_code == 400
    assert "cs.ZZ" in response.content.decode()


def test_a_subject_that_no_paper_is_on_gives_none_and_says_so(
    client: Client, papers: list[Paper]
) -> None:
    page = shown(client, interests="medieval liturgy")
    assert titles_of(page) == []
    assert "No recent paper fits" in page


def test_too_many_previews_from_one_network_wait_a_minute(client: Client) -> None:
    codes = [client.get("/preview/").status_code for _ in range(31)]
    assert codes == [200] * 30 + [429]
    refused = client.get("/preview/", {"interests": "coral reefs", "topics": "cs.RO"})
    assert refused["Retry-After"] == "60"
    page = refused.content.decode()
    assert '<input type="hidden" name="interests" value="coral reefs">' in page
    assert '<input type="hidden" name="topics" value="cs.RO">' in page


@pytest.mark.parametrize(
    "choices",
    [
        {"interests": ["coral reefs"]},
        {"topics": ["hep-lat"]},
        {"interests": ["speech recognition"], "topics": ["q-bio.PE"]},
    ],
)
def test_the_first_digest_begins_with_the_papers_of_the_preview(
    client: Client, papers: list[Paper], choices: dict[str, list[str]]
) -> None:
    seen = titles_of(shown(client, **choices))
    box = {"email": "ada@example.org", **choices}
    origin = ActionOrigin("sign-up form")
    subscriptions.sign_up(parse(box["email"]), "ada@example.org", choices, origin)  # type: ignore[arg-type]
    request = Consent.objects.get()
    subscriptions.confirm(request, origin)
    digest = assembly.preview(Subscriber.objects.get(), now())
    names = dict(Paper.objects.values_list("canonical_id", "title"))
    assert seen
    assert [names[item["paper"]] for item in digest.items][: len(seen)] == seen


def test_a_liked_paper_of_any_age_counts_as_the_paper(client: Client, papers: list[Paper]) -> None:
    old = a_paper(
        title="A survey without telling words",
        abstract="We study bleaching of coral reefs in warm seas.",
        announced_at=now() - timedelta(days=400),
    )
    for number in range(80):
        a_paper(title=f"Robot arms {number}", abstract=f"Grasping. {_words('cs.RO', number)}")
    preview.forget()
    page = shown(client, likes=old.canonical_id)
    assert titles_of(page)
    assert all("Coral reefs" in title for title in titles_of(page))
    assert "Like “A survey without telling words”, which you liked" in page
    assert old.title not in titles_of(page)


def test_bibtex_can_be_pasted_and_becomes_rows(client: Client, papers: list[Paper]) -> None:
    reef = next(paper for paper in papers if paper.title.startswith("Coral reefs"))
    entry = f"@article{{x,\n title={{T}},\n eprint={{{reef.canonical_id}}}\n}}"
    page = shown(client, likes=entry)
    assert f'<input type="hidden" name="likes" value="{reef.canonical_id}">' in page
    assert "@article" not in page
    assert f'name="likes" value="{reef.canonical_id}"> ' not in page


def test_while_many_papers_are_read_nobody_waits(
    client: Client, papers: list[Paper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "READ_AT_ONCE", 3)
    with preview._lock:  # As while a thread reads them.
        response = client.get("/preview/", {"interests": "coral reefs"})
    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert "The papers are just being read" in response.content.decode()


def test_a_subject_that_is_an_author_is_offered_as_one(client: Client, papers: list[Paper]) -> None:
    a_paper(title="Reefs", authors=["Ada Lovelace"])
    page = shown(client, interests=["Ada Lovelace", "coral reefs"])
    assert re.findall(r'name="follow" value="([^"]+)"', page) == ["Ada Lovelace"]
    both = ["Ada Lovelace", "coral reefs"]
    page = shown(client, interests=both, authors="", follow="Ada Lovelace")
    assert '<input type="hidden" name="authors" value="Ada Lovelace">' in page
    assert '<input type="hidden" name="interests" value="Ada Lovelace">' not in page
