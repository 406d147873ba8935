"""Subscribers, their choices, their digests and the events of delivery."""

from __future__ import annotations

import secrets
import uuid
from typing import Final

from django.db import models
from django.utils.timezone import now

MAX_DIGEST_SIZE: Final = 30
"""Papers that a digest has at most."""


class Subscriber(models.Model):
    """One address with the settings of its owner, who has no account and no password.

    ``email`` is the address as mail is sent to it, ``email_key`` the same without case and
    with an ASCII domain (IDNA): two spellings of one address are one subscriber. ``sealed_token``
    is the unsubscribe token, encrypted.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "pending confirmation"
        ACTIVE = "active", "active"
        PAUSED = "paused", "paused"
        UNSUBSCRIBED = "unsubscribed", "unsubscribed"
        SUPPRESSED = "suppressed", "suppressed"

    class Frequency(models.TextChoices):
        DAILY = "daily", "every day"
        WEEKDAYS = "weekdays", "Monday to Friday"
        WEEKLY = "weekly", "once a week"

    class Weekday(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    email_key = models.CharField(max_length=254, unique=True)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.PENDING, db_index=True
    )
    frequency = models.CharField(max_length=16, choices=Frequency.choices, default=Frequency.DAILY)
    weekday = models.PositiveSmallIntegerField(
        choices=Weekday.choices, default=Weekday.MONDAY, help_text="For the weekly digest."
    )
    hour = models.PositiveSmallIntegerField(default=8, help_text="Local hour, 0 to 23.")
    timezone = models.CharField(max_length=64, default="UTC")
    size = models.PositiveSmallIntegerField(default=10, help_text="Papers in a digest.")
    next_digest_at = models.DateTimeField(null=True, blank=True, db_index=True)
    assembling_until = models.DateTimeField(
        null=True, editable=False, help_text="A worker is writing the due digest until then."
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    soft_bounce_score = models.FloatField(default=0.0)
    last_soft_bounce_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    consent_source = models.CharField(max_length=200, blank=True)
    sealed_token = models.TextField(blank=True, editable=False)
    feed_version = models.PositiveSmallIntegerField(
        default=1, db_default=1, editable=False, help_text="Of the address of the private feed."
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["status", "next_digest_at"], name="due_subscribers")]
        permissions = [("export_subscribers", "Can export subscribers with their addresses")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["pending", "active", "paused", "unsubscribed", "suppressed"]
                ),
                name="subscriber_status",
            ),
            models.CheckConstraint(
                condition=models.Q(frequency__in=["daily", "weekdays", "weekly"]),
                name="subscriber_frequency",
            ),
            models.CheckConstraint(
                condition=models.Q(weekday__gte=0, weekday__lte=6), name="subscriber_weekday"
            ),
            models.CheckConstraint(
                condition=models.Q(hour__gte=0, hour__lte=23), name="subscriber_hour"
            ),
            models.CheckConstraint(
                condition=models.Q(size__gte=1, size__lte=MAX_DIGEST_SIZE), name="subscriber_size"
            ),
        ]

    def __str__(self) -> str:
        return self.email


class UnsubscribeToken(models.Model):
    """The SHA-256 of a token that unsubscribes one person; it never expires."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"token of subscriber {self.subscriber_id}"


