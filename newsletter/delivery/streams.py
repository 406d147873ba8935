"""Pause a stream of mail (the operator or an alarm), hold it for a while, or try it out again.

A stream is *proven* while its last accepted message is recent. An unproven one has at most
UNPROVEN_MESSAGES out, over all workers, until one is accepted, and a stream whose mail is refused
for a reason that many recipients would meet is paused before the whole list has been tried.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from newsletter.mail.errors import LONGEST_HOLD
from newsletter.models import Stream
from newsletter.security import audit

log = logging.getLogger(__name__)

# A hold that ends later than this was written by a wrong clock and is ignored.
LONGEST_BELIEVED_HOLD: Final = timedelta(seconds=2 * LONGEST_HOLD)

# How the last messages of a stream were answered, one sign each, the newest last.
ACCEPTED: Final = "+"
OTHER: Final = "o"  # Refused for a reason that is the recipient's.
REFUSED: Final = "-"  # Refused for a reason that many recipients would meet.
DOUBTFUL: Final = "?"  # Neither accepted nor refused.
RECENT_ANSWERS: Final = 50
# The stream is paused at so many refusals: 20 % of the last 50, or all of the first 10.
MOST_REFUSALS: Final = 10
UNPROVEN_MESSAGES: Final = 10
PROOF_LIFETIME: Final = timedelta(hours=1)
# An acceptance is stored no more often than this, so that the row is not written all the time.
PROOF_RENEWAL: Final = timedelta(minutes=10)
# A stream that was paused for refusals is tried again after this.
RETRIAL_PAUSE: Final = timedelta(hours=1)
# So many messages in doubt one after another hold the stream; each further one doubles the hold.
DOUBTS_IN_A_ROW: Final = 5
DOUBT_HOLD_SECONDS: Final = 60.0


def pause(
    stream: str,
    reason: str,
    *,
    resume_after: timedelta | None = None,
    by: str = audit.SERVICE,
) -> None:
    """Stop a stream; running senders notice it before their next message.

    Args:
        stream: The name of the stream.
        reason: A sentence for the operator.
        resume_after: When the stream is tried again by itself; None for when the operator says so.
        by: Who stops it, for the audit log.
    """
    moment = now()
    known = Stream.objects.filter(
        name=stream, paused_at__isnull=False, paused_reason=reason[:300]
    ).exists()
    stored, _ = Stream.objects.update_or_create(
        name=stream,
        defaults={
            "paused_at": moment,
            "paused_reason": reason[:300],
            "resume_at": moment + resume_after if resume_after else None,
        },
    )
    log.error("The %s stream is paused: %s", stream, reason)
    if not known:
        audit.record(by, f"paused: {reason}", stored)


def resume(stream: str, *, by: str = audit.SERVICE) -> None:
    """Start a stream again, at once; ``by`` is who does, for the audit log."""
    stored, _ = Stream.objects.update_or_create(
        name=stream,
        defaults={
            "paused_at": None,
            "paused_reason": "",
            "hold_until": None,
            "resume_at": None,
            "recent_answers": "",
            "resumed_at": now(),
        },
    )
    audit.record(by, "resumed", stored)


def resume_due() -> list[str]:
    """Start the streams whose pause is over, or ends too far ahead, and return their names."""
    moment = now()
    over = Q(resume_at__lte=moment) | Q(resume_at__gt=moment + 2 * RETRIAL_PAUSE)
    names = list(
        Stream.objects.filter(over, paused_at__isnull=False).values_list("name", flat=True)
    )
    for name in names:
        resume(name)
        log.warning("The %s stream is tried again with a few messages.", name)
    return names


def hold(stream: str, seconds: float, reason: str = "") -> None:
    """Let a stream wait, at most LONGEST_HOLD; a hold that already lasts longer stays."""
    moment = now()
    until = moment + timedelta(seconds=min(seconds, LONGEST_HOLD))
    Stream.objects.get_or_create(name=stream)
    shorter = Q(hold_until=None) | ~Q(hold_until__range=(until, moment + LONGEST_BELIEVED_HOLD))
    Stream.objects.filter(shorter, name=stream).update(hold_until=until)
    log.warning("The %s stream waits for %.0f s. %s", stream, seconds, reason)


def held_until(stream: Stream) -> datetime | None:
    """Return when the hold of a stream ends; None when nothing holds it."""
    end, moment = stream.hold_until, now()
    return end if end and moment < end <= moment + LONGEST_BELIEVED_HOLD else None


def is_stopped(stream: str, *, patient: bool) -> bool:
    """Return whether a stream is paused, or held and the sender is ``patient``."""
    stopped = Q(paused_at__isnull=False)
    if patient:
        stopped |= Q(hold_until__range=(now(), now() + LONGEST_BELIEVED_HOLD))
    return Stream.objects.filter(stopped, name=stream).exists()


def locked(stream: str) -> Stream:
    """Return the row of a stream, locked until the end of the transaction."""
    Stream.objects.get_or_create(name=stream)
    return Stream.objects.select_for_update().get(name=stream)


def is_proven(stream: Stream) -> bool:
    """Return whether a message was accepted lately, and since the stream was started."""
    moment, accepted = now(), stream.accepted_at
    if accepted is None or not moment - PROOF_LIFETIME < accepted <= moment + PROOF_RENEWAL:
        return False
    return stream.resumed_at is None or accepted >= stream.resumed_at


def note_answers(name: str, answers: str, reason: str = "") -> bool:
    """Store how messages were answered; pause the stream that is refused, hold one in doubt.

    Args:
        name: The name of the stream.
        answers: One sign a message, the newest last.
        reason: What the last refusal said.

    Returns:
        Whether the stream was paused or held for it.
    """
    with transaction.atomic():
        stream = locked(name)
        stream.recent_answers = (stream.recent_answers + answers)[-RECENT_ANSWERS:]
        if ACCEPTED in answers:
            stream.accepted_at = now()
        stream.save(update_fields=["recent_answers", "accepted_at"])
    refusals = stream.recent_answers.count(REFUSED)
    if refusals >= MOST_REFUSALS and REFUSED in answers and stream.paused_at is None:
        of = len(stream.recent_answers)
        pause(name, f"{refusals} of {of} mails were refused: {reason}", resume_after=RETRIAL_PAUSE)
        return True
    doubts = len(stream.recent_answers) - len(stream.recent_answers.rstrip(DOUBTFUL))
    if doubts >= DOUBTS_IN_A_ROW and DOUBTFUL in answers:
        seconds = DOUBT_HOLD_SECONDS * 2.0 ** (doubts - DOUBTS_IN_A_ROW)
        hold(name, min(seconds, LONGEST_HOLD), f"{doubts} mails in a row are in doubt: {reason}")
        return True
    return False
