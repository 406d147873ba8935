"""One page rates all papers of a digest: GET shows the ratings, POST saves them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now

from newsletter.mail import messages, snapshots
from newsletter.models import Digest, Interest, Subscriber
from newsletter.security import tokens
from newsletter.subscriptions import feedback, privacy
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber, rename

pytestmark = pytest.mark.django_db


@pytest.fixture
def papers() -> list[Paper]:
    return [a_paper(title=f"Paper {name}") for name in ("A", "B", "C")]


@pytest.fixture
def digest(papers: list[Paper]) -> Digest:
    slots = ("trending", "personal", "pick")
    return a_digest(
        items=[
            {"paper": paper.canonical_id, "slot": slot, "reason": "new"}
            for paper, slot in zip(papers, slots, strict=True)
        ]
    )


def address(digest: Digest) -> str:
    return f"/feedback/digest/{tokens.rate_papers_token(digest)}/"


def checked(page: str) -> list[tuple[str, str]]:
    """The names and values of the fields that are filled in."""
    return re.findall(r'name="([\w-]+)" value="(\w+)" checked', page)


def ratings() -> dict[str, str]:
    return dict(Interest.objects.values_list("value", "kind"))


def test_a_row_for_each_paper_stands_in_the_order_of_the_mail(
    reader: Client, digest: Digest
) -> None:
    page = reader.get(address(digest)).content.decode()
    assert re.findall(r">(Paper \w)<", page) == ["Paper C", "Paper B", "Paper A"]
    mail = messages.digest_message(digest, snapshots.cards_of(digest)).body
    assert re.findall(r"^\d\. (Paper \w)$", mail, re.MULTILINE) == ["Paper C", "Paper B", "Paper A"]
    assert page.count("<fieldset") == 3
    assert page.count('type="submit"') == 1


def test_looking_changes_nothing(reader: Client, digest: Digest) -> None:
    for method in (reader.get, reader.head, reader.options):
        method(address(digest), {"rating-0": "up"})
    assert not Interest.objects.exists()


def test_one_save_stores_every_row(reader: Client, digest: Digest, papers: list[Paper]) -> None:
    first, second, third = (paper.canonical_id for paper in papers)
    feedback.record(digest.subscriber, third, "up")
    shown = reader.get(address(digest)).content.decode()
    assert checked(shown) == [("rating-2", "up"), ("rating-1", "none"), ("rating-0", "none")]
    sent = {"rating-0": "up", "rating-1": "down", "rating-2": "none"}
    response = reader.post(address(digest), sent)
    assert response.status_code == 200
    assert "Your ratings are saved." in response.content.decode()
    assert ratings() == {first: "like", second: "dislike"}
    assert dict(checked(response.content.decode())) == sent


def test_a_rating_is_turned_round_and_saving_twice_changes_nothing(
    reader: Client, digest: Digest, papers: list[Paper]
) -> None:
    reader.post(address(digest), {"rating-0": "up"})
    reader.post(address(digest), {"rating-0": "down"})
    stored = list(Interest.objects.values())
    reader.post(address(digest), {"rating-0": "down"})
    assert list(Interest.objects.values()) == stored
    assert ratings() == {papers[0].canonical_id: "dislike"}


@pytest.mark.parametrize(
    "sent",
    [{}, {"rating-0": "sideways"}, {"rating-0": ""}, {"rating-7": "up"}, {"rating--1": "up"}],
)
def test_a_row_that_was_not_sent_or_holds_something_else_stays_as_it_is(
    reader: Client, digest: Digest, papers: list[Paper], sent: dict[str, str]
) -> None:
    feedback.record(digest.subscriber, papers[0].canonical_id, "down")
    assert reader.post(address(digest), sent).status_code == 200
    assert ratings() == {papers[0].canonical_id: "dislike"}


def test_the_ratings_and_other_choices_of_other_readers_stay(
    reader: Client, digest: Digest, papers: list[Paper]
) -> None:
    paper_id, other = papers[0].canonical_id, a_subscriber()
    feedback.record(other, paper_id, "up")
    Interest.objects.create(subscriber=digest.subscriber, kind="text", value=paper_id)
    reader.post(address(digest), {"rating-0": "down"})
    assert feedback.rating_of(other, paper_id) == "up"
    assert digest.subscriber.interests.filter(kind="text", value=paper_id).exists()


def test_the_mail_links_the_page_and_the_copy_to_pass_on_does_not(
    reader: Client, digest: Digest
) -> None:
    cards = snapshots.cards_of(digest)
    message = messages.digest_message(digest, cards)
    link = tokens.url_for("rate-papers", tokens.rate_papers_token(digest))
    assert f"Rate these papers: {link}" in message.body
    html = str(message.alternatives[0][0])
    assert re.search(rf'<a [^>]*href="{re.escape(link)}"[^>]*>Rate these papers</a>', html)
    assert "Rate these papers" not in messages.digest_page(digest, cards)
    assert reader.get(link).status_code == 200


def test_the_link_never_expires(reader: Client, digest: Digest, papers: list[Paper]) -> None:
    with time_machine.travel(now() + timedelta(days=4000), tick=False):
        assert reader.post(address(digest), {"rating-0": "up"}).status_code == 200
    assert ratings() == {papers[0].canonical_id: "like"}


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_token_of_another_purpose_or_a_damaged_one_is_not_found(
    reader: Client, digest: Digest, method: str
) -> None:
    good = tokens.rate_papers_token(digest)
    wrong = (
        tokens.digest_token(digest),
        tokens.feedback_token(digest, 0, "up"),
        tokens.preferences_token(digest.subscriber),
        tokens.unsubscribe_token(digest.subscriber),
        good[:-1],
        f"{good}.0.up",
        "rubbish",
    )
    for token in wrong:
        response = getattr(reader, method)(f"/feedback/digest/{token}/", {"rating-0": "up"})
        assert response.status_code == 404
        assert "cut long links" in response.content.decode()
    assert reader.post(f"/feedback/{good}/").status_code == 404
    assert reader.get(f"/digest/{good}/").status_code == 404
    assert not Interest.objects.exists()


def test_the_link_of_an_erased_reader_says_so(reader: Client, digest: Digest) -> None:
    path = address(digest)
    privacy.erase(digest.subscriber)
    response = reader.post(path, {"rating-0": "up"})
    assert response.status_code == 404
    assert "was erased" in response.content.decode()
    assert not Interest.objects.exists()


def test_the_page_is_not_kept_and_names_nobody(reader: Client, digest: Digest) -> None:
    response = reader.get(address(digest))
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies
    assert digest.subscriber.email not in response.content.decode()


def test_a_paper_that_was_hidden_since_has_no_row(
    reader: Client, digest: Digest, papers: list[Paper]
) -> None:
    Paper.objects.filter(pk=papers[0].pk).update(hidden=True)
    assert "Paper A" not in reader.get(address(digest)).content.decode()
    reader.post(address(digest), {"rating-0": "up", "rating-1": "up"})
    assert ratings() == {papers[1].canonical_id: "like"}
    Paper.objects.all().delete()
    page = reader.get(address(digest)).content.decode()
    assert "no longer in the catalogue" in page
    assert "<button" not in page.partition("<main")[2].partition("</main>")[0]


def test_a_paper_that_was_renamed_since_is_rated_under_its_new_id(reader: Client) -> None:
    paper = a_paper(canonical_id="t-old")
    digest = a_digest(items=[{"paper": "t-old"}])
    rename(paper, "2503.01234")
    reader.post(address(digest), {"rating-0": "up"})
    assert ratings() == {"2503.01234": "like"}


@pytest.mark.parametrize(
    ("status", "comes"),
    [(Subscriber.Status.ACTIVE, True), (Subscriber.Status.UNSUBSCRIBED, False)],
)
def test_a_next_digest_is_spoken_of_only_to_those_who_get_one(
    reader: Client, status: Subscriber.Status, comes: bool
) -> None:
    page = reader.get(address(a_digest(to=a_subscriber(status=status)))).content.decode()
    assert ("Your next digests follow" in page) is comes


def test_hostile_titles_are_escaped(reader: Client) -> None:
    paper = a_paper(title='<script>alert(1)</script>" onload="x')
    page = reader.get(address(a_digest(items=[{"paper": paper.canonical_id}]))).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload" in page
