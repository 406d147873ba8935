"""Ask for every page of the admin several times; used by ``benchmarks.admin``.

Prints one line of JSON: a list of ``[name, CPU, wall, queries]`` with medians in milliseconds. CPU
is that of this process and of the PostgreSQL process that serves it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from benchmarks.server_cpu import backend_cpu  # noqa: E402
from newsletter.digests import preview  # noqa: E402
from newsletter.models import Consent, DeliveryEvent, Digest, Subscriber  # noqa: E402
from papers.admin.base import url_of, url_of_list  # noqa: E402
from papers.models import Paper, Signal  # noqa: E402

TIMES: Final = 5
PER_PAGE: Final = 50


def pages() -> Iterator[tuple[str, str]]:
    """Yield what is asked for: a name and a URL."""
    yield "home", "/admin/"
    yield "/metrics", "/metrics"
    yield "/readyz", "/readyz"
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):  # noqa: SLF001
        name = model._meta.verbose_name_plural
        yield f"{name}", url_of_list(model)
        row = model._default_manager.order_by("-pk").first()
        if row is not None:
            yield f"one of the {name}", url_of(row)
    yield from _far()
    yield from _searches()


def _far() -> Iterator[tuple[str, str]]:
    """Yield a page in the middle of the long lists, as page 5,000 of 500,000 rows is."""
    for model in (Digest, DeliveryEvent, Consent, Paper, Signal, Subscriber):
        name = model._meta.verbose_name_plural
        page = max(1, model._default_manager.count() // PER_PAGE // 2)
        yield f"{name}, page {page}", url_of_list(model, p=page)


def _searches() -> Iterator[tuple[str, str]]:
    digest = Digest.objects.order_by("pk")[Digest.objects.count() // 3]
    person = digest.subscriber
    part = person.email.partition("@")[2]
    for model in (Digest, DeliveryEvent, Subscriber, Consent):
        name = model._meta.verbose_name_plural
        yield f"{name} by address", url_of_list(model, q=person.email)
        yield f"{name} by part of an address", url_of_list(model, q=part)
        yield f"{name} by an unknown address", url_of_list(model, q="nobody@nowhere.example")
    yield "digests by Message-ID", url_of_list(Digest, q=digest.message_id)
    yield "digests by provider's id", url_of_list(Digest, q=digest.provider_id)
    yield "events by provider's id", url_of_list(DeliveryEvent, q=digest.provider_id)
    yield "digests that failed", url_of_list(Digest, state__exact="failed")
    yield "events that are bounces", url_of_list(DeliveryEvent, type="bounced")
    yield "papers by words", url_of_list(Paper, q="attention models")
    yield "papers by id", url_of_list(Paper, q=Paper.objects.all()[100].canonical_id)
    own = url_of(person).removesuffix("change/")
    yield "preview of one person", f"{own}preview/"
    yield "explanation of a paper", f"{own}explain/?paper={Paper.objects.all()[100].canonical_id}"


def measure(client: Client, url: str) -> tuple[float, float, int]:
    """Return the median milliseconds of CPU and wall clock of a page, and its queries."""
    queries = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        client.get(url)
    times = [_get(client, url) for _ in range(TIMES)]
    return median(cpu for cpu, _ in times), median(wall for _, wall in times), queries


def _get(client: Client, url: str) -> tuple[float, float]:
    server, own, start = backend_cpu() or 0.0, time.process_time(), time.perf_counter()
    answer = client.get(url)
    wall, cpu = time.perf_counter() - start, time.process_time() - own
    cpu += (backend_cpu() or 0.0) - server
    if answer.status_code not in {200, 503}:
        raise SystemExit(f"{url} answers {answer.status_code}.")
    return cpu * 1000, wall * 1000


def main() -> None:
    """Print the figures of every page; the papers of previews are read before."""
    preview.kept_papers()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0")
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="operator"))
    print(json.dumps([(name, *measure(client, url)) for name, url in pages()]))


if __name__ == "__main__":
    main()
