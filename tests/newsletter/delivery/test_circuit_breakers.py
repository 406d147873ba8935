"""Too many complaints or dead addresses stop the digests before the providers do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from newsletter import jobs
from newsletter.delivery import bounces, circuit_breakers, streams
from newsletter.models import DeliveryEvent, Digest, Heartbeat, Stream, Subscriber, Suppression
from newsletter.security import email_addresses
from tests.factories import a_digest, a_subscriber
from tests.rounds import digest_round

pytestmark = pytest.mark.django_db
SENT = 1000


def history(sent: int, reason: str, count: int) -> None:
    """A day on which so many digests left, and so many of them had their reader suppressed."""
    person, day = a_subscriber(next_digest_at=None), now().date()
    for _ in range(count):
        digest = a_digest(state=Digest.State.SENT, sent_at=now(), items=[])
        suppress(digest.subscriber, reason, digest)
    sent -= count
    Digest.objects.bulk_create(
        Digest(
            subscriber=person,
            due_on=day - timedelta(days=number),
            due_at=now(),
            state=Digest.State.SENT,
            sent_at=now(),
        )
        for number in range(sent)
    )


def suppress(person: Subscriber, reason: str, digest: Digest | None) -> None:
    """The person is suppressed for what was told of this digest, or of a notice."""
    key = person.email_key
    Suppression.objects.create(
        address_hash=email_addresses.hash_of(key), email_key=key, reason=reason
    )
    told(digest, person.email, {"complaint": "complained"}.get(reason, "bounced"))


def told(digest: Digest | None, email: str, type_: str, description: str = "") -> None:
    DeliveryEvent.objects.create(
        provider="Postmark",
        event_key=f"{DeliveryEvent.objects.count()}",
        type=type_,
        digest=digest,
        recipient=email,
        email_key=email,
        description=description,
        reject_reason="bounced" if type_ == "bounced" else "",
        occurred_at=now(),
    )


def is_paused() -> bool:
    return Stream.objects.filter(name="digests", paused_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("reason", "count", "paused", "warned"),
    [
        ("complaint", 0, False, False),
        ("complaint", 1, False, True),
        ("complaint", 3, True, False),
        ("hard_bounce", 19, False, False),
        ("hard_bounce", 20, False, True),
        ("hard_bounce", 50, True, False),
    ],
)
def test_a_share_too_high_stops_the_digests_and_a_lower_one_warns(
    reason: str, count: int, paused: bool, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    history(SENT, reason, count)
    circuit_breakers.check(now())
    assert is_paused() is paused
    assert any(record.levelname == "WARNING" for record in caplog.records) is warned


def test_a_few_first_mails_prove_nothing() -> None:
    history(circuit_breakers.LEAST_SENT - 1, "hard_bounce", 50)
    circuit_breakers.check(now())
    assert not is_paused()


def test_what_the_operator_has_looked_at_does_not_stop_the_stream_again() -> None:
    history(SENT, "complaint", 10)
    circuit_breakers.check(now())
    streams.resume("digests")
    circuit_breakers.check(now())
    assert not is_paused()


def test_a_complaint_is_weighed_when_it_comes_in() -> None:
    history(SENT - 1, "complaint", 2)
    digest = a_digest(state=Digest.State.SENT, sent_at=now())
    told(digest, digest.subscriber.email, "complained")
    digest_round()
    assert is_paused()
    stream = Stream.objects.get(name="digests")
    assert "3 complaints among 1000 digests" in stream.paused_reason


def test_what_the_command_read_is_weighed_by_the_command() -> None:
    history(SENT - 1, "complaint", 2)
    digest = a_digest(state=Digest.State.SENT, sent_at=now())
    told(digest, digest.subscriber.email, "complained")
    jobs.send_due(now())
    assert is_paused()


def test_breakers_are_checked_once_a_minute_without_any_new_event() -> None:
    jobs.process_events()
    history(SENT, "complaint", 10)
    bounces.process()
    jobs.process_events()
    assert not is_paused()
    Heartbeat.objects.filter(name="breakers").update(at=now() - timedelta(seconds=61))
    jobs.process_events()
    assert is_paused()


def test_signing_up_dead_addresses_stops_nothing() -> None:
    history(SENT, "hard_bounce", 0)
    for _ in range(100):
        suppress(a_subscriber(confirmed_at=None), "hard_bounce", None)
    circuit_breakers.check(now())
    assert not is_paused()


def test_a_digest_that_was_refused_at_once_counts_as_well() -> None:
    history(SENT, "hard_bounce", 49)
    refused = a_digest(state=Digest.State.FAILED, sending_at=now())
    suppress(refused.subscriber, "hard_bounce", refused)
    circuit_breakers.check(now())
    assert is_paused()


def test_what_left_before_the_operator_looked_counts_for_nothing_when_it_is_reported_late() -> None:
    history(SENT, "complaint", 10)
    digests = [a_digest(state=Digest.State.SENT, sent_at=now()) for _ in range(10)]
    streams.resume("digests")
    history(SENT, "complaint", 0)
    for digest in digests:
        suppress(digest.subscriber, "complaint", digest)
    circuit_breakers.check(now())
    assert not is_paused()


def refused(domain: str, stream: str = "digests", **person: object) -> Subscriber:
    """Somebody at that domain whose server refuses this mail by policy."""
    number = Subscriber.objects.count()
    reader = a_subscriber(email=f"reader{number}@{domain}", **person)
    digest = a_digest(subscriber=reader, state=Digest.State.SENT) if stream == "digests" else None
    told(digest, reader.email, "bounced", "550 5.7.1 refused by policy")
    return reader


def paused() -> set[str]:
    return set(Stream.objects.exclude(paused_at=None).values_list("name", flat=True))


def test_ten_policy_refusals_of_ten_pause_the_stream_and_spare_the_people() -> None:
    people = [refused(f"{name}.org") for name in "abcdefghij"]
    bounces.process()
    assert paused() == {"digests"}
    stream = Stream.objects.get(name="digests")
    assert "5.7.1" in stream.paused_reason
    assert stream.resume_at is not None
    assert not Suppression.objects.exists()
    assert {person.status for person in people} == {Subscriber.Status.ACTIVE}


def test_a_few_policy_refusals_stop_nothing_whatever_their_domains(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in "abcdefghi":
        refused(f"{name}.org")
    bounces.process()
    assert not paused()
    assert "refused by policy at" in caplog.text


def test_a_small_share_of_the_mail_of_a_day_stops_nothing() -> None:
    history(60, "hard_bounce", 0)
    for name in "abcdefghij":
        refused(f"{name}.org")
    bounces.process()
    assert not paused()


@pytest.mark.parametrize(
    "domains", [["one.org"], ["a.one.org", "b.one.org"], ["one.org", "two.org"]]
)
def test_an_owner_of_a_domain_or_two_stops_nothing(domains: list[str]) -> None:
    for number in range(100):
        a_subscriber(email=f"ada{number}@elsewhere.org")
    for name in domains * 10:
        refused(name)
    bounces.process()
    assert not paused()


def test_a_domain_that_has_many_of_the_readers_stops_the_stream_alone() -> None:
    for _ in range(10):
        refused("mail.university.edu")
    bounces.process()
    assert paused() == {"digests"}


def test_refused_confirmations_of_strangers_stop_nothing() -> None:
    for name in "abcdefghij":
        refused(f"{name}.org", "notices", confirmed_at=None)
    bounces.process()
    assert not paused()


def test_refused_notices_do_not_stop_the_digests() -> None:
    for name in "abcdefghij":
        refused(f"{name}.org", "notices")
    bounces.process()
    assert paused() == {"notices"}


def test_a_reader_who_refused_by_policy_before_says_nothing_new() -> None:
    people = [refused(f"{name}.org") for name in "abcdefghij"]
    DeliveryEvent.objects.update(received_at=now() - timedelta(days=2), processed_at=now())
    for person in people:
        digest = Digest.objects.get(subscriber=person)
        told(digest, person.email, "bounced", "550 5.7.1 refused by policy")
    bounces.process()
    assert not paused()


def test_refusals_from_before_a_resumption_do_not_stop_the_stream_again() -> None:
    for name in "abcdefghi":
        refused(f"{name}.org")
    bounces.process()
    streams.resume("digests")
    refused("j.org")
    bounces.process()
    assert not paused()


def test_an_address_of_the_internet_protocol_is_no_status_code() -> None:
    for name in ("one.org", "two.org", "three.org"):
        digest = a_digest(subscriber=a_subscriber(email=f"ada@{name}"))
        told(digest, digest.subscriber.email, "bounced", "550 5.1.1 no such user at 10.5.7.1")
    bounces.process()
    assert not paused()
    assert Suppression.objects.count() == 3
