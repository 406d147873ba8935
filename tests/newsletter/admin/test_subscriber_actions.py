"""Actions on subscribers: confirmed by typed words, run once, and recorded in the audit log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.models import (
    Consent,
    DeliveryEvent,
    Digest,
    Interest,
    Notice,
    Stream,
    Subscriber,
    Suppression,
)
from newsletter.subscriptions import suppressions
from papers.admin.base import url_of, url_of_list
from papers.models import Paper

State = Digest.State


@pytest.fixture
def operator(db: None, client: Client) -> User:
    user = User.objects.create_superuser("operator", "operator@example.org")
    client.force_login(user)
    return user


@pytest.fixture
def reader(db: None) -> Subscriber:
    return Subscriber.objects.create(
        email="ada@example.org",
        email_key="ada@example.org",
        status=Subscriber.Status.ACTIVE,
        confirmed_at=now(),
        next_digest_at=now() + timedelta(hours=3),
    )


@pytest.fixture
def paper(db: None) -> Paper:
    return Paper.objects.create(
        canonical_id="2503.01234",
        title_key="k",
        title="Attention & <b>patience</b>",
        abstract="We wait.",
        authors=["A. Author"],
        announced_at=now() - timedelta(hours=1),
        trending=1.0,
    )


def digest_of(reader: Subscriber, state: str, day: int = 1) -> Digest:
    due_at = now() - timedelta(days=day)
    return Digest.objects.create(
        subscriber=reader, due_on=due_at.date(), due_at=due_at, state=state, reason="Refused."
    )


def act(client: Client, action: str, rows: Sequence[Model], **typed: str) -> str:
    """Send a list's action as the browser does; returns the page that it leads to."""
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows], **typed}
    return client.post(url_of_list(type(rows[0])), form, follow=True).content.decode()


