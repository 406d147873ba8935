"""The contenders of ``benchmarks.delivery``, each run in a process of its own.

``python -m benchmarks.senders NAME COUNT`` prints one line of JSON: mails a second, CPU seconds per
1,000 mails of this process, its peak memory in MB, and how many mails were sent.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
django.setup()

from celery import Celery  # noqa: E402
from celery.contrib.testing.worker import start_worker  # noqa: E402
from celery.signals import worker_init  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.mail import get_connection  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from newsletter import cards, delivery, digests, dispatch, emails, press  # noqa: E402
from newsletter.celery import refuse_second_worker  # noqa: E402
from newsletter.models import Digest  # noqa: E402
from papers.models import Paper  # noqa: E402

DJANGO_SMTP: Final = "django.core.mail.backends.smtp.EmailBackend"
WARM_UP: Final = 20
PATIENCE: Final = 600.0


def queue(count: int) -> list[int]:
    """Put that many digests back into the queue and cancel the others."""
    ids = list(Digest.objects.order_by("pk").values_list("pk", flat=True)[:count])
    Digest.objects.update(state=Digest.State.CANCELLED)
    Digest.objects.filter(pk__lte=ids[-1]).update(
        state=Digest.State.QUEUED, attempts=0, lease="", lease_until=None, next_attempt_at=now()
    )
    return ids


def paperboy() -> None:
    """The product as it is: ``delivery.deliver``."""
    delivery.deliver(dispatch.DIGESTS)


def send_plainly(pk: int, connection: Any = None) -> None:
    """One digest, as one would write it first: read, render from templates, send, mark."""
    press.forget("TEMPLATES")
    cards._card.cache_clear()
    digest = Digest.objects.select_related("subscriber").get(pk=pk)
    papers = Paper.objects.filter(canonical_id__in=[item["paper"] for item in digest.items])
    message = emails.digest_message(digest, {p.canonical_id: emails.card(p) for p in papers})
    (connection or get_connection(DJANGO_SMTP)).send_messages([message])
    digest.state, digest.sent_at = Digest.State.SENT, now()
    digest.save(update_fields=["state", "sent_at"])


def loop() -> None:
    """A plain Django loop over one kept connection."""
    ids = list(Digest.objects.filter(state=Digest.State.QUEUED).values_list("pk", flat=True))
    with get_connection(DJANGO_SMTP) as connection:
        for pk in ids:
            send_plainly(pk, connection)


# The product's own rule of one worker for a database is not for this one.
worker_init.disconnect(refuse_second_worker)
naive = Celery("naive", broker="memory://")
naive.conf.broker_transport_options = {"polling_interval": 0.01}  # It must not wait in vain.


@naive.task
def task(pk: int) -> None:
    send_plainly(pk)


def tasks() -> None:
    """One Celery task for each mail, in one worker process with four threads."""
    waiting = Digest.objects.filter(state=Digest.State.QUEUED)
    with start_worker(naive, pool="threads", concurrency=4, perform_ping_check=False):
        for pk in waiting.values_list("pk", flat=True):
            task.delay(pk)
        deadline = time.monotonic() + PATIENCE
        while waiting.exists() and time.monotonic() < deadline:
            time.sleep(0.05)


CONTENDERS: Final[dict[str, Callable[[], None]]] = {
    "paperboy": paperboy,
    "loop": loop,
    "tasks": tasks,
}


def assemble() -> None:
    """Write the digests of everybody who is due."""
    digests.assemble(now(), punctual=False)


def measured(contender: Callable[[], None], count: int) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    contender()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "rate": count / wall,
        "cpu_s_per_1000": cpu / count * 1000,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    name, count = sys.argv[1], int(sys.argv[2])
    if name == "assemble":
        print(json.dumps(measured(assemble, count)))
        return
    # What a process does once (imports, templates, links) is not what is asked for.
    queue(WARM_UP)
    CONTENDERS[name]()
    queue(count)
    result = measured(CONTENDERS[name], count)
    result["sent"] = Digest.objects.filter(state=Digest.State.SENT).count()
    result["connections"] = settings.MAIL_CONNECTIONS
    print(json.dumps(result))


if __name__ == "__main__":
    main()