class Interest(models.Model):
    """One subject, paper, author or word that a subscriber wants, or does not want, to get."""

    class Kind(models.TextChoices):
        TOPIC = "topic", "field"
        TEXT = "text", "free text"
        LIKE = "like", "liked paper"
        DISLIKE = "dislike", "disliked paper"
        AUTHOR = "author", "followed author"
        MUTE = "mute", "muted word or author"
        NAME = "name", "name they publish under"
        IGNORE = "ignore", "word of liked papers that counts for nothing"

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="interests")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    value = models.CharField(
        max_length=500, help_text="A category, words, a paper's canonical id, or a name."
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber", "kind", "value"], name="one_interest_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="recent_likes", condition=models.Q(kind="like")
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"


class Outbound(models.Model):
    """A message to be sent: the row is the queue entry and holds its state."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        CLAIMED = "claimed", "claimed"
        SENDING = "sending", "sending"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"
        UNCERTAIN = "uncertain", "uncertain"
        SKIPPED = "skipped", "skipped"
        CANCELLED = "cancelled", "cancelled"

    MOVES: Final[dict[str, frozenset[str]]] = {
        State.QUEUED: frozenset({State.CLAIMED, State.CANCELLED}),
        State.CLAIMED: frozenset({State.QUEUED, State.SENDING, State.CANCELLED, State.FAILED}),
        State.SENDING: frozenset({State.SENT, State.QUEUED, State.FAILED, State.UNCERTAIN}),
        # An answer may come after the lease of its row, and then settles it all the same.
        State.UNCERTAIN: frozenset({State.SENT, State.QUEUED, State.FAILED}),
        State.FAILED: frozenset({State.QUEUED}),
        State.SENT: frozenset(),
        State.SKIPPED: frozenset(),
        State.CANCELLED: frozenset(),
    }

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is in this state.")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=now)
    lease = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    message_id = models.CharField(max_length=200, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    sending_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        *("queued", "claimed", "sending", "sent"),
                        *("failed", "uncertain", "skipped", "cancelled"),
                    ]
                ),
                name="%(class)s_state",
            )
        ]

    @staticmethod
    def new_lease() -> str:
        """Return a new lease token: only its holder may change the state of the row."""
        return secrets.token_hex(16)


class Digest(Outbound):
    """The message of one subscriber on one of their due days.

    ``items`` are the chosen papers, in order: ``{"paper": canonical_id, "reason": str,
    "slot": "personal" | "trending" | "pick", "score": float, "part": "new" | "rising"}``.
    ``cards`` are the keys of the snapshots (``FrozenCard``) that the first attempt rendered, with
    a ``-`` for a paper that was missing; ``subject`` is its subject line. Later attempts repeat
    both. ``remark`` says of the choice as a whole what the reader should know: what a search did
    not find, or a catch-up. ``letter`` is the key of the editor's letter (``FrozenLetter``).
    """

    # Every index is written anew with each move of a row: that of the constraint serves this too.
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="digests", db_index=False
    )
    due_on = models.DateField(help_text="The subscriber's own calendar day.")
    due_at = models.DateTimeField()
    subject = models.CharField(max_length=200, blank=True)
    items = models.JSONField(default=list)
    cards = models.TextField(blank=True, default="", db_default="", editable=False)
    remark = models.CharField(max_length=300, blank=True, default="", db_default="")
    letter = models.CharField(max_length=16, blank=True, default="", db_default="", editable=False)

    class Meta:
        ordering = ["-due_at", "-pk"]
        constraints = [
            *Outbound.Meta.constraints,
            models.UniqueConstraint(
                fields=["subscriber", "due_on"], name="one_digest_per_subscriber_and_day"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "next_attempt_at"], name="digest_queue"),
            # On PostgreSQL without the empty ids (migration 0022); SQLite would then not use it.
            models.Index(fields=["provider_id"], name="digest_provider"),
            # For the Message-ID that a person quotes. On PostgreSQL of sent rows alone (migration
            # 0025), which are written once; on SQLite a condition makes every move slower.
            models.Index(fields=["message_id"], name="digest_message"),
            # For the admin's days and the breakers' week.
            models.Index(fields=["due_at"], name="digest_days"),
        ]
        permissions = [("send_digests", "Can send digests and stop and start all mail")]

    def __str__(self) -> str:
        return f"digest of {self.due_on:%Y-%m-%d} ({self.state})"


class FrozenCard(models.Model):
    """A snapshot of a paper as mails show it, so that a later attempt renders the same.

    ``content`` holds the fields of ``newsletter.mail.cards.Card``, ``key`` is a hash of it.
    """

    key = models.CharField(max_length=16, primary_key=True)
    content = models.JSONField()
    created_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return self.key


class FrozenLetter(models.Model):
    """An editor's letter as digests carry it, so that a later attempt renders the same.

    ``key`` is a hash of the Markdown.
    """

    key = models.CharField(max_length=16, primary_key=True)
    markdown = models.TextField()
    created_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return self.key


class Consent(models.Model):
    """One line of the consent log. Lines are added, never changed."""

    class Action(models.TextChoices):
        SIGN_UP = "sign_up", "asked to subscribe"
        CONFIRM = "confirm", "confirmed"
        CHANGE = "change", "changed preferences"
        PAUSE = "pause", "paused"
        RESUME = "resume", "resumed"
        UNSUBSCRIBE = "unsubscribe", "unsubscribed"
        REJECT = "disown", "said it was not them"
        IMPORT = "import", "imported"
        SUPPRESS = "suppress", "was suppressed"
        LIFT = "lift", "suppression was lifted"

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="consents")
    action = models.CharField(max_length=16, choices=Action.choices)
    email_as_typed = models.CharField(max_length=254, blank=True)
    form = models.CharField(max_length=200, blank=True, help_text="Where the action was taken.")
    text_version = models.CharField(max_length=32, blank=True)
    text_hash = models.CharField(max_length=64, blank=True)
    choices = models.JSONField(default=dict, blank=True)
    ip_truncated = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=now, editable=False, db_index=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "consent log"

    def __str__(self) -> str:
        return f"{self.get_action_display()} at {self.at:%Y-%m-%d %H:%M}"


class Notice(Outbound):
    """A transactional mail that answers an action of a person."""

    class Kind(models.TextChoices):
        CONFIRM = "confirm", "please confirm"
        MANAGE = "manage", "your links"
        PRIVACY = "privacy", "your data"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="notices")
    consent = models.ForeignKey(Consent, on_delete=models.CASCADE, null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [*Outbound.Meta.constraints]
        indexes = [models.Index(fields=["state", "next_attempt_at"], name="notice_queue")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.state})"


class DeliveryEvent(models.Model):
    """An event about a message as its provider sent it; it is processed after it is stored.

    ``email_key`` is the recipient's, as in ``Subscriber``. ``digest`` is empty when the message
    was a notice, or none of ours.
    """

    provider = models.CharField(max_length=32)
    event_key = models.CharField(max_length=64, help_text="The provider's id, or a hash.")
    type = models.CharField(max_length=32, help_text="Anymail's event word.")
    recipient = models.CharField(max_length=254, blank=True)
    email_key = models.CharField(
        max_length=254, blank=True, default="", db_default="", editable=False
    )
    provider_id = models.CharField(max_length=200, blank=True, db_index=True)
    digest = models.ForeignKey(
        Digest, on_delete=models.SET_NULL, null=True, blank=True, related_name="events"
    )
    reject_reason = models.CharField(max_length=64, blank=True)
    description = models.TextField(blank=True)
    payload = models.JSONField(default=dict, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(default=now, editable=False, db_index=True)
    processed_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "event_key", "type", "recipient"], name="one_event_once"
            )
        ]
        indexes = [
            models.Index(fields=["email_key"], name="event_address"),
            models.Index(fields=["type", "received_at"], name="event_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} from {self.provider}"


class Suppression(models.Model):
    """An address that gets no mail. An erased one is only its keyed hash."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "hard bounce"
        SOFT_BOUNCES = "soft_bounces", "too many soft bounces"
        COMPLAINT = "complaint", "complaint"
        MANUAL = "manual", "by the operator"
        ERASED = "erased", "erased on request"

    address_hash = models.CharField(max_length=64, unique=True)
    email_key = models.CharField(max_length=254, blank=True, help_text="Empty once erased.")
    reason = models.CharField(max_length=16, choices=Reason.choices)
    detail = models.CharField(
        max_length=500, blank=True, db_default="", help_text="The answer that caused it."
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.email_key or "erased address"


class ListImport(models.Model):
    """A list that was uploaded in the admin: a dry run reads it, then it is taken in if told to.

    The row is the queue entry: a worker that holds its lease reads the file (``ImportPart``) and
    keeps what became of each row (``ImportResults``). ``last_line`` is how far it has come, so
    that another worker goes on after it. ``planned`` and ``counts`` count the results of the dry
    run and of the import.
    """

    class Kind(models.TextChoices):
        SUBSCRIBERS = "subscribers", "subscribers"
        SUPPRESSIONS = "suppressions", "suppressions"

    class State(models.TextChoices):
        CHECKING = "checking", "being checked"
        CHECKED = "checked", "checked, not imported"
        IMPORTING = "importing", "being imported"
        DONE = "done", "imported"
        FAILED = "failed", "cannot be read"

    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SUBSCRIBERS)
    name = models.CharField("file", max_length=200)
    preset = models.CharField(max_length=16, help_text="The service that made it.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.CHECKING)
    problem = models.CharField(max_length=500, blank=True)
    mapping = models.JSONField(default=dict, blank=True, help_text="What each column becomes.")
    unused = models.JSONField(default=list, blank=True, help_text="Columns that are not used.")
    lines = models.PositiveIntegerField(default=0)
    last_line = models.PositiveIntegerField(default=0)
    planned = models.JSONField(default=dict, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    send_confirmations = models.BooleanField(default=False)
    uploaded_by = models.CharField(max_length=150, blank=True)
    started_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=now, editable=False, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "import"
        permissions = [("import_subscribers", "Can import subscribers and suppressions")]

    def __str__(self) -> str:
        return self.name


class ImportPart(models.Model):
    """A part of the bytes of an uploaded file: web servers and workers share no folder."""

    list_import = models.ForeignKey(ListImport, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["list_import", "number"], name="one_part_once")
        ]

    def __str__(self) -> str:
        return f"part {self.number}"


class ImportResults(models.Model):
    """Rows of an import with the same result: ``[line, address, sentence]`` each.

    They are the results number ``first`` to ``last`` of their kind, counted from 0.
    """

    list_import = models.ForeignKey(ListImport, on_delete=models.CASCADE, related_name="results")
    result = models.CharField(max_length=16)
    first = models.PositiveIntegerField()
    last = models.PositiveIntegerField()
    rows = models.JSONField()

    class Meta:
        ordering = ["first"]
        constraints = [
            models.UniqueConstraint(
                fields=["list_import", "result", "first"], name="one_result_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.result} {self.first} to {self.last}"


class Stream(models.Model):
    """The state of a mail stream that can be stopped and started: ``digests`` or ``notices``."""

    name = models.CharField(max_length=32, primary_key=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    hold_until = models.DateTimeField(
        null=True, blank=True, help_text="The provider asked us to wait until then."
    )
    resumed_at = models.DateTimeField(
        null=True, blank=True, help_text="What was before this does not stop it again."
    )
    resume_at = models.DateTimeField(
        null=True, blank=True, help_text="When a paused stream is tried again by itself."
    )
    recent_answers = models.CharField(
        max_length=50,
        blank=True,
        db_default="",
        default="",
        editable=False,
        help_text="How the last messages were answered: see delivery.streams.",
    )
    accepted_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When a message was last accepted, about."
    )

    def __str__(self) -> str:
        return self.name


class RateLimit(models.Model):
    """A counter of tries since its window opened; it is kept here to outlive the broker."""

    name = models.CharField(max_length=32)
    key_hash = models.CharField(max_length=64)
    window_start = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "key_hash"], name="one_counter_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"


class SendRate(models.Model):
    """When the next message of one rate limit may leave, shared by every sender (``send_rate``).

    ``recent`` are the slots of the last second, so that one which was missed may be made up for.
    """

    name = models.CharField(max_length=64, primary_key=True)
    next_at = models.DateTimeField(default=now)
    recent = models.TextField(blank=True, default="", db_default="", editable=False)

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """The last time at which a part of the service reported that it is running.

    ``skew_seconds`` is by how much its host's clock was then ahead of the database's.
    """

    name = models.CharField(max_length=100, primary_key=True)
    at = models.DateTimeField(default=now)
    skew_seconds = models.FloatField(default=0.0, db_default=0.0)

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """The last notification of the operator about one cause: at most one an hour."""

    cause = models.CharField(max_length=100, primary_key=True)
    sentence = models.CharField(max_length=500)
    since = models.DateTimeField(null=True)
    notified_at = models.DateTimeField()

    class Meta:
        ordering = ["-notified_at"]

    def __str__(self) -> str:
        return self.cause


class DailyCount(models.Model):
    """How often something happened on a day (UTC): the admin's plots, the counters of /metrics."""

    day = models.DateField()
    name = models.CharField(max_length=32)
    value = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-day", "name"]
        constraints = [models.UniqueConstraint(fields=["day", "name"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.name} on {self.day}: {self.value}"
