"""The life of a subscription: who may move it where, and what the consent log says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
import time_machine

from newsletter.delivery import rendering
from newsletter.models import Consent, Digest, Interest, Notice, Subscriber, Suppression
from newsletter.security.email_addresses import parse
from newsletter.security.tokens import ExpiredTokenError
from newsletter.subscriptions import consent_log, preferences, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.preferences import Choices

pytestmark = pytest.mark.django_db

NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)  # A Monday.
WEB: Final = ActionOrigin("sign-up form", "203.0.113.77", "Lynx/2.9")
Status = Subscriber.Status


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def ask(email: str = "ada@example.org", **choices: object) -> Consent:
    """Sign up an address and return its request."""
    subscriptions.sign_up(parse(email), email, Choices(**choices), WEB)  # type: ignore[typeddict-item]
    return Consent.objects.filter(action=Consent.Action.SIGN_UP).latest("pk")


def join(**choices: object) -> Subscriber:
    return subscriptions.confirm(ask(**choices), WEB)  # type: ignore[arg-type]


def queue_digest(subscriber: Subscriber, state: str = Digest.State.QUEUED) -> Digest:
    return Digest.objects.create(
        subscriber=subscriber, due_on=NOON.date(), due_at=NOON, state=state, items=[]
    )


def actions(subscriber: Subscriber) -> list[str]:
    return list(subscriber.consents.order_by("pk").values_list("action", flat=True))


def test_a_request_waits_for_its_confirmation() -> None:
    request = ask()
    subscriber = Subscriber.objects.get()
    assert (subscriber.status, subscriber.next_digest_at) == (Status.PENDING, None)
    notice = Notice.objects.get()
    assert (notice.kind, notice.state, notice.consent) == ("confirm", "queued", request)


def test_confirming_makes_the_first_digest_due_at_once() -> None:
    subscriber = join(frequency="weekly", weekday=4, topics=["cs.CL"], likes=["2503.01234"])
    assert (subscriber.status, subscriber.next_digest_at) == (Status.ACTIVE, NOON)
    chosen = preferences.of(subscriber)
    assert (chosen["frequency"], chosen["weekday"]) == ("weekly", 4)
    assert (chosen["topics"], chosen["likes"]) == (["cs.CL"], ["2503.01234"])


def test_the_consent_log_keeps_the_proof_and_not_the_whole_ip_address() -> None:
    subscriptions.confirm(
        ask("Ada@Example.org", size=5), ActionOrigin("confirm", "2001:db8:1:2::3")
    )
    asked, confirmed = Consent.objects.order_by("pk")
    assert (asked.email_as_typed, asked.ip_truncated) == ("Ada@Example.org", "203.0.113.0/24")
    assert (asked.form, asked.user_agent) == ("sign-up form", "Lynx/2.9")
    assert asked.choices == {"size": 5}
    assert confirmed.ip_truncated == "2001:db8:1::/48"
    assert confirmed.text_hash == consent_log.CONSENT_HASH
    assert confirmed.at == NOON


def test_confirming_twice_is_the_same_as_once(clock: time_machine.Traveller) -> None:
    request = ask()
    first = subscriptions.confirm(request, WEB)
    Subscriber.objects.update(next_digest_at=NOON + timedelta(days=1))
    clock.shift(timedelta(hours=1))
    request.refresh_from_db()
    request.subscriber.refresh_from_db()
    again = subscriptions.confirm(request, WEB)
    assert again.confirmed_at == first.confirmed_at
    assert again.next_digest_at == NOON + timedelta(days=1)
    assert actions(again) == ["sign_up", "confirm"]


def test_a_used_request_does_not_revive_somebody_who_left() -> None:
    request = ask()
    subscriptions.unsubscribe(subscriptions.confirm(request, WEB), WEB)
    request.subscriber.refresh_from_db()
    with pytest.raises(ExpiredTokenError):
        subscriptions.confirm(request, WEB)
    assert Subscriber.objects.get().status == Status.UNSUBSCRIBED


def test_somebody_who_left_may_come_back_with_a_new_request(
    clock: time_machine.Traveller,
) -> None:
    subscriptions.unsubscribe(join(), WEB)
    clock.shift(timedelta(hours=1))
    assert subscriptions.confirm(ask(), WEB).status == Status.ACTIVE


def test_a_second_request_does_not_change_what_an_active_subscriber_chose(
    clock: time_machine.Traveller,
) -> None:
    join(size=7)
    clock.shift(timedelta(hours=1))
    subscriber = subscriptions.confirm(ask(size=30), WEB)
    assert subscriber.size == 7


def test_asking_again_at_once_sends_no_second_mail(clock: time_machine.Traveller) -> None:
    for _ in range(3):
        ask()
    assert Notice.objects.count() == 1
    clock.shift(timedelta(minutes=10))
    ask()
    assert Notice.objects.count() == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.PENDING, Notice.Kind.CONFIRM),
        (Status.UNSUBSCRIBED, Notice.Kind.CONFIRM),
        (Status.ACTIVE, Notice.Kind.MANAGE),
        (Status.PAUSED, Notice.Kind.MANAGE),
        (Status.SUPPRESSED, None),
    ],
)
def test_the_mail_that_answers_depends_on_who_is_there(status: str, kind: str | None) -> None:
    ask()
    Subscriber.objects.update(status=status)
    assert rendering.notice_kind(Notice.objects.select_related("subscriber").get()) == kind


def test_a_suppressed_address_gets_no_answer_and_its_notice_says_why() -> None:
    suppressions.suppress("ada@example.org", Suppression.Reason.COMPLAINT)
    ask()
    Notice.objects.update(state=Notice.State.CLAIMED, lease="mine")
    assert list(rendering.render_notices(Notice.objects.all())) == []
    notice = Notice.objects.get()
    assert (notice.state, notice.reason) == ("cancelled", "The address is suppressed.")


def test_this_was_not_me_forgets_an_address_that_never_confirmed() -> None:
    subscriptions.reject_sign_up(ask(), WEB)
    assert not Subscriber.objects.exists()
    assert not Notice.objects.exists()


def test_this_was_not_me_leaves_a_running_subscription_alone(
    clock: time_machine.Traveller,
) -> None:
    subscriber = join()
    clock.shift(timedelta(hours=1))
    subscriptions.reject_sign_up(ask(), WEB)
    assert Subscriber.objects.get().status == Status.ACTIVE
    assert actions(subscriber)[-1] == "disown"


def test_new_preferences_move_the_next_digest(clock: time_machine.Traveller) -> None:
    subscriber = join()
    Subscriber.objects.update(next_digest_at=NOON + timedelta(days=1))
    choices = Choices(frequency="weekly", weekday=2, hour=7, timezone="Europe/Berlin")
    subscriptions.change_preferences(subscriber, choices, WEB)
    assert subscriber.next_digest_at == datetime(2025, 3, 5, 6, tzinfo=UTC)


def test_new_preferences_do_not_lose_a_digest_that_is_due_already() -> None:
    subscriber = join()
    subscriptions.change_preferences(subscriber, Choices(hour=20), WEB)
    assert subscriber.next_digest_at == NOON


def test_a_kept_interest_keeps_its_age_and_a_dropped_one_goes(
    clock: time_machine.Traveller,
) -> None:
    subscriber = join(authors=["Ada", "Bob"])
    clock.shift(timedelta(days=9))
    subscriptions.change_preferences(subscriber, Choices(authors=["Bob", "Cy"]), WEB)
    rows = dict(Interest.objects.values_list("value", "created_at"))
    assert rows == {"Bob": NOON, "Cy": NOON + timedelta(days=9)}


def test_a_pause_ends_by_itself_at_the_next_regular_time(clock: time_machine.Traveller) -> None:
    subscriber = join()
    subscriptions.pause(subscriber, NOON + timedelta(days=7), WEB)
    assert (subscriber.status, subscriber.next_digest_at) == (Status.PAUSED, None)
    assert subscriptions.resume_due(NOON + timedelta(days=6)) == 0
    clock.shift(timedelta(days=7))
    assert subscriptions.resume_due(NOON + timedelta(days=7)) == 1
    subscriber.refresh_from_db()
    assert subscriber.status == Status.ACTIVE
    assert subscriber.next_digest_at == datetime(2025, 3, 11, 8, tzinfo=UTC)


@pytest.mark.parametrize("leave", ["unsubscribe", "pause", "suppress"])
@pytest.mark.parametrize(
    ("before", "after"),
    [("queued", "cancelled"), ("claimed", "cancelled"), ("sending", "sending"), ("sent", "sent")],
)
def test_leaving_cancels_what_has_not_begun_to_leave(leave: str, before: str, after: str) -> None:
    subscriber = join()
    digest = queue_digest(subscriber, before)
    if leave == "unsubscribe":
        subscriptions.unsubscribe(subscriber, WEB)
    elif leave == "pause":
        subscriptions.pause(subscriber, None, WEB)
    else:
        suppressions.suppress(subscriber.email, Suppression.Reason.HARD_BOUNCE)
    digest.refresh_from_db()
    assert digest.state == after
    assert bool(digest.reason) == (after == "cancelled")


def test_unsubscribing_twice_is_one_line_in_the_log() -> None:
    subscriber = join()
    subscriptions.unsubscribe(subscriber, WEB)
    subscriptions.unsubscribe(subscriber, WEB)
    assert actions(subscriber) == ["sign_up", "confirm", "unsubscribe"]
    assert subscriber.next_digest_at is None


def test_nobody_can_confirm_resume_or_unsubscribe_a_suppressed_address() -> None:
    subscriber = join()
    suppressions.suppress("ADA@example.org", Suppression.Reason.MANUAL)
    subscriber.refresh_from_db()
    subscriptions.resume(subscriber, WEB)
    subscriptions.unsubscribe(subscriber, WEB)
    with pytest.raises(ExpiredTokenError):
        subscriptions.confirm(Consent.objects.get(action="sign_up"), WEB)
    assert Subscriber.objects.get().status == Status.SUPPRESSED


def test_suppressing_twice_keeps_the_first_reason() -> None:
    suppressions.suppress("ada@example.org", Suppression.Reason.HARD_BOUNCE)
    suppressions.suppress("Ada@example.org", Suppression.Reason.MANUAL)
    assert Suppression.objects.get().reason == Suppression.Reason.HARD_BOUNCE


def test_a_request_is_forgotten_after_a_week_without_an_answer(
    clock: time_machine.Traveller,
) -> None:
    for name in ("quiet", "eager"):
        ask(f"{name}@example.org")
    subscriptions.confirm(ask("faithful@example.org"), WEB)
    clock.shift(timedelta(days=6))
    ask("eager@example.org")
    clock.shift(timedelta(days=2))
    assert subscriptions.clean_up(NOON + timedelta(days=8)) == 1
    assert set(Subscriber.objects.values_list("email", flat=True)) == {
        "eager@example.org",
        "faithful@example.org",
    }


def test_a_new_wording_of_the_consent_gets_a_new_version() -> None:
    assert (consent_log.CONSENT_VERSION, consent_log.CONSENT_HASH[:12]) == ("1", "72a9f33ffdb1")


def test_who_comes_back_keeps_the_time_zone_that_was_chosen(
    clock: time_machine.Traveller,
) -> None:
    subscriber = join(timezone="Asia/Tokyo")
    assert subscriber.timezone == "Asia/Tokyo"
    subscriptions.change_preferences(subscriber, Choices(timezone="Europe/Berlin"), WEB)
    subscriptions.unsubscribe(subscriber, WEB)
    clock.shift(timedelta(hours=1))
    assert join(timezone="Asia/Tokyo", size=7).timezone == "Europe/Berlin"
    assert Subscriber.objects.get().size == 7


def test_a_guess_of_utc_is_no_choice() -> None:
    subscriber = join(timezone="UTC")
    assert not subscriptions.has_chosen_timezone(subscriber)
    subscriptions.change_preferences(subscriber, Choices(timezone="UTC"), WEB)
    assert subscriptions.has_chosen_timezone(subscriber)


def test_who_comes_back_on_a_day_that_had_its_digest_waits_for_the_next(
    clock: time_machine.Traveller,
) -> None:
    subscriber = join()
    queue_digest(subscriber, Digest.State.SENT)
    subscriptions.unsubscribe(subscriber, WEB)
    clock.shift(timedelta(hours=1))
    assert join().next_digest_at == datetime(2025, 3, 4, 8, tzinfo=UTC)


def test_a_later_hour_on_a_day_that_had_its_digest_begins_tomorrow() -> None:
    subscriber = join()
    queue_digest(subscriber, Digest.State.SENT)
    Subscriber.objects.update(next_digest_at=NOON + timedelta(hours=20))
    subscriber.refresh_from_db()
    subscriptions.change_preferences(subscriber, Choices(hour=18), WEB)
    assert subscriber.next_digest_at == datetime(2025, 3, 4, 18, tzinfo=UTC)
