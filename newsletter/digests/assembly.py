"""Assembly of digests: finds due subscribers, chooses their papers and writes Digest rows."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from newsletter.digests import claims, run_papers
from newsletter.digests.history import History, histories_of
from newsletter.digests.profiles import profiles_of
from newsletter.digests.public_ids import time_ordered_uuid
from newsletter.digests.run_papers import RunPapers
from newsletter.models import Digest, Subscriber
from newsletter.subscriptions import schedule
from papers.recommend.explanation import DigestRequest
from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.text.clean import shortened
from papers.trending.score import hours

log = logging.getLogger(__name__)

PLANNED_AT_ONCE: Final = 500
LAST_ID: Final = 2**63 - 1
MOST_UNANSWERED: Final = 3
REMARK_LENGTH: Final = 300
CATCH_UP_AFTER: Final[dict[str, timedelta]] = {
    Subscriber.Frequency.DAILY: timedelta(days=2.5),
    Subscriber.Frequency.WEEKDAYS: timedelta(days=4.5),
    Subscriber.Frequency.WEEKLY: timedelta(days=8.5),
}
"""A digest as long after the last one is a catch-up, and says so."""
State = Digest.State
# Threads of one process that compose at once would only take turns and need more memory.
_composing = Lock()


def _is_due(person: Subscriber, at: datetime) -> bool:
    """Return whether a subscriber of ``due`` is due; set the due date of a paused one in memory."""
    if person.status != Subscriber.Status.PAUSED or person.paused_until is None:
        return True
    awake = max(person.paused_until, now())
    person.next_digest_at = schedule.next_due(**_timetable(person), after=awake)
    if person.next_digest_at > at:
        return False
    # Their date is not moved on, so that the digest itself says that it was written.
    day = schedule.due_day(_due_at(person, at), person.timezone)
    return not Digest.objects.filter(subscriber=person, due_on=day).exists()


def _readers(at: datetime, to: str) -> QuerySet[Subscriber]:
    return claims.due(at).filter(email_key=to) if to else claims.due(at)


def is_claimed(at: datetime, *, to: str = "") -> bool:
    """Return whether a worker, running or not, has claimed somebody who is due at ``at``."""
    return claims.are_held(_readers(at, to))


def assemble(
    at: datetime,
    *,
    to: str = "",
    punctual: bool = True,
    until: Callable[[], bool] = lambda: False,
) -> list[int]:
    """Write one Digest row for everyone who is due at ``at`` and move their due dates on.

    Running it twice, or eight times at once, leaves one row per subscriber and day: the row is
    inserted or ignored and the due date moved in the same transaction. Several at work share the
    readers, as each claims those whom it writes next.

    Args:
        at: The time of the run.
        to: The key of the only address to write for; empty for all.
        punctual: Whether a due day that was missed by more than its grace is recorded as skipped;
            a person who names the time waives that.
        until: Asked between two portions whether to stop.

    Returns:
        The ids of the rows written by this run.
    """
    readers = _readers(at, to)
    if not readers.exists():
        return []
    papers = RunPapers(at, readers)
    written: list[int] = []
    first = 0
    while not until() and (chunk := claims.take(readers, first)):
        if papers.is_outdated():
            papers = RunPapers(at, readers)
        written += _assemble_chunk(chunk, papers, punctual=punctual)
        first = chunk[-1].pk + 1
    return written


def assemble_slice(
    first: int = 0, last: int = LAST_ID, *, until: Callable[[], bool] = lambda: False
) -> list[int]:
    """Write the digests of readers with ids from ``first`` to ``last`` who are due now.

    The papers are those that this process keeps. Who is claimed by another worker is left to it.

    Args:
        first: The lowest id.
        last: The highest id.
        until: Asked between two portions whether to stop.

    Returns:
        The ids of the rows written.
    """
    at = now()
    readers = claims.due(at).filter(pk__range=(first, last))
    written: list[int] = []
    with _composing:
        if not claims.free(readers).exists():
            return written
        run_papers.shared(at)  # Reading them may take longer than a claim lasts.
        while not until() and (chunk := claims.take(readers, first)):
            papers = run_papers.shared(at, chunk)
            written += _assemble_chunk(chunk, papers, punctual=True)
            first = chunk[-1].pk + 1
    return written


def plan(at: datetime, *, to: str = "", punctual: bool = True) -> Iterator[Digest]:
    """Yield the digests that ``assemble`` would write; changes nothing."""
    readers = _readers(at, to)
    library: RunPapers | None = None
    first = 0
    while portion := list(readers.filter(pk__gte=first).order_by("pk")[:PLANNED_AT_ONCE]):
        library = library or RunPapers(at, readers)
        people = [person for person in portion if _is_due(person, at)]
        yield from _compose_chunk(people, library, punctual=punctual)
        first = portion[-1].pk + 1


def preview(subscriber: Subscriber, at: datetime, papers: RunPapers | None = None) -> Digest:
    """Return the digest that this subscriber would get at that time; nothing is saved.

    ``papers`` are the candidates where they are known already.
    """
    library = papers or RunPapers(at, Subscriber.objects.filter(pk=subscriber.pk))
    return _compose_chunk([subscriber], library, punctual=False)[0]


def _compose_chunk(chunk: list[Subscriber], library: RunPapers, *, punctual: bool) -> list[Digest]:
    profiles = profiles_of(chunk, library.at)
    histories = _histories(chunk, library)
    library.index.prepare(profiles.values())
    return [
        _compose(person, profiles[person.pk], histories[person.pk], library, punctual)
        for person in chunk
    ]


def _compose(
    person: Subscriber,
    profile: Profile,
    history: History,
    library: RunPapers,
    punctual: bool,
) -> Digest:
    at = library.at
    due_at = _due_at(person, at)
    # A person who names the time has said that it may be late.
    start = due_at if punctual else max(due_at, at, now())
    digest = Digest(
        public_id=time_ordered_uuid(),
        subscriber=person,
        due_at=due_at,
        due_on=schedule.due_day(due_at, person.timezone),
        expires_at=start + schedule.MAX_DELAY[person.frequency],
    )
    if punctual and at - due_at > schedule.MAX_DELAY[person.frequency]:
        return _skip(digest, "Missed: the service was not running within its time.")
    try:
        asked = _asked(person, profile, history, library)
        picks = asked.picks(library.index)
        searches = [f"on “{text}”" for text in asked.unanswered(library.index)]
        fields = [f"in {field}" for field in asked.quiet_fields(library.index)]
        digest.remark = _remark(person, history, searches + fields, at)
    except Exception:
        log.exception("Choosing papers for subscriber %s failed.", person.pk)
        return _skip(digest, "Choosing papers failed; the log says why.")
    digest.items = [library.item(pick) for pick in picks]
    digest.letter = library.letter_key(history.last)
    if not picks:
        return _skip(digest, _why_nothing(library.index, profile))
    return digest


def _remark(person: Subscriber, history: History, unanswered: Sequence[str], at: datetime) -> str:
    """Return the remark of the mail on the choice as a whole.

    ``unanswered`` are the searches (``on “..”``) and fields (``in ..``) without a new paper.
    """
    sentences = []
    if history.last is not None and at - history.last > CATCH_UP_AFTER[person.frequency]:
        sentences.append(f"A catch-up, with what came since {history.last:%-d %B}.")
    if unanswered:
        named = ", ".join(unanswered[:MOST_UNANSWERED])
        more = len(unanswered) - MOST_UNANSWERED
        sentences.append(f"Nothing new {named}" + (f" and {more} more." if more > 0 else "."))
    return shortened(" ".join(sentences), REMARK_LENGTH)


def asked_of(person: Subscriber, library: RunPapers) -> DigestRequest:
    """Return what the next digest of a subscriber is composed from."""
    return request_for(person, profiles_of([person], library.at)[person.pk], library)


def request_for(person: Subscriber, profile: Profile, library: RunPapers) -> DigestRequest:
    """Return what the next digest of a subscriber would be composed from with a profile."""
    history = _histories([person], library)[person.pk]
    return _asked(person, profile, history, library)


def _histories(people: list[Subscriber], library: RunPapers) -> dict[int, History]:
    return histories_of(people, library.first_seen, library.at, library.forgotten)


def _asked(
    person: Subscriber, profile: Profile, history: History, library: RunPapers
) -> DigestRequest:
    turn = 0
    if history.last or history.papers:  # A first digest begins like its preview on any day.
        turn = schedule.due_day(_due_at(person, library.at), person.timezone).toordinal()
    since = _last_digest(person, history, library)
    return DigestRequest(profile, person.size, history.papers, turn, since)


def _last_digest(person: Subscriber, history: History, library: RunPapers) -> float | None:
    """Return when a subscriber last got a digest, in hours of the epoch; None before the first.

    Who was there before the first candidate and got none of them has missed them all.
    """
    if history.last is not None:
        return hours(history.last)
    confirmed = person.confirmed_at
    return 0.0 if confirmed is not None and confirmed < library.first_seen else None


def _why_nothing(offered: Index, profile: Profile) -> str:
    if not len(offered):
        return "There are no papers yet."
    if offered.can_answer(profile):
        return "No paper that was not sent yet fits what this reader asked for."
    return "Every paper on offer was already sent or is muted."


def _skip(digest: Digest, reason: str) -> Digest:
    digest.state = State.SKIPPED
    digest.reason = reason
    return digest


def _due_at(person: Subscriber, at: datetime) -> datetime:
    """Return the due time that this run serves: the last one if several were missed."""
    planned = person.next_digest_at or at
    latest = schedule.last_due(**_timetable(person), before=at)
    return max(planned, latest) if planned <= at else at


def _timetable(person: Subscriber) -> dict[str, Any]:
    return {
        "frequency": person.frequency,
        "weekday": person.weekday,
        "hour": person.hour,
        "timezone": person.timezone,
    }


def _assemble_chunk(chunk: list[Subscriber], library: RunPapers, *, punctual: bool) -> list[int]:
    """Write the digests of claimed readers, end the claims, and return the ids of the rows."""
    try:
        people = [person for person in chunk if _is_due(person, library.at)]
        composed = _compose_chunk(people, library, punctual=punctual)
        if any(digest.letter for digest in composed):
            library.keep_letter()
        moved = _write(people, composed, library.at)
    except BaseException:
        with suppress(DatabaseError):  # They end by themselves.
            claims.release([person.pk for person in chunk])
        raise
    if moved < len(chunk):
        claims.release([person.pk for person in chunk])
    public_ids = [digest.public_id for digest in composed]
    return list(Digest.objects.filter(public_id__in=public_ids).values_list("pk", flat=True))


def _write(people: list[Subscriber], composed: list[Digest], at: datetime) -> int:
    """Insert the digests and move the due dates on; return how many dates were moved."""
    moves: dict[tuple[datetime | None, datetime], list[int]] = defaultdict(list)
    for person, digest in zip(people, composed, strict=True):
        # A first digest leaves at any hour, and a day has but one.
        over = max(at, schedule.end_of(digest.due_on, person.timezone))
        following = schedule.next_due(**_timetable(person), after=over)
        moves[(person.next_digest_at, following)].append(person.pk)
    with transaction.atomic():
        Digest.objects.bulk_create(composed, ignore_conflicts=True)
        return sum(
            Subscriber.objects.filter(pk__in=ids, next_digest_at=planned).update(
                next_digest_at=following, assembling_until=None
            )
            for (planned, following), ids in moves.items()
        )
