"""Render queued rows as messages; define the two streams of mail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from anymail.message import AnymailMessage
from django.db.models import Q

from newsletter.delivery.outbox import MailStream, Renderer
from newsletter.mail import messages
from newsletter.mail.snapshots import CardCache
from newsletter.models import Digest, Notice, Subscriber
from newsletter.security import tokens
from newsletter.subscriptions import suppressions

Status = Subscriber.Status
SUBJECT_LENGTH: Final = 200
# The columns of a digest and its subscriber that the mail and its links contain.
DIGEST_COLUMNS: Final = (
    *("due_on", "created_at", "subject", "items", "cards", "remark", "letter"),
    *("subscriber__public_id", "subscriber__sealed_token"),
    *("subscriber__frequency", "subscriber__confirmed_at"),
)


def render_digests() -> Renderer[Digest]:
    """Return the renderer of claimed digests for one run, with cards shared by all."""
    cache = CardCache()

    def render(rows: list[Digest]) -> Iterator[tuple[Digest, AnymailMessage | Exception]]:
        tokens.create_unsubscribe_tokens(row.subscriber for row in rows)
        for row, cards in cache.for_digests(rows):
            if isinstance(cards, Exception):
                yield row, cards
                continue
            try:
                message = messages.digest_message(row, cards)
            except Exception as error:  # noqa: BLE001 - one bad digest never stops the run
                yield row, error
            else:
                row.subject = message.subject[:SUBJECT_LENGTH]
                yield row, message

    return render


def notice_kind(notice: Notice) -> str | None:
    """Return the kind of mail that answers a request as the subscriber is now; None for no mail."""
    subscriber = notice.subscriber
    if subscriber.status == Status.SUPPRESSED or not suppressions.may_confirm(subscriber.email_key):
        return None
    erased = suppressions.is_suppressed(subscriber.email_key)
    if erased and (notice.kind == Notice.Kind.PRIVACY or _was_asked(notice)):
        return None
    if notice.kind == Notice.Kind.PRIVACY:
        return Notice.Kind.PRIVACY
    if subscriber.status in {Status.ACTIVE, Status.PAUSED}:
        return Notice.Kind.MANAGE
    return Notice.Kind.CONFIRM


def _was_asked(notice: Notice) -> bool:
    """Return whether an earlier mail asked the same subscriber to confirm."""
    earlier = Notice.objects.filter(subscriber=notice.subscriber_id, pk__lt=notice.pk)
    return earlier.filter(state__in=(Notice.State.SENT, Notice.State.UNCERTAIN)).exists()


def render_notices(
    notices: Iterable[Notice],
) -> Iterator[tuple[Notice, AnymailMessage | Exception]]:
    """Yield claimed notices with their messages, or with the error of one that cannot be rendered.

    A notice that must not be answered is cancelled under its lease and left out.
    """
    for notice in notices:
        kind = notice_kind(notice)
        mine = Notice.objects.filter(pk=notice.pk, state=Notice.State.CLAIMED, lease=notice.lease)
        if kind is None:
            mine.update(
                state=Notice.State.CANCELLED, lease_until=None, reason="The address is suppressed."
            )
            continue
        if kind != notice.kind:
            mine.update(kind=kind)
            notice.kind = kind
        try:
            message = WRITERS[kind](notice)
        except Exception as error:  # noqa: BLE001 - one bad notice never stops the others
            yield notice, error
        else:
            yield notice, message


WRITERS: Final[dict[str, Callable[[Notice], AnymailMessage]]] = {
    Notice.Kind.CONFIRM: messages.confirm_message,
    Notice.Kind.MANAGE: messages.manage_message,
    Notice.Kind.PRIVACY: messages.privacy_message,
}
DIGESTS: Final = MailStream(
    model=Digest,
    name="digests",
    renderer=render_digests,
    recipients=Q(status=Subscriber.Status.ACTIVE),
    repeatable=False,
    columns=DIGEST_COLUMNS,
    stored_columns=("cards", "subject"),
    spread=True,
)
NOTICES: Final = MailStream(
    model=Notice,
    name="notices",
    renderer=lambda: render_notices,
    recipients=~Q(status=Subscriber.Status.SUPPRESSED),
    repeatable=True,
)
STREAMS: Final[tuple[MailStream[Any], ...]] = (NOTICES, DIGESTS)