def ticket_of(page: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found, page
    return found[1]


def act_with_words(
    client: Client, action: str, rows: Sequence[Model], words: str, **typed: str
) -> str:
    ticket = ticket_of(act(client, action, rows))
    return act(client, action, rows, ticket=ticket, typed=words, **typed)


def test_the_preview_shows_the_digest_in_a_frame_and_stores_nothing(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    page = client.get(f"{url_of(reader).removesuffix('change/')}preview/").content.decode()

    assert '<iframe class="' in page
    assert " sandbox " in page
    assert "Attention &amp;amp; &amp;lt;b&amp;gt;patience" in page
    assert not Digest.objects.exists()
    assert not reader.tokens.exists()


def test_the_preview_of_somebody_who_would_get_nothing_says_why(
    client: Client, operator: User, reader: Subscriber
) -> None:
    page = client.get(f"{url_of(reader).removesuffix('change/')}preview/").content.decode()

    assert "There are no papers yet." in page


def test_a_digest_that_was_sent_can_be_seen_again(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    digest = digest_of(reader, State.SENT)
    digest.items = [{"paper": "2503.01234", "reason": "new", "slot": "trending", "score": 1.0}]
    digest.save()

    page = client.get(f"{url_of(digest).removesuffix('change/')}see/").content.decode()

    assert "patience" in page


def test_resending_asks_for_words_and_wrong_ones_change_nothing(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest = digest_of(reader, State.FAILED)

    page = act_with_words(client, "resend", [digest], "yes")

    assert "To go on, type: resend 1" in page
    assert Digest.objects.get().state == State.FAILED


def test_resending_queues_failed_and_uncertain_digests_and_no_others(
    client: Client, operator: User, reader: Subscriber
) -> None:
    states = [State.FAILED, State.UNCERTAIN, State.SENT, State.SKIPPED]
    rows = [digest_of(reader, state, day) for day, state in enumerate(states)]

    act_with_words(client, "resend", rows, "resend 2")

    after = list(Digest.objects.order_by("pk").values_list("state", flat=True))
    assert after == [State.QUEUED, State.QUEUED, State.SENT, State.SKIPPED]
    assert LogEntry.objects.filter(user=operator, change_message="resent").count() == 2


def test_a_second_click_on_the_same_page_does_nothing(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest = digest_of(reader, State.FAILED)
    ticket = ticket_of(act(client, "resend", [digest]))
    act(client, "resend", [digest], ticket=ticket, typed="resend 1")
    Digest.objects.update(state=State.FAILED)

    page = act(client, "resend", [digest], ticket=ticket, typed="resend 1")

    assert "this was done already" in page
    assert Digest.objects.get().state == State.FAILED


def test_the_button_of_a_digest_leads_to_the_same_question(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest = digest_of(reader, State.UNCERTAIN)

    page = client.get(f"{url_of(digest).removesuffix('change/')}resend/").content.decode()

    assert f'action="{url_of_list(Digest)}"' in page
    act(client, "resend", [digest], ticket=ticket_of(page), typed="RESEND 1")
    assert Digest.objects.get().state == State.QUEUED


@pytest.mark.parametrize("state", State)
def test_a_digest_offers_to_be_resent_only_when_it_can_be(
    client: Client, operator: User, reader: Subscriber, state: str
) -> None:
    digest = digest_of(reader, state)

    page = client.get(url_of(digest)).content.decode()

    button = f'href="{url_of(digest).removesuffix("change/")}resend/"'
    assert (button in page) is (state in {State.FAILED, State.UNCERTAIN})


@pytest.mark.parametrize(
    ("status", "buttons"),
    [
        ("active", {"unsubscribe", "suppress"}),
        ("unsubscribed", {"suppress"}),
        ("suppressed", set()),
    ],
)
def test_a_subscriber_s_page_offers_only_what_can_still_be_done(
    client: Client, operator: User, reader: Subscriber, status: str, buttons: set[str]
) -> None:
    Subscriber.objects.update(status=status)

    page = client.get(url_of(reader)).content.decode()

    own = url_of(reader).removesuffix("change/")
    assert {
        name for name in ("unsubscribe", "suppress") if f'href="{own}{name}/"' in page
    } == buttons


def test_all_that_match_can_be_resent_at_once(
    client: Client, operator: User, reader: Subscriber
) -> None:
    rows = [digest_of(reader, State.FAILED, day) for day in range(60)]
    page = act(client, "resend", rows[:50], select_across="1")

    act(
        client,
        "resend",
        rows[:1],
        select_across="1",
        ticket=ticket_of(page),
        typed="resend 60",
    )

    assert Digest.objects.filter(state=State.QUEUED).count() == 60


def test_sending_needs_its_own_permission(client: Client, reader: Subscriber, paper: Paper) -> None:
    clerk = User.objects.create_user("clerk", "clerk@example.org", is_staff=True)
    names = ["view_digest", "view_subscriber", "change_subscriber", "view_stream"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(clerk)
    digest = digest_of(reader, State.FAILED)

    act(client, "resend", [digest], ticket="t", typed="resend 1")
    act(client, "send_test", [reader], ticket="t", typed="send test")

    assert Digest.objects.get().state == State.FAILED
    assert mail.outbox == []
    assert client.get(f"{url_of_list(Stream)}pause/").status_code == 403


def test_a_test_is_offered_to_the_operator_and_goes_elsewhere_without_a_link_that_acts(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    asked = act(client, "send_test", [reader])
    assert 'value="operator@example.org"' in asked
    page = act_with_words(client, "send_test", [reader], "send test", to="bob@example.com")

    assert "on its way to bob@example.com" in page
    [message] = mail.outbox
    assert message.recipients() == ["bob@example.com"]
    assert message.subject.startswith("[Test] ")
    assert "List-Unsubscribe" not in message.message()
    written = message.message().as_string()
    assert "/preferences/" not in written
    assert "/unsubscribe/" not in written
    assert "ada@example.org" not in written
    assert not Digest.objects.exists()
    assert not reader.tokens.exists()
    [entry] = LogEntry.objects.all()
    assert entry.change_message == "sent a test to an address at example.com: sent"


def test_a_test_goes_to_no_suppressed_address(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    suppressions.suppress("bob@example.com", Suppression.Reason.MANUAL)
    page = act_with_words(client, "send_test", [reader], "send test", to="bob@example.com")
    assert "Nothing was sent. bob@example.com is suppressed." in page
    assert mail.outbox == []


def test_a_test_that_cannot_be_sent_says_why(
    client: Client, operator: User, reader: Subscriber, paper: Paper, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    to = "bob@example.com"
    assert "The test failed." in act_with_words(client, "send_test", [reader], "send test", to=to)


def test_suppressing_and_unsubscribing_take_effect_and_are_logged(
    client: Client, operator: User, reader: Subscriber
) -> None:
    queued = digest_of(reader, State.QUEUED)

    act_with_words(client, "unsubscribe", [reader], "unsubscribe 1")
    reader.refresh_from_db()
    queued.refresh_from_db()
    assert (reader.status, queued.state) == (Subscriber.Status.UNSUBSCRIBED, State.CANCELLED)
    assert Consent.objects.get().form == "admin: operator"

    act_with_words(client, "suppress", [reader], "suppress 1")
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.SUPPRESSED
    assert Suppression.objects.get().reason == Suppression.Reason.MANUAL
    actions = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(actions) == ["unsubscribe", "suppress"]


def test_deleting_a_subscriber_erases_the_person_and_keeps_a_hash(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest_of(reader, State.SENT)
    url = f"{url_of(reader).removesuffix('change/')}delete/"
    assert "erases a person for good" in client.get(url).content.decode()

    client.post(url, {"post": "yes"})

    assert not Subscriber.objects.exists()
    assert Suppression.objects.get().reason == Suppression.Reason.ERASED
    assert not LogEntry.objects.filter(object_repr__icontains="ada").exists()


def exported(client: Client, rows: Sequence[Model]) -> str:
    form = {"action": "export", "_selected_action": [str(row.pk) for row in rows]}
    response = client.post(url_of_list(Subscriber), form)
    return response.getvalue().decode() if response.streaming else ""


def test_an_export_is_harmless_to_spreadsheets_and_leaves_out_who_left(
    client: Client, operator: User, reader: Subscriber
) -> None:
    Interest.objects.create(subscriber=reader, kind="text", value="=HYPERLINK(1)")
    gone = Subscriber.objects.create(email="b@x.org", email_key="b@x.org", status="unsubscribed")

    lines = exported(client, [reader, gone]).splitlines()

    assert len(lines) == 2
    assert lines[1].startswith("ada@example.org,")
    assert ",'=HYPERLINK(1)," in lines[1]
    assert LogEntry.objects.get().object_repr == "1 subscriber"


def test_exporting_needs_its_own_permission(client: Client, reader: Subscriber) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="change_subscriber"))
    client.force_login(clerk)

    assert exported(client, [reader]) == ""
    assert not LogEntry.objects.exists()


def choices_form(**changed: str) -> dict[str, str]:
    inlines = {
        f"{prefix}-{name}": "0"
        for prefix in ("interests", "consents")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    form = {"frequency": "daily", "weekday": "0", "hour": "8", "timezone": "UTC", "size": "10"}
    return form | inlines | changed


def test_choices_changed_in_the_admin_move_the_due_date_and_are_in_the_consent_log(
    client: Client, operator: User, reader: Subscriber
) -> None:
    added = {
        "interests-TOTAL_FORMS": "1",
        "interests-0-kind": "text",
        "interests-0-value": "graphs",
    }

    client.post(url_of(reader), choices_form(frequency="weekly", weekday="2", hour="17", **added))

    reader.refresh_from_db()
    assert reader.next_digest_at
    assert (reader.next_digest_at.weekday(), reader.next_digest_at.hour) == (2, 17)
    assert Interest.objects.get().value == "graphs"
    line = Consent.objects.get()
    assert line.form == "admin: operator"
    assert line.choices["interests"] == ["graphs"]


@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        ("like", "https://arxiv.org/abs/2503.01234v2", "2503.01234"),
        ("topic", "cs.lg", "cs.LG"),
        ("topic", "cs.ZZ", None),
    ],
)
def test_an_interest_is_read_as_on_the_subscriber_s_own_page(
    client: Client, operator: User, reader: Subscriber, kind: str, typed: str, stored: str | None
) -> None:
    row = {"interests-TOTAL_FORMS": "1", "interests-0-kind": kind, "interests-0-value": typed}

    client.post(url_of(reader), choices_form(**row))

    assert Interest.objects.values_list("value", flat=True).first() == stored


@pytest.mark.parametrize("wrong", [{"timezone": "Mars/Base"}, {"hour": "24"}, {"size": "0"}])
def test_choices_out_of_range_are_refused(
    client: Client, operator: User, reader: Subscriber, wrong: dict[str, str]
) -> None:
    response = client.post(url_of(reader), choices_form(**wrong))

    assert response.status_code == 200
    assert not Consent.objects.exists()


def test_a_forged_form_does_not_move_a_state(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest = digest_of(reader, State.FAILED)

    client.post(url_of(reader), choices_form(status="suppressed", email="eve@example.org"))
    client.post(url_of(digest), {"state": "sent"})

    reader.refresh_from_db()
    digest.refresh_from_db()
    assert (reader.status, reader.email) == (Subscriber.Status.ACTIVE, "ada@example.org")
    assert digest.state == State.FAILED


def test_a_line_of_the_consent_log_can_be_neither_changed_nor_deleted(
    client: Client, operator: User, reader: Subscriber
) -> None:
    line = Consent.objects.create(subscriber=reader, action="sign_up")
    url = url_of(line)

    assert client.post(url, {"action": "confirm"}).status_code == 403
    assert client.post(f"{url.removesuffix('change/')}delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{url_of_list(Consent)}add/").status_code == 403
    assert Consent.objects.get().action == "sign_up"


def test_all_mail_is_stopped_and_started_with_one_form(client: Client, operator: User) -> None:
    form = {"stream": "all", "typed": "all", "reason": "The provider changes."}
    client.post(f"{url_of_list(Stream)}pause/", form | {"typed": "digests"})
    assert not Stream.objects.filter(paused_at__isnull=False).exists()

    client.post(f"{url_of_list(Stream)}pause/", form)
    stopped = Stream.objects.filter(paused_at__isnull=False).values_list("name", flat=True)
    assert set(stopped) == {"digests", "notices"}

    client.post(f"{url_of_list(Stream)}resume/", form)
    assert not Stream.objects.filter(paused_at__isnull=False).exists()
    assert LogEntry.objects.filter(object_id__in=["digests", "notices"]).count() == 4


def test_a_stream_is_stopped_with_a_reason_and_started_again(
    client: Client, operator: User
) -> None:
    form = {"stream": "digests", "typed": "digests", "reason": "A template is broken."}

    client.post(f"{url_of_list(Stream)}pause/", form | {"typed": "yes"})
    assert not Stream.objects.filter(paused_at__isnull=False).exists()

    client.post(f"{url_of_list(Stream)}pause/", form)
    assert Stream.objects.get().paused_reason == "operator: A template is broken."

    client.post(f"{url_of_list(Stream)}resume/", form)
    assert Stream.objects.get().paused_at is None
    assert LogEntry.objects.filter(object_id="digests").count() == 2


def test_a_suppression_is_lifted_for_a_reason_and_the_person_is_what_they_were(
    operator: User, reader: Subscriber, client: Client
) -> None:
    suppressions.suppress(reader.email, Suppression.Reason.HARD_BOUNCE, "550 5.1.1 no such user")
    page = client.get(url_of(reader)).content.decode()
    assert "hard bounce" in page
    assert "550 5.1.1 no such user" in page
    button = client.get(f"{url_of(reader).removesuffix('change/')}lift/")
    assert "Why (kept in the audit log)" in button.content.decode()
    form = {"action": "lift", "_selected_action": [reader.pk], "ticket": "t1", "typed": "lift 1"}
    client.post(url_of_list(Subscriber), form)
    assert Suppression.objects.exists(), "nothing is lifted without a reason"
    client.post(url_of_list(Subscriber), form | {"why": "The provider erred."})
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.ACTIVE
    assert not Suppression.objects.exists()
    assert LogEntry.objects.get().change_message == "suppression lifted: The provider erred."


def test_many_suppressions_of_one_domain_are_lifted_at_once(operator: User, client: Client) -> None:
    for number, domain in enumerate(["big.example", "big.example", "small.example"]):
        suppressions.suppress(f"r{number}@{domain}", Suppression.Reason.HARD_BOUNCE, "550 5.1.1")
    url = f"{url_of_list(Suppression)}?domain=big.example"
    asked = client.post(
        url, {"action": "lift", "_selected_action": ["1"], "select_across": "1"}
    ).content.decode()
    assert "To go on, type: lift 2" in asked
    form = {"action": "lift", "_selected_action": ["1"], "select_across": "1", "ticket": "t"}
    client.post(url, form | {"typed": "lift 2", "why": "Their servers refused everybody."})
    assert [str(row) for row in Suppression.objects.all()] == ["r2@small.example"]
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("action", "words", "status"),
    [("pause", "pause 1", "paused"), ("resume", "resume 0", "active")],
)
def test_one_person_is_paused_and_resumed(
    operator: User, reader: Subscriber, client: Client, action: str, words: str, status: str
) -> None:
    form = {"action": action, "_selected_action": [reader.pk], "ticket": "t", "typed": words}
    client.post(url_of_list(Subscriber), form)
    reader.refresh_from_db()
    assert reader.status == status


def test_the_next_digest_is_made_due_now_and_the_links_are_queued(
    operator: User, reader: Subscriber, client: Client
) -> None:
    for action in ("make_due", "queue_links"):
        form = {"action": action, "_selected_action": [reader.pk], "ticket": action}
        client.post(url_of_list(Subscriber), form | {"typed": "send 1"})
    reader.refresh_from_db()
    assert reader.next_digest_at is not None
    assert reader.next_digest_at <= now()
    notice = Notice.objects.get()
    assert (notice.kind, notice.state) == (Notice.Kind.MANAGE, Notice.State.QUEUED)


def test_the_story_of_a_person_is_shown_in_one_order(
    operator: User, reader: Subscriber, client: Client
) -> None:
    moment = now()
    Consent.objects.create(
        subscriber=reader, action="confirm", text_version="v3", at=moment - timedelta(days=9)
    )
    digest = digest_of(reader, State.FAILED)
    DeliveryEvent.objects.create(
        provider="ses",
        event_key="1",
        type="bounced",
        email_key=reader.email_key,
        digest=digest,
        description="550 <no such user>",
        occurred_at=moment - timedelta(hours=2),
    )
    suppressions.suppress(reader.email, Suppression.Reason.HARD_BOUNCE, "550 no such user")
    html = client.get(url_of(reader)).content.decode()
    told = html[html.index("plain-table story") :]
    order = ["Suppressed: hard bounce", "ses reported bounced", "Digest failed", "Confirmed"]
    assert [told.index(words) for words in order] == sorted(told.index(words) for words in order)
    assert "Was suppressed" not in told, "the suppression says it"
    assert "text v3" in told
    assert "550 &lt;no such user&gt;" in told


def test_the_story_names_every_paper_with_its_reason_and_the_end_of_a_pause_as_people_read_it(
    operator: User, reader: Subscriber, client: Client
) -> None:
    digest = digest_of(reader, State.SENT)
    digest.items = [{"paper": f"2503.0000{n}", "reason": f"on thing {n} & more"} for n in range(9)]
    digest.save()
    Consent.objects.create(
        subscriber=reader, action="pause", choices={"until": "2026-12-04T20:36:09.473965+00:00"}
    )
    html = client.get(url_of(reader)).content.decode()
    told = html[html.index("plain-table story") :]
    assert "<summary>9 papers</summary>" in told
    for number in range(9):
        assert f"<li>2503.0000{number} on thing {number} &amp; more</li>" in told
    assert "until: 4 Dec 2026, 20:36 UTC" in told


MANY = {
    "suppress": "suppress",
    "make_due": "send",
    "queue_links": "send",
    "pause": "pause",
    "resume": "resume",
    "unsubscribe": "unsubscribe",
    "lift": "lift",
    "erase": "erase",
}
FROM = {"resume": Subscriber.Status.PAUSED, "lift": Subscriber.Status.SUPPRESSED}


def people_for(action: str, count: int) -> list[Subscriber]:
    """Store people whom the action changes, each with a digest that waits."""
    people = [
        Subscriber(
            email=f"{count}-{n}@example.org",
            email_key=f"{count}-{n}@example.org",
            status=FROM.get(action, Subscriber.Status.ACTIVE),
            confirmed_at=now(),
        )
        for n in range(count)
    ]
    Subscriber.objects.bulk_create(people)
    if action == "lift":
        suppressions.suppress_many(
            [suppressions.SuppressedAddress(one.email_key, "complaint") for one in people]
        )
    day = now()
    Digest.objects.bulk_create(Digest(subscriber=one, due_on=day, due_at=day) for one in people)
    return people


@pytest.mark.parametrize("action", MANY)
def test_what_is_done_to_many_takes_no_more_queries_than_for_a_few(
    client: Client, operator: User, action: str
) -> None:
    def queries(count: int) -> int:
        keys = [person.pk for person in people_for(action, count)]
        form = {"action": action, "_selected_action": keys, "ticket": f"{action}-{count}"}
        form |= {"typed": f"{MANY[action]} {count}", "why": "They asked."}
        with CaptureQueriesContext(connection) as captured:
            client.post(url_of_list(Subscriber), form)
        assert LogEntry.objects.filter(object_id__in=keys).count() == count
        return len(captured)

    assert queries(40) <= queries(4) + 2


@pytest.mark.parametrize("action", MANY)
def test_all_the_people_of_several_portions_are_reached(
    client: Client, operator: User, action: str
) -> None:
    people = people_for(action, 1100)
    form = {"action": action, "_selected_action": [people[0].pk], "select_across": "1"}
    asked = client.post(url_of_list(Subscriber), form).content.decode()
    assert f"type: {MANY[action]} 1100" in asked
    assert len(asked) < 100_000, "the page does not carry the key of every person"

    typed = {"ticket": "t", "typed": f"{MANY[action]} 1100", "why": "They asked."}
    client.post(url_of_list(Subscriber), form | typed)

    assert LogEntry.objects.count() == 1100
    if action == "queue_links":
        assert Notice.objects.count() == 1100
        return
    if action == "make_due":
        assert Subscriber.objects.filter(next_digest_at__lte=now()).count() == 1100
        return
    untouched = Subscriber.objects.filter(status=FROM.get(action, Subscriber.Status.ACTIVE))
    assert not untouched.exists()
    if action in {"pause", "unsubscribe", "suppress"}:
        assert not Digest.objects.filter(state=State.QUEUED).exists()


def test_the_selected_people_are_erased_and_the_audit_log_names_none_of_them(
    client: Client, operator: User
) -> None:
    people = people_for("erase", 3)
    page = act(client, "erase", people[:2])
    assert "unless its owner signs up" in page

    act_with_words(client, "erase", people[:2], "erase 2")

    assert list(Subscriber.objects.values_list("pk", flat=True)) == [people[2].pk]
    assert Suppression.objects.filter(reason="erased", email_key="").count() == 2
    logged = LogEntry.objects.values_list("object_repr", "action_flag").distinct()
    assert set(logged) == {("erased address", DELETION)}
