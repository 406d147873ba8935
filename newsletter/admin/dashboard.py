"""The first page of the admin: the state of the mail, of the queue and of the sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.timezone import now

from newsletter.admin import home_tables
from newsletter.admin.plots import plots
from newsletter.delivery.streams import held_until
from newsletter.models import DeliveryEvent, Digest, Heartbeat, Notice, Stream, Subscriber
from newsletter.process import daily, status
from newsletter.process.status import Snapshot
from papers.admin.base import ago, counted, url_of, url_of_list
from papers.admin.sources import VISIT_COLOURS
from papers.models import Edition, Source

State = Digest.State
STUCK: Final = (State.FAILED, State.UNCERTAIN)
WAITING: Final = (State.QUEUED, State.CLAIMED, State.SENDING)
FAILING: Final = (Source.Status.FAILED, Source.Status.SUSPECT)
DAYS_PLOTTED: Final = 30
SOURCES_SHOWN: Final = 20
REASONS_SHOWN: Final = 8

FIRST_FETCH: Final = "The first fetch is running: papers come within minutes."


@dataclass(frozen=True)
class Figure:
    """One number with a link to the rows behind it; ``alarm`` marks one that needs attention."""

    title: str
    value: object
    note: str
    url: str
    alarm: bool = False

    @property
    def shown(self) -> str:
        """The value in words, thousands apart."""
        return f"{self.value:,}" if isinstance(self.value, int) else str(self.value)


def dashboard(_request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the index page's context with today's numbers (Unfold's ``DASHBOARD_CALLBACK``)."""
    moment = now()
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    today = _today(day)
    snapshot = status.read()
    people = _people_of(day + timedelta(days=1))
    days, values = daily.series(DAYS_PLOTTED)
    edition = Edition.objects.only("day", "entries").first()
    return context | {
        "problems": _problems(snapshot),
        "figures": [*_mail(today, day, people), *_people(people), *_service(moment, snapshot)],
        "plots": plots(days, values),
        "runs": home_tables.runs(days, values),
        "run_columns": home_tables.COLUMNS,
        "rates": home_tables.rates(values),
        "tables": home_tables.papers(edition, moment),
        "sources": _sources(snapshot),
        "offline": settings.OFFLINE,
        "reasons": _reasons(today),
        "edition": _edition(edition, moment),
    }


def _problems(snapshot: Snapshot) -> list[str]:
    """Return in sentences what the operator should look at first."""
    sentences = [problem.sentence for problem in status.problems(snapshot)]
    if all(heartbeat.name != status.WORKER for heartbeat in snapshot.heartbeats):
        sentences.append("No worker has reported yet; without one nothing is fetched or sent.")
    return sentences


def _today(day: datetime) -> Counter[tuple[str, str]]:
    """Count today's digests by state and reason."""
    rows = Digest.objects.filter(due_at__gte=day, due_at__lt=day + timedelta(days=1)).order_by()
    return Counter(
        {
            (state, reason): n
            for state, reason, n in rows.values_list("state", "reason").annotate(n=Count("pk"))
        }
    )


def _mail(
    today: Counter[tuple[str, str]], day: datetime, people: Mapping[str, tuple[int, int]]
) -> list[Figure]:
    states: Counter[str] = Counter()
    for (state, _), count in today.items():
        states[state] += count
    tomorrow = day + timedelta(days=1)
    _, to_come = people.get(Subscriber.Status.ACTIVE, (0, 0))
    stuck = Digest.objects.filter(state__in=STUCK).order_by().values_list("state")
    # Not of the ids, which are not in the index of the states.
    counts = Counter(dict(stuck.annotate(n=Count("*"))))
    within = {"due_at__gte": day.isoformat(), "due_at__lt": tomorrow.isoformat()}
    waiting = sum(states[state] for state in WAITING)
    return [
        Figure(
            "Due today",
            to_come + states.total(),
            f"{to_come:,} to come, {waiting:,} waiting, {states[State.SKIPPED]:,} skipped (UTC)",
            url_of_list(Digest, **within),
        ),
        Figure(
            "Sent today",
            states[State.SENT],
            "accepted by the mail server",
            url_of_list(Digest, **within, state__exact=State.SENT),
        ),
        *(
            Figure(
                state.label.capitalize(),
                counts[state],
                "digests of any day",
                url_of_list(Digest, state__exact=state),
                alarm=counts[state] > 0,
            )
            for state in STUCK
        ),
    ]


