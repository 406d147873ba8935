"""The digest mail: what it says, in both parts, and when it is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.core.mail import BadHeaderError
from django.utils.html import strip_tags
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.mail import cards, messages
from newsletter.models import Digest
from newsletter.security import tokens
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db

SENTENCE = "A longer sentence follows here, with more words than anybody needs to know. "
CROWD = [f"Author {number}" for number in range(1, 2001)]


def rich_paper(number: int, **fields: Any) -> Paper:
    values = {
        "canonical_id": f"2503.{number:05}",
        "title": f"Paper {number}: when a < b & c > d",
        "abstract": f"Abstract {number} begins. " + SENTENCE * 30,
        "published_at": datetime(2025, 3, 7, tzinfo=UTC),
        "pdf_url": f"https://arxiv.org/pdf/2503.{number:05}",
        "code_url": f"https://github.com/example/code-{number}",
    }
    return a_paper(**values | fields)


def digest_of(*papers: Paper, slots: str = "personal trending", **fields: Any) -> Digest:
    names = slots.split()
    items = [
        {
            "paper": paper.canonical_id,
            "reason": f"near “paper {place}” & more",
            "slot": names[place % len(names)],
            "score": 1.0,
        }
        for place, paper in enumerate(papers)
    ]
    fields.setdefault("due_on", date(2025, 3, 11))
    return a_digest(items=items, **fields)


def mail_of(digest: Digest) -> AnymailMessage:
    papers = Paper.objects.filter(canonical_id__in=[item["paper"] for item in digest.items])
    return messages.digest_message(digest, {p.canonical_id: cards.card_of(p) for p in papers})


def html_of(message: AnymailMessage) -> str:
    return str(message.alternatives[0][0])


def words(text: str) -> str:
    return " ".join(text.split())


def read_aloud(html: str) -> str:
    """What a reader of the HTML sees."""
    body = html.partition("<body")[2].partition("</div>")[2]
    return words(unescape(strip_tags(body)))


def test_both_parts_say_the_same_of_every_paper() -> None:
    digest = digest_of(*[rich_paper(n, authors=CROWD[: n * 2]) for n in range(1, 7)])
    message = mail_of(digest)
    seen, text = read_aloud(html_of(message)), words(message.body)
    shown = [cards.card_of(paper) for paper in Paper.objects.all()]
    assert len(shown) == 6
    for card in shown:
        for value in (card.title, card.authors, card.date, card.category, card.excerpt):
            assert value
            assert words(value) in seen
            assert words(value) in text
    for item in digest.items:
        assert item["reason"][1:] in seen
        assert item["reason"][1:] in text


def test_both_parts_hold_the_same_links() -> None:
    message = mail_of(digest_of(rich_paper(1), rich_paper(2)))
    in_html = {unescape(url) for url in re.findall(r'href="(http[^"]+)"', html_of(message))}
    in_text = set(re.findall(r"http\S+", message.body))
    assert {url.rstrip("/") for url in in_html} == {url.rstrip("/") for url in in_text}
    assert len(in_html) == 2 * 7 + 7


def test_a_long_list_of_authors_is_three_the_last_and_the_count() -> None:
    text = mail_of(digest_of(rich_paper(1, authors=CROWD))).body
    assert "Author 1, Author 2, Author 3, …, Author 2000 (2,000 authors)" in text
    assert "Author 4," not in text


def test_an_abstract_is_cut_after_a_sentence() -> None:
    card = cards.card_of(rich_paper(1))
    assert 200 < len(card.excerpt) < 420
    assert card.excerpt.endswith("needs to know.")


def test_the_title_leads_to_the_source_or_else_to_our_page() -> None:
    with_source, without = cards.card_of(rich_paper(1)), cards.card_of(rich_paper(2, url=""))
    assert with_source.url == "https://arxiv.org/abs/2503.00001"
    assert without.url.endswith("/papers/2503.00002/")
    assert [link.label for link in without.links] == ["Paper page", "PDF", "Code"]


def test_picks_come_first_then_the_personal_then_the_trending_ones() -> None:
    picked = rich_paper(3, picked_at=now(), editor_note="Read it twice.")
    digest = digest_of(rich_paper(1), rich_paper(2), picked, slots="trending personal pick")
    text = mail_of(digest).body
    order = [
        "Editor’s pick ==",
        "Paper 3",
        "Editor’s note: Read it twice.",
        "For you ==",
        "Paper 2",
        "Trending ==",
        "Paper 1",
    ]
    places = [text.index(mark) for mark in order]
    assert places == sorted(places)


def test_what_the_reader_should_know_of_the_choice_stands_below_the_site_s_name() -> None:
    message = mail_of(digest_of(rich_paper(1), remark="Nothing new on “sign <language>”."))
    assert "1 paper for you. Nothing new on “sign <language>”." in message.body
    assert "Nothing new on “sign &lt;language&gt;”." in str(message.alternatives[0][0])


def test_what_rises_or_was_missed_stands_below_what_is_new() -> None:
    digest = digest_of(rich_paper(1), rich_paper(2), slots="personal trending")
    digest.items[0]["part"] = "rising"
    text = mail_of(digest).body
    order = ["Trending ==", "Paper 2", "Rising or missed ==", "Paper 1"]
    places = [text.index(mark) for mark in order]
    assert places == sorted(places)


def test_under_the_heading_of_the_pick_no_reason_says_it_again() -> None:
    message = mail_of(digest_of(rich_paper(1), rich_paper(2), slots="pick personal"))
    assert "“paper 0”" not in message.body
    assert "“paper 1”" in message.body


def test_a_feedback_link_names_the_paper_it_stands_beside() -> None:
    digest = digest_of(*[rich_paper(n) for n in range(1, 5)])
    item = mail_of(digest).body.partition("Paper 2:")[2].partition("Paper 4:")[0]
    links = re.findall(r"/feedback/(\S+)/", item)
    read = [tokens.read_feedback_token(link) for link in links]
    assert read == [(digest, "2503.00002", "up"), (digest, "2503.00002", "down")]


def test_the_subject_names_the_first_paper_the_count_and_the_day() -> None:
    papers = [rich_paper(1, title="Attention is all you need " * 5), rich_paper(2), rich_paper(3)]
    subject = mail_of(digest_of(*papers)).subject
    assert subject == (
        "Attention is all you need Attention is all you need… and 2 more papers · 11 Mar"
    )
    assert mail_of(digest_of(papers[1])).subject == "Paper 2: when a < b & c > d · 11 Mar"


def test_a_subject_that_was_frozen_is_kept() -> None:
    assert mail_of(digest_of(rich_paper(1), subject="As it was")).subject == "As it was"


def test_a_line_break_in_a_subject_is_refused() -> None:
    with pytest.raises(BadHeaderError):
        mail_of(digest_of(rich_paper(1), subject="Hello\r\nBcc: everybody@example.org"))


def test_the_reader_learns_why_they_get_it_and_how_to_end_it() -> None:
    person = a_subscriber(email="ada@example.org", confirmed_at=datetime(2025, 3, 1, 9, tzinfo=UTC))
    message = mail_of(digest_of(rich_paper(1), subscriber=person))
    unsubscribe = tokens.url_for("unsubscribe", tokens.unsubscribe_token(person))
    for part in (read_aloud(html_of(message)), words(message.body)):
        assert "because you agreed on 1 Mar 2025 to mail for ada@example.org from" in part
        assert "Example Street" in part
    assert f'href="{unsubscribe}"' in html_of(message)
    assert f"Unsubscribe: {unsubscribe}" in message.body


def test_a_mail_without_a_postal_address_is_refused(settings: Settings) -> None:
    settings.POSTAL_ADDRESS = ""
    with pytest.raises(messages.IncompleteMessageError, match="POSTAL_ADDRESS"):
        mail_of(digest_of(rich_paper(1)))


def test_a_template_that_lost_its_unsubscribe_link_is_refused(
    settings: Settings, tmp_path: Any
) -> None:
    folder = tmp_path / "templates" / "emails"
    folder.mkdir(parents=True)
    (folder / "digest.txt").write_text("{{ site_name }}, {{ postal_address }}")
    settings.TEMPLATES = [
        engine | {"DIRS": [folder.parent, *engine["DIRS"]]} for engine in settings.TEMPLATES
    ]
    with pytest.raises(messages.IncompleteMessageError, match="template"):
        mail_of(digest_of(rich_paper(1)))


def test_a_paper_that_is_gone_is_left_out_and_a_digest_of_none_is_refused() -> None:
    kept, gone = rich_paper(1), rich_paper(2)
    digest = digest_of(gone, kept)
    gone.delete()
    message = mail_of(digest)
    assert "Paper 1" in message.body
    assert "/feedback/" in message.body
    kept.delete()
    with pytest.raises(messages.IncompleteMessageError, match="None of the papers"):
        mail_of(digest)


def test_nothing_in_the_html_is_fetched_from_elsewhere() -> None:
    html = html_of(mail_of(digest_of(rich_paper(1))))
    assert not re.search(r"<(img|script|link|iframe|form)\b|url\(|@import|\ssrc=", html)
    assert html.count("<table") == html.count('<table role="presentation"')


def test_a_digest_that_is_written_again_from_a_backup_has_the_message_id_of_the_first(
    settings: Settings,
) -> None:
    sent = digest_of(rich_paper(1))
    first = mail_of(sent).extra_headers["Message-ID"]
    subscriber, day = sent.subscriber, sent.due_on
    sent.delete()
    settings.SECRET_KEY = "another key" * 5
    again = a_digest(subscriber=subscriber, due_on=day, items=sent.items)
    assert again.public_id != sent.public_id
    assert mail_of(again).extra_headers["Message-ID"] == first
    next_day = a_digest(subscriber=subscriber, due_on=day + timedelta(1), items=sent.items)
    somebody_else = a_digest(due_on=day, items=sent.items)
    others = [mail_of(one).extra_headers["Message-ID"] for one in (next_day, somebody_else)]
    assert len({first, *others}) == 3
    assert sent.subscriber.public_id.hex not in first
