"""Assembly of digests: finds due subscribers, chooses their papers and writes Digest rows."""

from __future__ import annotations

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet
from django.utils.timezone import now

from newsletter.digests.history import History, histories_of
from newsletter.digests.profiles import profiles_of
from newsletter.models import Digest, Interest, Subscriber
from newsletter.subscriptions import schedule
from newsletter.subscriptions.preferences import RATED_KINDS
from papers.models import Paper
from papers.recommend import diversify, loader
from papers.recommend.explanation import DigestRequest
from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.text.clean import shortened
from papers.text.identifiers import TITLE_ID_PREFIX
from papers.trending.score import hours

log = logging.getLogger(__name__)

SUBSCRIBERS_AT_ONCE: Final = 500
MOST_UNANSWERED: Final = 3
REMARK_LENGTH: Final = 300
CATCH_UP_AFTER: Final[dict[str, timedelta]] = {
    Subscriber.Frequency.DAILY: timedelta(days=2.5),
    Subscriber.Frequency.WEEKDAYS: timedelta(days=4.5),
    Subscriber.Frequency.WEEKLY: timedelta(days=8.5),
}
"""A digest as long after the last one is a catch-up, and says so."""
State = Digest.State


def due(at: datetime) -> QuerySet[Subscriber]:
    """Return active subscribers whose due time has come, and paused ones whose pause is over.

    Of the paused ones only some are due at ``at``: see ``_is_due``.
    """
    active = Q(status=Subscriber.Status.ACTIVE, next_digest_at__lte=at)
    rested = Q(status=Subscriber.Status.PAUSED, paused_until__lte=at)
    return Subscriber.objects.filter(active | rested)


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


def assemble(
    at: datetime,
    *,
    to: str = "",
    punctual: bool = True,
    until: Callable[[], bool] = lambda: False,
) -> list[int]:
    """Write one Digest row for everyone who is due at ``at`` and move their due dates on.

    Running it twice, or eight times at once, leaves one row per subscriber and day: the row is
    inserted or ignored and the due date moved in the same transaction. With ``punctual`` a due
    day that was missed by more than its grace is recorded as skipped; a person who names the
    time waives that. Several at work share it, as each begins with somebody else. ``until`` is
    asked between two portions. Returns the ids of the rows written by this run.
    """
    written: list[int] = []
    waiting = due(at).filter(email_key=to) if to else due(at)
    ends = waiting.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return written
    library = RunPapers(at, waiting)
    spread = ends["last"] - ends["first"]
    start = ends["first"] + (secrets.randbelow(spread) if spread > SUBSCRIBERS_AT_ONCE else 0)
    for people in chain(_portions(waiting, start, at), _portions(waiting, 0, at)):
        if until():
            break
        if library.is_outdated():
            library = RunPapers(at, waiting)
        written += _assemble_chunk(people, library, punctual=punctual)
    return written


def _portions(people: QuerySet[Subscriber], start: int, at: datetime) -> Iterator[list[Subscriber]]:
    """Yield due subscribers in portions by primary key, from ``start`` on."""
    while portion := list(people.filter(pk__gte=start).order_by("pk")[:SUBSCRIBERS_AT_ONCE]):
        yield [person for person in portion if _is_due(person, at)]
        start = portion[-1].pk + 1


def plan(at: datetime, *, to: str = "", punctual: bool = True) -> Iterator[Digest]:
    """Yield the digests that ``assemble`` would write; changes nothing."""
    waiting = due(at).filter(email_key=to) if to else due(at)
    library: RunPapers | None = None
    for people in _portions(waiting, 0, at):
        library = library or RunPapers(at, waiting)
        yield from _compose_chunk(people, library, punctual=punctual)


def preview(subscriber: Subscriber, at: datetime) -> Digest:
    """Return the digest that this subscriber would get at that time; nothing is saved."""
    library = RunPapers(at, Subscriber.objects.filter(pk=subscriber.pk))
    return _compose_chunk([subscriber], library, punctual=False)[0]


class RunPapers:
    """The candidate papers of one run, read once and shared by all its subscribers."""

    def __init__(self, at: datetime, people: QuerySet[Subscriber]) -> None:
        self.at = at
        rated = Interest.objects.filter(subscriber__in=people, kind__in=RATED_KINDS)
        self.index = loader.build(at, set(rated.values_list("value", flat=True).distinct()))
        self.first_seen = self._first_seen()
        self.notes = self._notes()

    def is_outdated(self) -> bool:
        """Return whether a candidate got a new id, or was deleted, since all were read."""
        titled = [paper for paper in self.index.place if paper.startswith(TITLE_ID_PREFIX)]
        return Paper.objects.filter(canonical_id__in=titled).count() < len(titled)

    def item(self, pick: diversify.Pick) -> dict[str, Any]:
        """Return a chosen paper as an item of ``Digest.items``, with the editor's note."""
        frozen: dict[str, Any] = {
            "paper": pick.paper,
            "score": pick.score,
            "slot": pick.slot,
            "reason": pick.reason,
            "part": pick.part,
        }
        if pick.slot == "pick" and pick.paper in self.notes:
            frozen["note"] = self.notes[pick.paper]
        return frozen

    def _notes(self) -> dict[str, str]:
        picked = Paper.objects.filter(picked_at__isnull=False).exclude(editor_note="")
        return dict(picked.values_list("canonical_id", "editor_note"))

    def _first_seen(self) -> datetime:
        """Return the earliest date of any candidate: older digests cannot hold one of them.

        A paper may have been deleted and read again, so that the date of its announcement counts.
        """
        seen = Paper.objects.filter(canonical_id__in=list(self.index.place))
        first = seen.aggregate(Min("announced_at"), Min("first_seen_at"))
        return min((moment for moment in first.values() if moment), default=now())


def _compose_chunk(chunk: list[Subscriber], library: RunPapers, *, punctual: bool) -> list[Digest]:
    profiles = profiles_of(chunk, library.at)
    histories = histories_of(chunk, library.first_seen, library.at)
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
    history = histories_of([person], library.first_seen, library.at)[person.pk]
    return _asked(person, profile, history, library)


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
    composed = _compose_chunk(chunk, library, punctual=punctual)
    moves: dict[tuple[datetime | None, datetime], list[int]] = defaultdict(list)
    for person, digest in zip(chunk, composed, strict=True):
        # A first digest leaves at any hour, and a day has but one.
        over = max(library.at, schedule.end_of(digest.due_on, person.timezone))
        following = schedule.next_due(**_timetable(person), after=over)
        moves[(person.next_digest_at, following)].append(person.pk)
    with transaction.atomic():
        Digest.objects.bulk_create(composed, ignore_conflicts=True)
        for (planned, following), ids in moves.items():
            Subscriber.objects.filter(pk__in=ids, next_digest_at=planned).update(
                next_digest_at=following
            )
    public_ids = [digest.public_id for digest in composed]
    return list(Digest.objects.filter(public_id__in=public_ids).values_list("pk", flat=True))
