"""A thousand rows of every table, as an installation some months old would hold them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.timezone import now
from django_otp.plugins.otp_totp.models import TOTPDevice

from newsletter.models import (
    Consent,
    DeliveryEvent,
    Digest,
    Heartbeat,
    Interest,
    ListImport,
    Notice,
    RateLimit,
    Stream,
    Subscriber,
    Suppression,
)
from papers.models import Edition, IngestRun, Paper, Signal, Source, Submission, Turn

SIZE = 1000
Row = TypeVar("Row", bound=Model)


def make() -> None:
    """Fill every table of both rooms. The first subscriber and paper own a thousand rows."""
    moment = now()
    sources = _fill(
        lambda i: Source(name=f"source-{i}", kind="listing", last_result="Nothing new.")
    )
    _fill(lambda i: IngestRun(source=sources[0], name=f"source-{i}", status="quiet"))
    _fill(lambda i: Submission(arxiv_id=f"2503.{i:05}"))
    _fill(lambda i: Turn(name=f"turn-{i}"))
    papers = _fill(
        lambda i: Paper(
            canonical_id=f"2503.{i:05}",
            title_key=f"{i}",
            title=f"On the {i}th thing",
            authors=["A. Author", "B. Author"],
            announced_at=moment - timedelta(hours=i),
        )
    )
    _fill(
        lambda i: Signal(
            paper=papers[0],
            source="hf",
            name="upvotes",
            value=i,
            observed_at=moment - timedelta(minutes=i),
        )
    )
    entry = {"paper": "2503.00001", "score": 1.0, "parts": {}, "reason": "new"}
    _fill(
        lambda i: Edition(
            day=(moment - timedelta(days=i)).date(), entries=[entry] * 10, formula_version="1"
        )
    )
    subscribers = _fill(
        lambda i: Subscriber(
            email=f"s{i}@example.org",
            email_key=f"s{i}@example.org",
            status=Subscriber.Status.ACTIVE,
            next_digest_at=moment,
        )
    )
    _fill(lambda i: Interest(subscriber=subscribers[0], kind="text", value=f"thing {i}"))
    consents = _fill(lambda i: Consent(subscriber=subscribers[0], action="sign_up", form=f"{i}"))
    item = {"paper": "2503.00001", "reason": "new", "slot": "trending", "score": 1.0}
    digests = _fill(
        lambda i: Digest(
            subscriber=subscribers[i],
            due_on=moment.date(),
            due_at=moment,
            items=[item] * 10,
            state="failed",
            reason="The server refused the recipient.",
        )
    )
    _fill(lambda i: Notice(subscriber=subscribers[i], kind="confirm", consent=consents[i]))
    _fill(
        lambda i: DeliveryEvent(
            provider="smtp",
            event_key=f"{i}",
            type="bounced",
            digest=digests[i],
            occurred_at=moment,
        )
    )
    _fill(lambda i: Suppression(address_hash=f"{i}", email_key=f"x{i}", reason="complaint"))
    _fill(
        lambda i: ListImport(
            name=f"list-{i}.csv", preset="mailchimp", state="checked", planned={"created": 9}
        )
    )
    _fill(lambda i: Stream(name=f"stream-{i}"))
    _fill(lambda i: RateLimit(name="sign-up", key_hash=f"{i}", window_start=moment, count=i))
    _fill(lambda i: Heartbeat(name=f"worker-{i}"))
    _fill_accounts()


def _fill_accounts() -> None:
    users = _fill(lambda i: User(username=f"user-{i}"))
    _fill(lambda i: Group(name=f"group-{i}"))
    _fill(lambda i: TOTPDevice(user=users[i], name="phone"))
    kind = ContentType.objects.get_for_model(Subscriber)
    _fill(
        lambda i: LogEntry(
            user=users[i], content_type=kind, object_id="1", object_repr="one", action_flag=CHANGE
        )
    )


def _fill(row: Callable[[int], Row]) -> list[Row]:
    rows = [row(number) for number in range(SIZE)]
    return list(type(rows[0])._default_manager.bulk_create(rows))
