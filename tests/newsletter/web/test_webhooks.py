"""Provider events through Anymail's own webhook: stored once, acted on once."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from anymail.exceptions import AnymailImproperlyInstalled, _LazyError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import bounces
from newsletter.models import DeliveryEvent, Digest, Stream, Subscriber, Suppression
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db
State = Digest.State
SECRET = "postmark:secret"


@pytest.fixture(autouse=True)
def webhook_secret(settings: Settings) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"


def post(event: Any, secret: str = SECRET, provider: str = "postmark") -> int:
    """Send the event as the provider would; returns the status of the answer."""
    return request(json.dumps(event).encode(), secret, provider).status_code


def request(body: bytes, secret: str = SECRET, provider: str = "postmark") -> HttpResponse:
    login = base64.b64encode(secret.encode()).decode()
    return Client().post(  # type: ignore[return-value]  # The stubs' own class.
        f"/anymail/{provider}/tracking/",
        body,
        content_type="application/json",
        headers={"Authorization": f"Basic {login}"},
    )


def sendgrid_event(digest: Digest, number: int) -> dict[str, Any]:
    return {
        "event": "delivered",
        "email": digest.subscriber.email,
        "timestamp": 1770000000,
        "sg_event_id": f"event-{number}",
        "sg_message_id": "message-1",
        "smtp-id": "<x@example.org>",
        "digest": str(digest.public_id),
    }


def bounce(digest: Digest, kind: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "ID": number,
        "Type": kind,
        "MessageID": "message-1",
        "Email": digest.subscriber.email,
        "Description": "",
        "Details": "",
        "BouncedAt": "2026-03-11T08:00:00Z",
        "Metadata": {"digest": str(digest.public_id)},
    } | fields


def delivery(digest: Digest, **fields: Any) -> dict[str, Any]:
    return {
        "RecordType": "Delivery",
        "MessageID": "message-1",
        "Recipient": digest.subscriber.email,
        "DeliveredAt": "2026-03-11T08:00:00Z",
        "Details": "250 OK",
        "Metadata": {"digest": str(digest.public_id)},
    } | fields


def at(day: int) -> str:
    """A morning in March."""
    return f"2026-03-{day:02}T08:00:00Z"


def complaint(digest: Digest) -> dict[str, Any]:
    return bounce(digest, "SpamComplaint", RecordType="SpamComplaint")


def test_an_event_without_the_secret_is_refused_and_not_stored() -> None:
    assert post(delivery(a_digest()), secret="postmark:wrong") == 400
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("key", ["", "sign"])
def test_in_production_nobody_is_believed_while_no_secret_is_set(
    settings: Settings, key: str
) -> None:
    settings.LOCAL = False
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": key} if key else {}
    assert post(bounce(a_digest(), "HardBounce")) == 400
    assert not DeliveryEvent.objects.exists()


def test_an_event_is_stored_once_however_often_it_comes() -> None:
    digest = a_digest()
    for _ in range(3):
        assert post(delivery(digest)) == 200
    event = DeliveryEvent.objects.get()
    assert (event.type, event.digest) == ("delivered", digest)
    assert event.payload["Recipient"] == digest.subscriber.email


def test_a_delivery_settles_an_uncertain_digest() -> None:
    digest = a_digest(state=State.UNCERTAIN)
    post(delivery(digest))
    bounces.process()
    digest.refresh_from_db()
    assert (digest.state, digest.provider_id) == (State.SENT, "message-1")


def test_a_hard_bounce_suppresses_at_once() -> None:
    digest = a_digest(state=State.SENT)
    post(bounce(digest, "HardBounce"))
    bounces.process()
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.status == Subscriber.Status.SUPPRESSED
    assert Suppression.objects.get().reason == Suppression.Reason.HARD_BOUNCE


def test_a_complaint_suppresses_and_cancels_what_is_queued() -> None:
    digest = a_digest(state=State.SENT)
    queued = a_digest(subscriber=digest.subscriber, due_on=datetime(2026, 3, 12, tzinfo=UTC))
    post(complaint(digest))
    bounces.process()
    queued.refresh_from_db()
    assert queued.state == State.CANCELLED
    assert Suppression.objects.get().reason == Suppression.Reason.COMPLAINT


def test_six_days_of_soft_bounces_suppress_and_five_do_not() -> None:
    digest = a_digest(state=State.SENT)
    for day in range(1, 7):
        assert not Suppression.objects.exists()
        for number in (day, day + 100):
            post(bounce(digest, "SoftBounce", number, BouncedAt=f"2026-03-{day:02}T08:00:00Z"))
        bounces.process()
    assert Suppression.objects.get().reason == Suppression.Reason.SOFT_BOUNCES


def test_a_delivery_resets_earlier_soft_bounces() -> None:
    digest = a_digest(state=State.SENT)
    post(bounce(digest, "SoftBounce", BouncedAt="2026-03-10T08:00:00Z"))
    post(delivery(digest))
    bounces.process()
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.soft_bounce_score == 0


def test_thirty_quiet_days_start_the_score_again() -> None:
    digest = a_digest(state=State.SENT)
    for number, day in enumerate(["2026-01-01", "2026-01-02", "2026-02-10"]):
        post(bounce(digest, "SoftBounce", number, BouncedAt=f"{day}T08:00:00Z"))
    bounces.process()
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.soft_bounce_score == 0.5


def test_a_few_policy_refusals_stop_nothing_and_spare_the_person() -> None:
    readers = [a_subscriber(email=f"ada@university{number}.org") for number in range(3)]
    for number, reader in enumerate(readers):
        digest = a_digest(subscriber=reader, state=State.SENT)
        details = "550 5.7.1 message refused by policy"
        post(bounce(digest, "HardBounce", number, Details=details))
    bounces.process()
    assert not Stream.objects.exclude(paused_at=None).exists()
    assert not Suppression.objects.exists()
    assert set(Subscriber.objects.values_list("status", flat=True)) == {Subscriber.Status.ACTIVE}


def test_a_policy_refusal_counts_for_nobody_s_score() -> None:
    digest = a_digest(state=State.SENT)
    for day in range(1, 7):
        details = "550 5.7.1 refused by policy"
        post(bounce(digest, "SoftBounce", day, Details=details, BouncedAt=at(day)))
    post(bounce(digest, "SoftBounce", 7, BouncedAt=at(7)))
    bounces.process()
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.soft_bounce_score == 0.5
    assert not Suppression.objects.exists()


def test_a_bounce_proves_that_a_doubtful_digest_had_left() -> None:
    digest = a_digest(state=State.UNCERTAIN)
    post(bounce(digest, "SoftBounce"))
    bounces.process()
    digest.refresh_from_db()
    assert digest.state == State.SENT


def test_our_own_note_of_a_refusal_proves_no_sending() -> None:
    digest = a_digest(state=Digest.State.UNCERTAIN)
    DeliveryEvent.objects.create(
        provider="smtp", event_key="1", type="bounced", digest=digest, occurred_at=now()
    )
    bounces.process()
    digest.refresh_from_db()
    assert digest.state == Digest.State.UNCERTAIN


def test_an_event_without_metadata_is_matched_by_the_provider_s_own_id() -> None:
    digest = a_digest(state=State.SENT, provider_id="message-1")
    post(bounce(digest, "HardBounce", Metadata={}, Email="forwarded@example.net"))
    bounces.process()
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.status == Subscriber.Status.SUPPRESSED
    assert DeliveryEvent.objects.get().digest == digest


def test_an_event_that_cannot_be_acted_on_does_not_stop_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = a_digest(state=State.SENT), a_digest(state=State.SENT)
    post(bounce(first, "HardBounce", 1))
    post(bounce(second, "HardBounce", 2))
    with failing(DataError("out of range"), "INSERT", first.subscriber.email_key):
        assert bounces.process() == 2
    second.subscriber.refresh_from_db()
    assert second.subscriber.status == Subscriber.Status.SUPPRESSED
    assert "could not be acted on" in caplog.text


def test_a_thousand_events_in_one_request_are_a_handful_of_statements(
    settings: Settings, django_assert_max_num_queries: Any
) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.sendgrid.EmailBackend"
    digest = a_digest(state=State.SENT)
    events = [sendgrid_event(digest, number) for number in range(1000)]
    with django_assert_max_num_queries(30):
        assert post(events, provider="sendgrid") == 200
    assert DeliveryEvent.objects.filter(digest=digest, type="delivered").count() == 1000


@contextmanager
def failing(error: Exception, *parts: str) -> Iterator[None]:
    """A database that raises the error for every statement with all these parts."""

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if all(part in f"{sql} {params}" for part in parts):
            raise error
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield


@pytest.mark.parametrize(
    "error", [OperationalError("gone"), InterfaceError("closed"), IntegrityError("not null")]
)
def test_an_event_that_cannot_be_stored_is_answered_503_and_comes_again(error: Exception) -> None:
    digest = a_digest(state=State.SENT)
    with failing(error, "INSERT", "newsletter_deliveryevent"):
        assert post(delivery(digest)) == 503
    assert not DeliveryEvent.objects.exists()
    assert post(delivery(digest)) == 200
    assert DeliveryEvent.objects.get().type == "delivered"


def test_a_database_that_is_away_is_answered_503_before_anything_is_looked_up() -> None:
    event = delivery(a_digest(state=State.SENT))
    with failing(OperationalError("connection refused")):
        assert post(event) == 503


def test_an_event_that_fits_no_column_does_not_take_the_others_along(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.sendgrid.EmailBackend"
    digest = a_digest(state=State.SENT)
    events = [sendgrid_event(digest, number) for number in range(4)]
    with failing(DataError("out of range"), "INSERT", "event-2"):
        assert post(events, provider="sendgrid") == 400
    kept = set(digest.events.values_list("event_key", flat=True))
    assert kept == {"event-0", "event-1", "event-3"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"RecordType": 1}',
        b'{"RecordType": "Bounce"}',
        b'{"RecordType": "Delivery", "DeliveredAt": "yesterday"}',
        b'{"RecordType": "Delivery", "DeliveredAt": ["2026"], "Recipient": {}}',
        b"\xff\xfe\x00",
        b'{"RecordType": "Delivery", "Metadata": "none", "DeliveredAt": "2026-03-01T08:00:00Z"}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("provider", ["postmark", "mailgun", "brevo", "sparkpost", "mailersend"])
def test_a_malformed_request_is_answered_400_without_a_traceback(
    settings: Settings, provider: str, body: bytes
) -> None:
    settings.DEBUG = True
    settings.WEBHOOK_PROVIDERS = [provider]
    settings.ANYMAIL |= {"MAILGUN_WEBHOOK_SIGNING_KEY": "k", "MAILERSEND_SIGNING_SECRET": "k"}
    answer = request(body, provider=provider)
    assert (answer.status_code, answer.content) in {(400, b""), (200, b"")}
    assert not DeliveryEvent.objects.exists() or answer.status_code == 200


@pytest.mark.parametrize("provider", ["brevo", "resend", "amazon_ses", "mailgun", "mandrill"])
def test_only_the_sending_provider_and_the_named_ones_have_an_endpoint(
    settings: Settings, provider: str
) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    path = f"/anymail/{provider}/" + ("" if provider == "mandrill" else "tracking/")
    assert Client().post(path, "{}", content_type="application/json").status_code == 404
    settings.WEBHOOK_PROVIDERS = [provider]
    assert Client().post(path, "{}", content_type="application/json").status_code in {400, 401, 503}
    assert Client().post("/anymail/postmark/inbound/").status_code == 404


@pytest.mark.parametrize("backend", ["newsletter.mail.backends.brevo", "anymail.backends.brevo"])
def test_after_a_change_late_events_of_the_old_provider_count(
    settings: Settings, backend: str
) -> None:
    settings.EMAIL_BACKEND = f"{backend}.EmailBackend"
    settings.WEBHOOK_PROVIDERS = ["postmark"]
    digest = a_digest(state=State.SENT)
    assert post(bounce(digest, "HardBounce")) == 200
    late = {"event": "delivered", "email": digest.subscriber.email, "ts_epoch": 1770000000000}
    assert post(late, provider="brevo") == 200
    assert set(DeliveryEvent.objects.values_list("provider", flat=True)) == {"Brevo", "Postmark"}


def test_an_endpoint_whose_package_is_missing_asks_to_repeat_the_events(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = AnymailImproperlyInstalled(missing_package="svix", install_extra="resend")
    monkeypatch.setattr("anymail.webhooks.resend.SvixWebhook", _LazyError(missing))
    settings.WEBHOOK_PROVIDERS = ["resend"]
    settings.ANYMAIL |= {"RESEND_SIGNING_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    assert request(b"{}", provider="resend").status_code == 503


def test_what_no_column_can_hold_is_cut_and_kept() -> None:
    digest = a_digest(state=State.SENT)
    odd = "x" * 300 + "\0"
    assert post(bounce(digest, "HardBounce", MessageID=odd, Details=f"550\0 5.1.1 {odd}")) == 200
    assert bounces.process() == 1
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.status == Subscriber.Status.SUPPRESSED


def test_an_event_about_nobody_we_know_is_kept_and_harms_nothing() -> None:
    event = bounce(a_digest(), "HardBounce", Email="stranger@example.org", Metadata={})
    post(event)
    assert bounces.process() == 1
    assert DeliveryEvent.objects.get().processed_at <= now()  # type: ignore[operator]