def _people_of(tomorrow: datetime) -> dict[str, tuple[int, int]]:
    """Count the subscribers of each status, and those among them who are due before tomorrow."""
    grouped = Subscriber.objects.order_by().values_list("status")
    counted_ = grouped.annotate(
        n=Count("pk"), due=Count("pk", filter=Q(next_digest_at__lt=tomorrow))
    )
    return {status_: (n, due) for status_, n, due in counted_}


def _people(people: Mapping[str, tuple[int, int]]) -> list[Figure]:
    counts = Counter({name: n for name, (n, _) in people.items()})
    active, pending = Subscriber.Status.ACTIVE, Subscriber.Status.PENDING
    unanswered = Notice.objects.filter(state__in=(*WAITING, State.FAILED)).count()
    return [
        Figure(
            "Subscribers",
            counts[active],
            f"active, and {counts[pending]:,} yet to confirm",
            url_of_list(Subscriber, status__exact=active),
        ),
        Figure(
            "Notices waiting",
            unanswered,
            "confirmation mails not sent, or failed",
            url_of_list(Notice, state__in=",".join((*WAITING, State.FAILED))),
            alarm=unanswered > 20,
        ),
    ]


def _service(moment: datetime, snapshot: Snapshot) -> list[Figure]:
    pulse = next((one.at for one in snapshot.heartbeats if one.name == status.WORKER), None)
    alive = bool(pulse and moment - pulse < status.SILENCE)
    return [
        Figure(
            "Worker",
            "running" if alive else "not reporting",
            f"last report {ago(pulse)}" if pulse else "no report yet; start it",
            url_of_list(Heartbeat),
            alarm=not alive,
        ),
        _streams(snapshot),
    ]


def _streams(snapshot: Snapshot) -> Figure:
    """Return whether mail may leave, and how many provider events are unread."""
    unread = counted(DeliveryEvent, DeliveryEvent.objects.filter(processed_at=None).count())
    paused, waiting = [], []
    for stream in snapshot.streams:
        if stream.paused_at:
            paused.append(f"{stream}: {stream.paused_reason}")
        elif held := held_until(stream):
            waiting.append(f"{stream}: waiting until {held:%H:%M} UTC")
    oldest = max(status.queue_ages().values())
    age = "nothing queued"
    if oldest:
        age = f"the oldest queued message was due {ago(now() - timedelta(seconds=oldest))}"
    return Figure(
        "Streams",
        "paused" if paused else "waiting" if waiting else "running",
        "; ".join([*paused, *waiting, f"{age}, {unread} to read"]),
        url_of_list(Stream),
        alarm=bool(paused),
    )


def _sources(snapshot: Snapshot) -> list[dict[str, str]]:
    """List the sources, failing ones first, with the result and time of the last run."""
    return [
        {
            "name": source.name,
            "url": url_of(source),
            "problem": _problem(source),
            "tone": VISIT_COLOURS.get(source.last_status, ""),
            "result": source.last_result or _first_result(source),
            "age": _age(source),
        }
        for source in snapshot.sources[:SOURCES_SHOWN]
    ]


def _first_result(source: Source) -> str:
    """Return what a source that was never read is waiting for."""
    if not source.enabled:
        return source.get_last_status_display()
    return "Nothing is fetched: OFFLINE is set." if settings.OFFLINE else FIRST_FETCH


def _problem(source: Source) -> str:
    """Describe how long a source has been failing; empty for one that is disabled or well."""
    if source.last_status not in FAILING or not source.enabled:
        return ""
    status, failures = source.get_last_status_display(), source.consecutive_failures
    return f"{status}, {failures} in a row" if failures > 1 else status


def _age(source: Source) -> str:
    visit = ago(source.last_run_at) if source.last_run_at else "not visited yet"
    return visit if source.enabled else f"disabled, {visit}"


def _reasons(today: Counter[tuple[str, str]]) -> list[tuple[str, int]]:
    """List why today's digests did not go out, the most frequent reason first."""
    silent = Counter({key: n for key, n in today.items() if key[0] != State.SENT and key[1]})
    return [
        (f"{State(state).label.capitalize()}: {reason}", count)
        for (state, reason), count in silent.most_common(REASONS_SHOWN)
    ]


def _edition(edition: Edition | None, moment: datetime) -> str:
    if edition is None:
        return "No edition yet: nothing was scored."
    age = "today" if edition.day == moment.date() else f"of {edition.day}"
    return f"The latest edition is {age} and holds {len(edition.entries)} papers."
