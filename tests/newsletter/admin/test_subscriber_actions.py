"""Actions on subscribers: confirmed by typed words, run once, and recorded in the audit log."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.utils.timezone import now

from newsletter.models import (
    Consent,
    Digest,
    Interest,
    Notice,
    Stream,
    Subscriber,
    Suppression,
)
from newsletter.subscriptions import suppressions
from papers.admin.base import url_of, url_of_list
from tests.newsletter.admin.actions import act_with_words, digest_of

State = Digest.State


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
