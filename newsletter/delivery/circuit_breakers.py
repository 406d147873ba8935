"""Pause a stream that harms its own reputation with mailbox providers.

Mailbox providers count complaints per sender and start refusing well before a person would
notice. The last week counts, or the last day, and nothing from before the stream was started again.
Only mail to confirmed addresses counts, so that nobody can stop it by signing up addresses.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q

from newsletter.delivery import streams
from newsletter.delivery.outbox import SMTP_ANSWER
from newsletter.models import DeliveryEvent, Digest, Notice, Stream, Subscriber, Suppression
from newsletter.security.email_addresses import organisation
from newsletter.subscriptions import schedule

log = logging.getLogger(__name__)

STREAM: Final = "digests"
WINDOW: Final = timedelta(days=7)
LEAST_SENT: Final = 200
# Digests that left within a time were due not long before: the index on due_at finds them.
LONGEST_WAIT: Final = max(schedule.MAX_DELAY.values())
BOUNCES: Final = frozenset({"bounced", "rejected", "failed"})
# Enhanced status codes 5.7.x (RFC 3463) speak about us; not a part of an IP address. It means the
# same to Python and to PostgreSQL.
POLICY: Final = r"(^|[^0-9.])5\.7\.[0-9]{1,3}($|[^0-9])"
REFUSALS_WINDOW: Final = timedelta(days=1)
REFUSED_SHARE: Final = 0.2
NAMED_READERS: Final = 1000
LEAST_DOMAINS: Final = 3


@dataclass(frozen=True)
class Breaker:
    """A share of the mail sent from which on a stream is warned about, and one that pauses it."""

    what: str
    reason: str
    types: frozenset[str]
    warning: float
    stop: float


BREAKERS: Final = (
    Breaker("complaints", Suppression.Reason.COMPLAINT, frozenset({"complained"}), 0.001, 0.003),
    Breaker("addresses that do not exist", Suppression.Reason.HARD_BOUNCE, BOUNCES, 0.02, 0.05),
)


def check(moment: datetime) -> None:
    """Warn about the digests, or pause them, for complaints and dead addresses."""
    since = _start(STREAM, moment - WINDOW)
    if since is None:
        return
    for breaker in BREAKERS:
        count = _harmed(breaker, since)
        # Counting goes no further than what decides.
        enough = max(LEAST_SENT, int(count / breaker.warning) + 1)
        sent = _sent(since, enough) if count else 0
        if sent < LEAST_SENT:
            continue
        share = count / sent
        found = f"{count} {breaker.what} among {sent} digests since {since:%Y-%m-%d} ({share:.2%})"
        if share >= breaker.stop:
            streams.pause(STREAM, f"{found}; the limit is {breaker.stop:.1%}. Find out why first.")
            return
        if share >= breaker.warning:
            log.warning("%s; digests stop at %s.", found, f"{breaker.stop:.1%}")


def _start(stream: str, earliest: datetime) -> datetime | None:
    """Return since when events count against a stream; None when it is paused already."""
    known = Stream.objects.filter(name=stream).first()
    if known is None:
        return earliest
    if known.paused_at is not None:
        return None
    return max(earliest, known.resumed_at or earliest)


def _sent(since: datetime, enough: int) -> int:
    """Return how many digests left since then, at most ``enough``."""
    left = Digest.objects.filter(due_at__gte=since - LONGEST_WAIT, sent_at__gte=since)
    return left.order_by()[:enough].count()


def _harmed(breaker: Breaker, since: datetime) -> int:
    """Return how many readers of digests sent since then are suppressed for their events."""
    # One that the mail server refused at once was never sent.
    left = Q(digest__sent_at__gte=since)
    left |= Q(digest__sent_at__isnull=True, digest__sending_at__gte=since)
    reported = DeliveryEvent.objects.filter(
        left, digest__subscriber__email_key=OuterRef("email_key"), type__in=breaker.types
    )
    return Suppression.objects.filter(Exists(reported), reason=breaker.reason).count()


def stream_of(event: DeliveryEvent) -> str:
    """Return the stream of the message that an event is about."""
    return "digests" if event.digest_id else "notices"


def check_policy_refusals(stream: str, moment: datetime) -> None:
    """Pause a stream whose mail is refused by policy (5.7.x) for too large a share of its readers.

    The share is that of direct answers (``streams.MOST_REFUSALS``): at least ten readers, and 20 %
    of the mail of a day. An address that refused by policy before that day says nothing new, and
    one or two organisations with few of the readers cannot stop the mail of all.
    """
    since = _start(stream, moment - REFUSALS_WINDOW)
    if since is None:
        return
    refusals = DeliveryEvent.objects.filter(
        Exists(
            Subscriber.objects.filter(confirmed_at__isnull=False, email_key=OuterRef("email_key"))
        ),
        type__in=BOUNCES,
        digest__isnull=stream != "digests",
        description__regex=POLICY,
    ).exclude(provider=SMTP_ANSWER)
    before = refusals.filter(received_at__lt=since, email_key=OuterRef("email_key"))
    new = refusals.filter(~Exists(before), received_at__gte=since)
    keys = set(new.order_by().values_list("email_key", flat=True).distinct()[:NAMED_READERS])
    if not keys:
        return
    domains = {organisation(key.rpartition("@")[2]) for key in keys}
    sent = _sent(since, NAMED_READERS) if stream == "digests" else _notices_sent(since)
    answer = new.values_list("description", flat=True).first() or "5.7.x"
    who = ", ".join(sorted(domains)[:LEAST_DOMAINS])
    enough = len(keys) >= streams.MOST_REFUSALS and len(keys) >= REFUSED_SHARE * sent
    if enough and (len(domains) >= LEAST_DOMAINS or has_large_share(domains)):
        streams.pause(
            stream, f"Refused by policy at {who}: {answer}", resume_after=streams.RETRIAL_PAUSE
        )
    else:
        log.warning("The %s are refused by policy at %s: %s", stream, who, answer)


def _notices_sent(since: datetime) -> int:
    """Return how many notices left since then, at most NAMED_READERS."""
    return Notice.objects.filter(sent_at__gte=since).order_by()[:NAMED_READERS].count()


def has_large_share(domains: set[str]) -> bool:
    """Return whether at least REFUSED_SHARE of the active readers are at these organisations."""
    inside = Q()
    for name in domains:
        inside |= Q(email_key__endswith=f"@{name}") | Q(email_key__endswith=f".{name}")
    active = Subscriber.objects.filter(status=Subscriber.Status.ACTIVE)
    counts = active.aggregate(all=Count("pk"), inside=Count("pk", filter=inside))
    return bool(counts["inside"] >= REFUSED_SHARE * counts["all"])
