"""The contenders of ``benchmarks.delivery``, each run in a process of its own.

``python -m benchmarks.senders NAME COUNT`` prints one line of JSON: mails a second, CPU seconds per
1,000 mails of this process and of the database server, its peak memory in MB, and how many mails
were sent.
``... message PATH`` writes a digest of mean size to a file; ``... invent COUNT`` and
``... people PATH`` fill the tables; ``... embed`` embeds all papers.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
django.setup()

from celery import Celery  # noqa: E402
from celery.contrib.testing.worker import start_worker  # noqa: E402
from celery.signals import worker_init  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.utils.safestring import mark_safe  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from benchmarks.server_cpu import server_cpu  # noqa: E402
from newsletter.celery import refuse_second_worker  # noqa: E402
from newsletter.delivery import provider_limits, rendering, sender  # noqa: E402
from newsletter.digests import assembly  # noqa: E402
from newsletter.mail import cards, snapshots  # noqa: E402
from newsletter.mail import messages as emails  # noqa: E402
from newsletter.mail.mime import wire_bytes  # noqa: E402
from newsletter.models import Digest, Interest, Subscriber  # noqa: E402
from newsletter.security import tokens  # noqa: E402
from papers.models import Paper  # noqa: E402
from papers.recommend import embeddings  # noqa: E402

DJANGO_SMTP: Final = "django.core.mail.backends.smtp.EmailBackend"
WARM_UP: Final = 20
SAMPLE: Final = 300
INVENTED: Final = 2000
PATIENCE: Final = 600.0


def queue(count: int) -> None:
    """Put that many digests back into the queue and cancel the others."""
    last = Digest.objects.order_by("pk").values_list("pk", flat=True)[count - 1]
    Digest.objects.update(state=Digest.State.CANCELLED)
    Digest.objects.filter(pk__lte=last).update(
        state=Digest.State.QUEUED,
        attempts=0,
        lease="",
        lease_until=None,
        next_attempt_at=now(),
        cards="",
        message_id="",
    )


def paperboy() -> None:
    """Send with the product as it is: ``sender.deliver``."""
    sender.deliver(rendering.DIGESTS)


def send_plainly(pk: int, connection: Any = None) -> None:
    """One digest, as one would write it first: read, render from templates, send, mark."""
    digest = Digest.objects.select_related("subscriber").get(pk=pk)
    papers = Paper.objects.filter(canonical_id__in=[item["paper"] for item in digest.items])
    context = plain_context(digest, {paper.canonical_id: paper for paper in papers})
    message = EmailMultiAlternatives(
        render_to_string("emails/digest.subject.txt", context, using="text").strip(),
        render_to_string("emails/digest.txt", context | {"items": context["text"]}, using="text"),
        settings.DEFAULT_FROM_EMAIL,
        [digest.subscriber.email],
        headers={
            "List-Unsubscribe": f"<{context['unsubscribe_url']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    html = render_to_string("emails/digest.html", context | {"items": context["html"]})
    message.attach_alternative(html, "text/html")
    (connection or get_connection(DJANGO_SMTP)).send_messages([message])
    digest.state, digest.sent_at = Digest.State.SENT, now()
    digest.save(update_fields=["state", "sent_at"])


def plain_context(digest: Digest, papers: dict[str, Paper]) -> dict[str, Any]:
    """Return the context of a digest's templates, with the items of both parts."""
    person = digest.subscriber
    preferences = tokens.url_for("preferences", tokens.preferences_token(person))
    items = [plain_item(digest, place, papers) for place in range(len(digest.items))]
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "postal_address": settings.POSTAL_ADDRESS,
        "title": papers[digest.items[0]["paper"]].title,
        "more": len(items) - 1,
        "preheader": digest.items[0]["reason"],
        "day": f"{digest.due_on:%A, %d %B %Y}",
        "receipt": f"You get this because you confirmed {person.email} at",
        "web_url": tokens.url_for("digest", tokens.digest_token(digest)),
        "preferences_url": preferences,
        "pause_url": f"{preferences}#pause",
        "unsubscribe_url": tokens.url_for("unsubscribe", tokens.unsubscribe_token(person)),
        # Rendered by templates that escape.
        "html": mark_safe("".join(html for html, _ in items)),
        "text": "".join(text for _, text in items),
    }


def plain_item(digest: Digest, place: int, papers: dict[str, Paper]) -> tuple[str, str]:
    """One paper in both parts."""
    item = digest.items[place]
    card = cards.card_of(papers[item["paper"]])
    context = {
        "number": place + 1,
        "reason": item["reason"],
        "up_url": tokens.url_for("feedback", tokens.feedback_token(digest, place, "up")),
        "down_url": tokens.url_for("feedback", tokens.feedback_token(digest, place, "down")),
    }
    html = mark_safe(render_to_string("emails/card.html", {"card": card}))
    text = render_to_string("emails/card.txt", {"card": card}, using="text")
    return (
        render_to_string("emails/item.html", context | {"card": {"html": html}}),
        render_to_string("emails/item.txt", context | {"card": {"text": text}}, using="text"),
    )


