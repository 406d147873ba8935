"""What a mail says is frozen before its first attempt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries, Settings

from newsletter.delivery import outbox, rendering, sender
from newsletter.mail import cards, messages, snapshots
from newsletter.models import Digest, FrozenCard
from papers.models import Paper
from tests import smtpd
from tests.factories import a_digest, a_paper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings: Settings) -> Iterator[smtpd.Server]:
    with smtpd.running() as server:
        server.keep = True
        settings.EMAIL_BACKEND = "newsletter.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_TIMEOUT = 5
        yield server


def digest_of(*papers: Paper) -> Digest:
    items = [
        {"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}
        for paper in papers
    ]
    return a_digest(items=items)


def send() -> None:
    Digest.objects.filter(state=Digest.State.QUEUED).update(next_attempt_at=now())
    sender.deliver(rendering.DIGESTS)


def test_a_second_attempt_is_the_same_bytes_although_the_papers_were_corrected(
    server: smtpd.Server,
) -> None:
    corrected, deleted, lost = a_paper(title="First title"), a_paper(), a_paper()
    digest = digest_of(corrected, deleted, lost)
    lost.delete()
    server.trouble = lambda phase, _who: "drop" if phase == "dot" else ""
    send()
    Paper.objects.filter(pk=corrected.pk).update(title="Second title", abstract="Other words.")
    deleted.delete()
    lost.save()
    server.trouble = smtpd.calm
    assert outbox.resend(rendering.DIGESTS, [digest.pk]) == 1
    send()
    before, after = server.bodies
    assert before == after
    assert b"First title" in before
    digest.refresh_from_db()
    assert digest.state == Digest.State.SENT
    assert "First title" in messages.digest_page(digest, snapshots.cards_of(digest))


def test_a_refused_attempt_freezes_as_well(server: smtpd.Server) -> None:
    paper = a_paper(title="First title")
    digest_of(paper)
    server.trouble = lambda phase, _who: "451 later" if phase == "rcpt" else ""
    send()
    Paper.objects.update(title="Second title")
    server.trouble = smtpd.calm
    send()
    [body] = server.bodies
    assert b"First title" in body
    assert b"Second title" not in body


def test_what_was_never_tried_says_what_is_right_now(server: smtpd.Server) -> None:
    paper = a_paper(title="First title")
    digest_of(paper)
    send()
    Paper.objects.update(title="Second title")
    digest_of(paper)
    send()
    assert [b"Second title" in body for body in server.bodies] == [False, True]
    assert FrozenCard.objects.count() == 2


def test_a_card_that_many_digests_share_is_stored_once(server: smtpd.Server) -> None:
    papers = [a_paper() for _ in range(3)]
    for _ in range(4):
        digest_of(*papers)
    send()
    assert FrozenCard.objects.count() == 3
    assert len({digest.cards for digest in Digest.objects.all()}) == 1


def test_a_card_survives_its_way_through_the_database() -> None:
    paper = a_paper(pdf_url="https://example.org/1.pdf", abstract="Ünï – 字. " * 50)
    card = cards.card_of(paper)
    snapshots.store_snapshots([card])
    assert snapshots.load_snapshots({card.key}) == {card.key: card}


def test_the_cache_drops_the_least_recently_used_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "CACHED_CARDS", 3)
    one, two, three, four = (a_paper() for _ in range(4))
    cache = snapshots.CardCache()
    for chosen in ([one, two], [three, one], [four]):
        list(cache.for_digests([digest_of(*chosen)]))
    assert set(cache.cards) == {paper.canonical_id for paper in (one, three, four)}
    list(cache.for_digests([digest_of(one, two, three, four)]))
    assert len(cache.cards) == 4


def test_rendering_more_digests_takes_no_more_queries() -> None:
    papers = [a_paper() for _ in range(5)]
    few, many = ([digest_of(*papers) for _ in range(count)] for count in (2, 30))
    counted = []
    for rows in (few, many):
        FrozenCard.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            assert len(list(rendering.render_digests()(rows))) == len(rows)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_claimed_rows_hold_everything_that_a_mail_says(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    digest_of(a_paper())
    stream = rendering.DIGESTS
    [row] = outbox.claim(stream, stream.rows).rows
    list(rendering.render_digests()([row]))
    cards = snapshots.cards_of(row)
    with django_assert_num_queries(0):
        messages.digest_message(row, cards)


def test_a_paper_hidden_after_the_choice_does_not_leave_and_is_not_shown(
    server: smtpd.Server,
) -> None:
    kept, hidden = a_paper(title="Kept"), a_paper(title="Hidden")
    digest = digest_of(hidden, kept)
    Paper.objects.filter(pk=hidden.pk).update(hidden=True)
    send()
    [mail] = server.bodies
    assert b"Kept" in mail
    assert b"Hidden" not in mail
    digest.refresh_from_db()
    assert "Hidden" not in messages.digest_page(digest, snapshots.cards_of(digest))


def test_a_paper_hidden_after_it_was_sent_leaves_the_web_view(server: smtpd.Server) -> None:
    kept, hidden = a_paper(title="Kept"), a_paper(title="Hidden")
    digest = digest_of(hidden, kept)
    send()
    digest.refresh_from_db()
    assert "Hidden" in messages.digest_page(digest, snapshots.cards_of(digest))
    Paper.objects.filter(pk=hidden.pk).update(hidden=True)
    assert "Hidden" not in messages.digest_page(digest, snapshots.cards_of(digest))


@pytest.mark.parametrize("days", [-1, 8])
def test_a_note_is_read_only_while_the_pick_is_in_force(days: int) -> None:
    paper = a_paper(picked_at=now() - timedelta(days=days), editor_note="Read it twice.")
    assert snapshots.current_cards([paper.canonical_id])[paper.canonical_id].note == ""
