"""Find problems of the running service for /readyz, /metrics, the admin and alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Min
from django.utils.timezone import now

from newsletter import host_clock
from newsletter.delivery import senders
from newsletter.delivery.rendering import STREAMS
from newsletter.delivery.streams import held_until
from newsletter.models import DeliveryEvent, Digest, Heartbeat, Notice, Stream
from papers.models import Source

BEAT: Final = "beat"
WORKER: Final = "worker"
# Every worker process has a row of its own beside that of all workers: ``worker celery@host``.
WORKER_PREFIX: Final = "worker "
# Two workers of one host may have one name; their processes have a row each to be counted.
PROCESS_PREFIX: Final = "process "
SILENCE: Final = timedelta(minutes=2)
RECENT: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Problem:
    """One thing that does not work.

    Attributes:
        cause: Names it for as long as it lasts, such as ``stream digests``.
        sentence: What is wrong, for the operator.
        since: When it began.
    """

    cause: str
    sentence: str
    since: datetime


@dataclass(frozen=True)
class Snapshot:
    """The small tables that describe the state of the service, read once."""

    streams: Sequence[Stream]
    heartbeats: Sequence[Heartbeat]
    sources: Sequence[Source]


def read() -> Snapshot:
    """Read the tables of streams, heartbeats and sources, failing sources first."""
    return Snapshot(
        streams=list(Stream.objects.order_by("name")),
        heartbeats=list(
            Heartbeat.objects.exclude(name__startswith=senders.PREFIX)
            .exclude(name__startswith=PROCESS_PREFIX)
            .order_by("name")
        ),
        sources=list(Source.objects.order_by("-enabled", "-consecutive_failures", "name")),
    )


def problems(snapshot: Snapshot) -> list[Problem]:
    """Return all that an operator should look at, the gravest first."""
    return [
        *stopped_streams(snapshot),
        *silent_parts(snapshot),
        *wrong_clocks(snapshot),
        *failing_sources(snapshot),
    ]


def stopped_streams(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield the streams that an operator or an alarm stopped."""
    for stream in snapshot.streams:
        since = stream.paused_at
        if not since:
            continue
        yield Problem(
            f"stream {stream.name}",
            f"No {stream.name} are sent since {since:%Y-%m-%d %H:%M} UTC: {stream.paused_reason}",
            since,
        )


def silent_parts(snapshot: Snapshot, silence: timedelta = SILENCE) -> Iterator[Problem]:
    """Yield the beat and each worker that reported once and then no more."""
    for heartbeat in snapshot.heartbeats:
        is_part = heartbeat.name in {BEAT, WORKER} or heartbeat.name.startswith(WORKER_PREFIX)
        if not is_part or heartbeat.at >= now() - silence:
            continue
        name = "No worker" if heartbeat.name == WORKER else f"The {heartbeat.name}"
        verb = "has reported" if heartbeat.name == WORKER else "has not reported"
        yield Problem(
            heartbeat.name, f"{name} {verb} since {heartbeat.at:%Y-%m-%d %H:%M} UTC.", heartbeat.at
        )


def wrong_clocks(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield this host, and those of living workers, whose clock differs from the database's."""
    if wrong := host_clock.complaint():
        yield Problem("clock", wrong, now())
    for heartbeat in snapshot.heartbeats:
        skew = timedelta(seconds=heartbeat.skew_seconds)
        # The time of the heartbeat is by that clock.
        ended = heartbeat.at - skew < now() - SILENCE
        if ended or abs(skew) <= host_clock.LARGEST_SKEW:
            continue
        host = heartbeat.name.removeprefix(WORKER_PREFIX)
        yield Problem(f"clock {host}", host_clock.sentence(host, skew), heartbeat.at)


def failing_sources(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield the enabled sources that failed since their last success, or never succeeded."""
    failing = (Source.Status.FAILED, Source.Status.SUSPECT)
    for source in snapshot.sources:
        if not source.enabled or source.last_status not in failing:
            continue
        last = source.last_success_at
        since = last or source.last_run_at or now()
        when = f"not succeeded since {last:%Y-%m-%d %H:%M} UTC" if last else "never succeeded"
        yield Problem(f"source {source.name}", f"The source {source.name} has {when}.", since)


def worker_count() -> int:
    """Return how many processes of workers reported lately, at least one."""
    processes = Heartbeat.objects.filter(name__startswith=PROCESS_PREFIX, at__gt=now() - RECENT)
    return max(1, processes.count())


def stream_states(snapshot: Snapshot) -> dict[str, str]:
    """Return for each stream whether it is running, held until a time, or paused since one."""
    states = {stream.name: "running" for stream in STREAMS}
    for stream in snapshot.streams:
        if stream.paused_at:
            states[stream.name] = f"paused since {stream.paused_at:%Y-%m-%d %H:%M} UTC"
        elif held := held_until(stream):
            states[stream.name] = f"held until {held:%Y-%m-%d %H:%M} UTC"
    return states


def queue_ages() -> dict[str, float]:
    """Return for each stream how many seconds its oldest queued message has waited."""
    moment, queued = now(), Digest.State.QUEUED
    # For a minimum alone, both databases walk the index of all due times until one is queued.
    oldest = {
        "digests": Digest.objects.filter(state=queued).aggregate(Count("pk"), oldest=Min("due_at")),
        "notices": Notice.objects.filter(state=queued).aggregate(
            Count("pk"), oldest=Min("created_at")
        ),
    }
    return {
        name: max(0.0, (moment - (found["oldest"] or moment)).total_seconds())
        for name, found in oldest.items()
    }


def unread_events() -> tuple[int, float]:
    """Return how many provider events are unprocessed, and the age of the oldest in seconds."""
    found = DeliveryEvent.objects.filter(processed_at=None).aggregate(
        count=Count("pk"), oldest=Min("received_at")
    )
    age = (now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    return found["count"], max(0.0, age)
