"""Circuit breakers: what a stream does to its own reputation stops it (RULES A13, A15).

Mailbox providers count complaints per sender and start refusing well before a person would
notice. What counts is the last week, or hour, and nothing from before the operator started the
stream again. Only what became of digests counts, whose readers confirmed their address: whoever
signs up addresses of strangers, or of nobody, cannot stop the mail.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import StrIndex, Substr

from newsletter.delivery import streams
from newsletter.models import DeliveryEvent, Digest, Stream, Subscriber, Suppression
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
REFUSALS_WINDOW: Final = timedelta(hours=1)
LEAST_DOMAINS: Final = 3


@dataclass(frozen=True)
class Breaker:
    """Shares of what was sent: a warning from the first on, a stop from the second."""

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
    """Warn about, or pause, a stream that does harm to its own reputation."""
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
    """Since when things count against a stream; None when it is stopped already."""
    known = Stream.objects.filter(name=stream).first()
    if known is None:
        return earliest
    if known.paused_at is not None:
        return None
    return max(earliest, known.resumed_at or earliest)


def _sent(since: datetime, enough: int) -> int:
    """How many digests left since then, or ``enough`` when there were more."""
    left = Digest.objects.filter(due_at__gte=since - LONGEST_WAIT, sent_at__gte=since)
    return left.order_by()[:enough].count()


def _harmed(breaker: Breaker, since: datetime) -> int:
    """How many people who were sent a digest since then are suppressed for what came of it."""
    # One that the mail server refused at once was never sent.
    left = Q(digest__sent_at__gte=since)
    left |= Q(digest__sent_at__isnull=True, digest__sending_at__gte=since)
    told = DeliveryEvent.objects.filter(
        left, digest__subscriber__email_key=OuterRef("email_key"), type__in=breaker.types
    )
    return Suppression.objects.filter(Exists(told), reason=breaker.reason).count()


def stream_of(event: DeliveryEvent) -> str:
    """Return the stream of the message that an event is about."""
    return "digests" if event.digest_id else "notices"


def weigh_refusals(stream: str, moment: datetime) -> None:
    """Pause a stream that the servers of several organisations, or of all, refuse by policy.

    A single one refuses whom it likes, and anybody may run one, so it is only warned about unless
    all readers are there. What says 5.7.x to notices counts where the address is confirmed.
    """
    since = _start(stream, moment - REFUSALS_WINDOW)
    if since is None:
        return
    confirmed = Subscriber.objects.filter(confirmed_at__isnull=False)
    refusals = DeliveryEvent.objects.filter(
        Exists(confirmed.filter(email_key=OuterRef("email_key"))),
        type__in=BOUNCES,
        digest__isnull=stream != "digests",
        received_at__gte=since,
        description__regex=POLICY,
    )
    domain = Substr("email_key", StrIndex("email_key", Value("@")) + 1)
    hosts = refusals.order_by().annotate(domain=domain).values_list("domain", flat=True)
    domains = {organisation(host) for host in hosts.distinct()}
    said = refusals.values_list("description", flat=True).first() or "5.7.x"
    who = ", ".join(sorted(domains)[:LEAST_DOMAINS]) or "addresses that nobody confirmed"
    if len(domains) >= LEAST_DOMAINS or (domains and not _has_readers_outside(domains)):
        streams.pause(stream, f"Refused by policy at {who}: {said}")
    else:
        log.warning("The %s are refused by policy at %s: %s", stream, who, said)


def _has_readers_outside(domains: set[str]) -> bool:
    inside = Q()
    for name in domains:
        inside |= Q(email_key__endswith=f"@{name}") | Q(email_key__endswith=f".{name}")
    return Subscriber.objects.filter(~inside, status=Subscriber.Status.ACTIVE).exists()