def confirmed(address: str) -> Subscriber:
    """Return an active subscriber that is not stored yet."""
    active = Subscriber.Status.ACTIVE
    return Subscriber(email=address, email_key=address, status=active, confirmed_at=now())


def invent(count: int) -> None:
    """So many people with a digest of ten papers each, written straight into the tables."""
    chance = random.Random(3)
    papers = list(Paper.objects.values_list("canonical_id", flat=True))
    for start in range(0, count, INVENTED):
        people = Subscriber.objects.bulk_create(
            confirmed(f"reader{number}@example.org")
            for number in range(start, min(start + INVENTED, count))
        )
        Digest.objects.bulk_create(
            Digest(
                subscriber=person,
                due_at=now(),
                due_on=now().date(),
                items=[
                    {"paper": paper, "reason": f"near “{person}”", "slot": "personal", "score": 1.0}
                    for paper in chance.sample(papers, 10)
                ],
            )
            for person in people
        )


def people(path: Path) -> None:
    """One confirmed subscriber for each line: a list of interests, each a kind and a value."""
    with path.open() as lines:
        portions = iter(lambda: [json.loads(line) for line in islice(lines, INVENTED)], [])
        for number, interests in enumerate(portions):
            found = Subscriber.objects.bulk_create(
                confirmed(f"reader{number}-{place}@example.org") for place in range(len(interests))
            )
            Interest.objects.bulk_create(
                Interest(subscriber=person, kind=kind, value=value)
                for person, wanted in zip(found, interests, strict=True)
                for kind, value in sorted({(kind, value) for kind, value in wanted})
            )


def embed() -> dict[str, float]:
    """Embed all papers; how many, and the CPU milliseconds of each."""
    cpu, count = time.process_time(), 0
    while portion := embeddings.embed(now()):
        count += portion
    return {"papers": count, "ms": 1000 * (time.process_time() - cpu) / max(1, count)}


def write_message(path: Path) -> dict[str, float]:
    """Write one digest of mean size as a file with plain line ends; how much they differ."""
    queued = Digest.objects.filter(state=Digest.State.QUEUED)
    sample = list(queued.select_related("subscriber").order_by("pk")[:SAMPLE])
    messages = [
        wire_bytes(emails.digest_message(digest, snapshots.cards_of(digest))) for digest in sample
    ]
    mean = sum(map(len, messages)) / len(messages)
    chosen = min(messages, key=lambda message: abs(len(message) - mean))
    path.write_bytes(chosen.replace(b"\r\n", b"\n"))
    choices = {tuple(item["paper"] for item in digest.items) for digest in sample}
    return {"mean_bytes": mean, "distinct": len(choices) / len(sample)}


def loop() -> None:
    """Send in a plain Django loop over one kept connection."""
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
    """Send one digest, as one Celery task a mail would."""
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


def make_due(count: int) -> None:
    """So many subscribers wait for their digest, and nobody has one yet."""
    Digest.objects.all().delete()
    wanted = Subscriber.objects.order_by("pk").values_list("pk", flat=True)[:count]
    Subscriber.objects.update(next_digest_at=None)
    Subscriber.objects.filter(pk__lte=list(wanted)[-1]).update(next_digest_at=now())


def assemble() -> None:
    """Write the digests of everybody who is due."""
    assembly.assemble(now(), punctual=False)


def measured(contender: Callable[[], None], count: int) -> dict[str, float]:
    """Run a contender and return its rate, the CPU that it and the server took, its peak memory."""
    server = server_cpu()
    wall, cpu = time.perf_counter(), time.process_time()
    contender()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    result = {"rate": count / wall, "cpu_s_per_1000": cpu / count * 1000, "peak_mb": peak_mb()}
    if server is not None:
        result["server_cpu_s_per_1000"] = ((server_cpu() or 0) - server) / count * 1000
    return result


def peak_mb() -> float:
    """Return the peak memory in MB; ``ru_maxrss`` would include the parent process."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run what the command line names and print its figures as JSON."""
    if sys.argv[1] == "message":
        print(json.dumps(write_message(Path(sys.argv[2]))))
        return
    if sys.argv[1] == "embed":
        print(json.dumps(embed()))
        return
    if sys.argv[1] == "people":
        people(Path(sys.argv[2]))
        return
    name, count = sys.argv[1], int(sys.argv[2])
    if name == "invent":
        invent(count)
        return
    if name == "assemble":
        make_due(count)
        print(json.dumps(measured(assemble, count)))
        return
    # What a process does once (imports, templates, links) is not what is asked for.
    queue(WARM_UP)
    CONTENDERS[name]()
    queue(count)
    result = measured(CONTENDERS[name], count)
    result["sent"] = Digest.objects.filter(state=Digest.State.SENT).count()
    result["connections"] = provider_limits.limits().connections if name == "paperboy" else 1
    print(json.dumps(result))


if __name__ == "__main__":
    main()
