"""For monitors: whether the process runs, whether the service can work, and its numbers."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from datetime import timedelta

import redis
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.backoff import NoBackoff
from redis.retry import Retry

from newsletter.models import Digest, Heartbeat, Notice, Subscriber
from papers.models import Paper, Source

BROKER_TIMEOUT = 0.4  # seconds, for connecting and again for the answer
WORKER_SILENCE = timedelta(minutes=2)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process runs; nothing else is checked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Each condition for doing the work, in words; 503 when one does not hold."""
    checks: dict[str, Callable[[], str | None]] = {
        "database": database_fault,
        "migrations": migrations_fault,
        "worker": worker_fault,
        "broker": broker_fault,
    }
    faults = {name: fault() for name, fault in checks.items()}
    return JsonResponse(
        {"ready": not any(faults.values())}
        | {name: fault or "ok" for name, fault in faults.items()},
        status=503 if any(faults.values()) else 200,
    )


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
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseFailure:
        return "unknown without the database"
    if missing:
        return f"{len(missing)} not applied; run: python manage.py migrate"
    return None


def worker_fault() -> str | None:
    """Return for how long no worker has reported, or None."""
    try:
        beat = Heartbeat.objects.filter(name="worker").first()
    except DatabaseFailure:
        return "unknown without the database"
    if beat is None:
        return "no worker has started yet"
    silence = now() - beat.at
    if silence > WORKER_SILENCE:
        return f"no sign of life for {int(silence.total_seconds())} seconds"
    return None


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

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metric families."""
        tallies: list[tuple[str, type[Model], str]] = [
            ("subscribers", Subscriber, "status"),
            ("digests", Digest, "state"),
            ("notices", Notice, "state"),
            ("sources", Source, "last_status"),
        ]
        for name, model, field in tallies:
            yield tally(name, model, field)
        papers = GaugeMetricFamily("paperboy_papers", "Papers in the catalogue.")
        papers.add_metric([], Paper.objects.count())
        yield papers
        ages = GaugeMetricFamily(
            "paperboy_heartbeat_age_seconds",
            "Time since a part last showed that it is alive.",
            labels=["name"],
        )
        for beat in Heartbeat.objects.all():
            ages.add_metric([beat.name], (now() - beat.at).total_seconds())
        yield ages


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
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def bears_token(request: HttpRequest) -> bool:
    """Return whether the request carries METRICS_TOKEN; compares in constant time."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), expected.encode())
