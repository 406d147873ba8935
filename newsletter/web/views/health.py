"""For monitors: whether the process runs, whether the service can work, and its numbers."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping

import redis
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Model, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.models import DailyCount, Digest, Heartbeat, Notice, Subscriber
from newsletter.process import daily, status
from newsletter.web.middleware import REQUEST_SECONDS
from papers.models import Paper, Source

SETTLED = {Digest.State.SENT, Digest.State.SKIPPED, Digest.State.CANCELLED}
UNSETTLED = [state for state in Digest.State if state not in SETTLED]
BROKER_TIMEOUT = 0.4  # seconds, for connecting and again for the answer


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process runs; nothing else is checked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether the service can do its work, in words.

    It is 503 when migrations are missing, the database is away, no worker reports or a clock is
    off. What is paused, held, stale or old is reported without that status: a balancer that took
    the site away for it would take the sign-up with it.
    """
    faults: dict[str, str | None] = {"database": database_fault()}
    if faults["database"]:
        return _readiness(faults, {})
    for name, find in (
        ("migrations", migrations_fault),
        ("worker", worker_fault),
        ("clock", clock_fault),
    ):
        faults[name] = find()
    return _readiness(faults, {} if faults["migrations"] else _reported())


def _readiness(faults: dict[str, str | None], reported: dict[str, object]) -> JsonResponse:
    answer: dict[str, object] = {"ready": not any(faults.values())}
    answer |= {name: fault or "ok" for name, fault in faults.items()}
    return JsonResponse(answer | reported, status=503 if any(faults.values()) else 200)


def _reported() -> dict[str, object]:
    """Return the fields that are reported and never make the service unready."""
    snapshot = status.read()
    unread, age = status.unread_events()
    parts = {one.cause: one.sentence for one in status.silent_parts(snapshot)}
    parts.pop(status.WORKER, None)
    return {
        "broker": broker_fault() or "ok",
        "streams": status.stream_states(snapshot),
        "oldest_queued_seconds": {name: round(old) for name, old in status.queue_ages().items()},
        "events": {"unread": unread, "oldest_seconds": round(age)},
        "beat": parts.pop(status.BEAT, "ok"),
        "silent_workers": parts,
        "failing_sources": {one.cause: one.sentence for one in status.failing_sources(snapshot)},
    }


def database_fault() -> str | None:
    """Return what is wrong with the database, or None."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseFailure:
        return "the database does not answer"
    return None


def migrations_fault() -> str | None:
    """Return how many migrations are missing, or None."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return f"{len(missing)} not applied; run: python manage.py migrate"
    return None


def worker_fault() -> str | None:
    """Return for how long no worker has reported, or None."""
    heartbeat = Heartbeat.objects.filter(name=status.WORKER).first()
    if heartbeat is None:
        return "no worker has started yet"
    silence = now() - heartbeat.at
    if silence > status.SILENCE:
        return f"no sign of life for {int(silence.total_seconds())} seconds"
    return None


def clock_fault() -> str | None:
    """Return whose clock is off, or None."""
    return " ".join(problem.sentence for problem in status.wrong_clocks(status.read())) or None


def broker_fault() -> str | None:
    """Return that Redis does not answer, or None; the embedded broker is never at fault."""
    if not settings.REDIS_URL:
        return None
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=BROKER_TIMEOUT,
        socket_timeout=BROKER_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except (redis.RedisError, OSError):
        return "Redis does not answer"
    finally:
        client.close()
    return None


class Counts(Collector):
    """Numbers of the service, read from the database for each request."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        tallies: list[tuple[str, type[Model], str]] = [
            ("subscribers", Subscriber, "status"),
            ("notices", Notice, "state"),
            ("sources", Source, "last_status"),
        ]
        for name, model, field in tallies:
            yield tally(name, model, field)
        papers = GaugeMetricFamily("paperboy_papers", "Papers in the catalogue.")
        papers.add_metric([], Paper.objects.count())
        yield papers
        totals = CounterMetricFamily(
            "paperboy_happened",
            "What happened, counted every ten minutes from a table of days.",
            labels=["what"],
        )
        sums = dict(DailyCount.objects.order_by().values_list("name").annotate(Sum("value")))
        for name, total in sums.items():
            totals.add_metric([name], total)
        yield totals
        yield digests(sums)
        snapshot = status.read()
        yield gauge(
            "heartbeat_age_seconds",
            "Time since a part last reported that it is alive.",
            "name",
            {one.name: (now() - one.at).total_seconds() for one in snapshot.heartbeats},
        )
        states = status.stream_states(snapshot)
        yield gauge(
            "stream_running",
            "1 when the stream sends, 0 when it is held or paused.",
            "stream",
            {name: float(state == "running") for name, state in states.items()},
        )
        yield gauge(
            "oldest_queued_seconds",
            "How long the oldest queued message has waited.",
            "stream",
            status.queue_ages(),
        )
        unread, age = status.unread_events()
        yield gauge(
            "events",
            "Unprocessed events of providers: their number and the age of the oldest in seconds.",
            "what",
            {"unread": unread, "oldest_seconds": age},
        )
        yield gauge(
            "source_success_age_seconds",
            "Time since a source last succeeded; absent for one that never did.",
            "source",
            {
                source.name: (now() - source.last_success_at).total_seconds()
                for source in snapshot.sources
                if source.enabled and source.last_success_at
            },
        )


def gauge(name: str, help_text: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
    """Return a metric family with one value for each label."""
    family = GaugeMetricFamily(f"paperboy_{name}", help_text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def tally(name: str, model: type[Model], field: str) -> GaugeMetricFamily:
    """Count the rows of a table by one of its fields; a value without rows counts 0."""
    family = GaugeMetricFamily(f"paperboy_{name}", f"{name.title()} by {field}.", labels=[field])
    choices = model._meta.get_field(field).choices or []  # type: ignore[union-attr]
    counted = dict.fromkeys((str(value) for value, _ in choices), 0)
    rows = model._default_manager.order_by().values_list(field).annotate(Count("pk"))
    for value, count in [*counted.items(), *rows]:
        counted[str(value)] = count
    for value, count in counted.items():
        family.add_metric([value], count)
    return family


def digests(happened: Mapping[str, int]) -> GaugeMetricFamily:
    """Count digests by state: the settled ones, which grow without end, from the table of days."""
    rows = Digest.objects.filter(state__in=UNSETTLED).order_by()
    now_ = dict(rows.values_list("state").annotate(Count("pk")))
    settled = {state: happened.get(name, 0) for state, name in daily.STATES.items()}
    counts = {state: now_.get(state, 0) for state in UNSETTLED}
    values = {str(state): float(count) for state, count in (settled | counts).items()}
    return gauge("digests", "Digests by state.", "state", values)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return Prometheus text: on a laptop to anybody, in production to bearers of METRICS_TOKEN.

    The loopback address proves nothing there: behind a proxy every request comes from it.
    """
    if not settings.LOCAL and not bears_token(request):
        return HttpResponse("Not found.\n", status=404, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(Counts())
    registry.register(REQUEST_SECONDS)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def bears_token(request: HttpRequest) -> bool:
    """Return whether the request carries METRICS_TOKEN; compares in constant time."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), expected.encode())
