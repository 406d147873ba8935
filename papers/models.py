"""What was published, what was measured about it, and what was shown on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import models
from django.urls import reverse
from django.utils.timezone import now

LETTER_LENGTH: Final = 8000
"""Characters of an editor's letter, which keep a digest far below the size that Gmail clips."""
PICK_LASTS: Final = timedelta(days=7)
"""So long a pick stands on the site and is offered in digests."""


def picked(at: datetime) -> models.Q:
    """Return a condition: the papers that are an editor's pick at a moment."""
    return models.Q(picked_at__gt=at - PICK_LASTS, picked_at__lte=at)


class Source(models.Model):
    """A place that publishes listings, and how the last visit to it went."""

    class Status(models.TextChoices):
        NEVER = "never", "never run"
        OK = "ok", "ok"
        QUIET = "quiet", "quiet"
        SUSPECT = "suspect", "suspect"
        FAILED = "failed", "failed"

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    address = models.CharField(max_length=1000, blank=True, help_text="URL, query or categories.")
    interval_minutes = models.PositiveIntegerField(default=60)
    enabled = models.BooleanField(default=True)
    next_run_at = models.DateTimeField(default=now)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.NEVER, db_index=True
    )
    last_result = models.TextField(blank=True, help_text="The last visit in words.")
    created_count = models.PositiveIntegerField(default=0)
    updated_count = models.PositiveIntegerField(default=0)
    unchanged_count = models.PositiveIntegerField(default=0)
    rejected_count = models.PositiveIntegerField(default=0)
    consecutive_failures = models.PositiveIntegerField(default=0)
    cursor = models.JSONField(default=dict, blank=True)
    etag = models.CharField(max_length=255, blank=True)
    last_modified = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class IngestRun(models.Model):
    """One visit to a source, or one file that was read: what came of it and what was left out.

    ``rejections`` is a list of ``{"record": which one, "reason": sentence}``.
    """

    source = models.ForeignKey(
        Source, on_delete=models.CASCADE, null=True, blank=True, related_name="runs"
    )
    name = models.CharField(max_length=255, help_text="The source, or the file that was read.")
    started_at = models.DateTimeField(default=now, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=16, choices=Source.Status.choices, default=Source.Status.NEVER
    )
    result = models.TextField(blank=True)
    created_count = models.PositiveIntegerField(default=0)
    updated_count = models.PositiveIntegerField(default=0)
    unchanged_count = models.PositiveIntegerField(default=0)
    rejected_count = models.PositiveIntegerField(default=0)
    rejections = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} at {self.started_at:%Y-%m-%d %H:%M}"


class Submission(models.Model):
    """An arXiv id that somebody asked for; it is fetched with the next visit to arXiv."""

    arxiv_id = models.CharField(max_length=64, unique=True)
    submitted_at = models.DateTimeField(default=now)
    fetched_at = models.DateTimeField(null=True, blank=True, db_index=True)
    result = models.TextField(blank=True)

    class Meta:
        ordering = ["-submitted_at", "-pk"]

    def __str__(self) -> str:
        return self.arxiv_id


class Turn(models.Model):
    """A lock with a pace that all workers share: who acts now, and when the next one may."""

    name = models.CharField(max_length=64, unique=True)
    holder = models.CharField(max_length=64, blank=True)
    held_until = models.DateTimeField(default=now)
    next_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = "host lock"

    def __str__(self) -> str:
        return self.name


class PaperQuerySet(models.QuerySet["Paper"]):
    """Queries of papers."""

    def known_as(self, ids: Iterable[str]) -> PaperQuerySet:
        """Return the papers with these ids, present or former.

        References in the database have present ids; only links and files that left the site
        long ago can have former ones.
        """
        wanted = set(ids)
        # Not one condition with OR: most papers have no former id, and SQLite would read them all.
        present = Paper.objects.filter(canonical_id__in=wanted).order_by()
        former = Paper.objects.filter(former_id__in=wanted).order_by()
        return self.filter(pk__in=present.values("pk").union(former.values("pk")))

    def resolve_ids(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the present id by each of these ids, present or former, that is known."""
        wanted = set(ids)
        found = self.known_as(wanted).values_list("canonical_id", "former_id")
        return {known: pair[0] for pair in found for known in pair if known in wanted}


class Paper(models.Model):
    """One paper, whatever its versions, sources and cross-lists.

    ``canonical_id`` is the public id: the arXiv id without its version (``2503.01234``,
    ``hep-th/9901001``) or, for a paper without one, ``t-`` and a hash of its title. A paper
    that later turns out to have an arXiv id keeps the old one in ``former_id``. ``authority``
    says how far the source of its texts is to be trusted (``papers.sources.Kind``).
    ``raw_title`` and ``raw_abstract`` are the texts before cleaning, empty in rows that are older
    than these fields; ``papers.ingest.recleaning`` cleans them again when the cleaning changes.
    ``summary`` is derived from the other texts by ``papers.ingest.summaries``.
    """

    class SummarySource(models.TextChoices):
        EDITOR = "editor", "the editor"
        HUGGING_FACE = "huggingface", "Hugging Face"
        ABSTRACT = "abstract", "the abstract"

    canonical_id = models.CharField(max_length=64, unique=True)
    former_id = models.CharField(max_length=64, blank=True)
    title_key = models.CharField(max_length=64)
    version = models.PositiveSmallIntegerField(default=1)
    title = models.CharField(max_length=1000)
    abstract = models.TextField(blank=True)
    raw_title = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="As its source has it."
    )
    raw_abstract = models.TextField(blank=True, default="", db_default="", editable=False)
    cleaned_with = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="The version of the cleaning of title and abstract.",
    )
    authors = models.JSONField(default=list, blank=True)
    categories = models.JSONField(default=list, blank=True)
    primary_category = models.CharField(max_length=32, blank=True)
    keywords = models.JSONField(default=list, blank=True)
    published_at = models.DateTimeField(null=True, blank=True, help_text="First submission.")
    revised_at = models.DateTimeField(null=True, blank=True, help_text="This version.")
    announced_at = models.DateTimeField(db_index=True, help_text="First listed anywhere.")
    first_seen_at = models.DateTimeField(default=now, editable=False, db_index=True)
    comment = models.TextField(blank=True)
    journal_ref = models.CharField(max_length=1000, blank=True)
    doi = models.CharField(max_length=255, blank=True)
    license = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=500, blank=True)
    pdf_url = models.URLField(max_length=500, blank=True)
    code_url = models.URLField(max_length=500, blank=True)
    mentions = models.JSONField(
        default=list, blank=True, help_text="arXiv ids that the abstract names."
    )
    authority = models.PositiveSmallIntegerField(default=0, editable=False)
    withdrawn = models.BooleanField(default=False)
    hidden = models.BooleanField(
        default=False,
        help_text="Neither on the site nor in mail that is yet to leave.",
    )
    picked_at = models.DateTimeField(
        null=True, blank=True, help_text="Chosen by the editor, for a week from then."
    )
    editor_note = models.TextField(blank=True, help_text="Shown beside the editor's pick.")
    former_picks = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        editable=False,
        help_text="Picks that others followed, oldest first: when (at) and the note of each.",
    )
    editor_summary = models.CharField(
        "your own sentence",
        max_length=600,
        blank=True,
        default="",
        db_default="",
        help_text="What the paper does, in one sentence; shown instead of the chosen one.",
    )
    source_summary = models.TextField(
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="By Hugging Face, in one sentence.",
    )
    summary = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="Shown under the title."
    )
    summary_source = models.CharField(
        max_length=16, blank=True, default="", db_default="", editable=False, choices=SummarySource
    )
    summary_version = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Of the rules that chose the summary."
    )
    trending = models.FloatField(default=0.0, db_index=True)
    trending_parts = models.JSONField(default=dict, blank=True)

    objects = PaperQuerySet.as_manager()

    class Meta:
        ordering = ["-trending", "-announced_at", "canonical_id"]
        # Not db_index: on PostgreSQL that makes a second index for LIKE, which nothing asks for.
        indexes = [
            models.Index(fields=["former_id"], name="paper_former_id"),
            models.Index(fields=["title_key"], name="paper_title_key"),
            models.Index(
                fields=["picked_at"],
                name="paper_picks",
                condition=models.Q(picked_at__isnull=False),
            ),
            models.Index(fields=["primary_category"], name="paper_primary_category"),
            models.Index(fields=["doi"], name="paper_doi"),
            models.Index(fields=["cleaned_with"], name="paper_cleaned_with"),
            models.Index(fields=["summary_version"], name="paper_summary_version"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the path of the paper's page."""
        return reverse("paper", args=[self.canonical_id])

    def similar_papers(self) -> list[Paper]:
        """Return the stored papers most like this one, nearest first, without hidden ones."""
        stored = SimilarPapers.objects.filter(paper=self).values_list("similar", flat=True).first()
        found = Paper.objects.filter(hidden=False, withdrawn=False).in_bulk(stored or [])
        return [found[key] for key in stored or [] if key in found]

    def is_picked(self, at: datetime) -> bool:
        """Whether the editor's pick is in force at a moment."""
        return self.picked_at is not None and at - PICK_LASTS < self.picked_at <= at

    def keep_ended_pick(self, at: datetime) -> None:
        """Add the pick to the former ones if it has ended, before another takes its place."""
        if self.picked_at is not None and self.picked_at <= at - PICK_LASTS:
            ended = {"at": self.picked_at.isoformat(), "note": self.editor_note}
            self.former_picks = [*self.former_picks, ended]

    def ended_picks(self, at: datetime) -> list[tuple[datetime, str]]:
        """Return when the editor picked the paper before, latest first, each with its note."""
        picks = [(datetime.fromisoformat(one["at"]), one["note"]) for one in self.former_picks]
        if self.picked_at is not None and self.picked_at <= at - PICK_LASTS:
            picks.append((self.picked_at, self.editor_note))
        return picks[::-1]


class SimilarPapers(models.Model):
    """The papers most like one, nearest first, by their primary keys (``recommend.related``)."""

    paper = models.OneToOneField(Paper, on_delete=models.CASCADE, related_name="similar")
    similar = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{len(self.similar)} papers like paper {self.paper_id}"


class Embedding(models.Model):
    """The sentence vector of a paper, float16 bytes (``papers.recommend.encoder``)."""

    paper = models.OneToOneField(Paper, on_delete=models.CASCADE, related_name="embedding")
    text_key = models.CharField(max_length=32, help_text="Of the model and the text.")
    values = models.BinaryField()

    def __str__(self) -> str:
        return f"Embedding of paper {self.paper_id}"


class Signal(models.Model):
    """One measurement of one paper at one time: a running total as its source reported it."""

    class Name(models.TextChoices):
        UPVOTES = "upvotes", "upvotes"
        COMMENTS = "comments", "comments"
        STARS = "stars", "repository stars"
        CITATIONS = "citations", "citations"
        LIKES = "likes", "likes of subscribers"

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="signals")
    source = models.CharField(max_length=64)
    name = models.CharField(max_length=16, choices=Name.choices)
    value = models.FloatField()
    observed_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["paper", "source", "name", "observed_at"], name="one_value_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value:g}"


class Edition(models.Model):
    """What was trending on a day, frozen as it was shown.

    ``entries`` is a list of ``{"paper": canonical_id, "score": float, "parts": {...},
    "reason": str}`` in the order shown. ``news_day`` is the newest day on which one of them was
    announced, ``news`` has the primary keys of those announced on it, in the same order, and
    ``news_count`` says how many papers that day brought, listed or not. ``letter`` is the editor's,
    in Markdown, ``letter_at`` when it was first saved.
    """

    day = models.DateField(unique=True)
    entries = models.JSONField(default=list)
    news_day = models.DateField(null=True, editable=False)
    news = models.JSONField(null=True, editable=False)
    news_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    letter = models.TextField(
        blank=True,
        default="",
        db_default="",
        max_length=LETTER_LENGTH,
        help_text="To the readers, in Markdown: above the papers of this day's page, and of "
        "everybody's first digest after it was written.",
    )
    letter_at = models.DateTimeField(null=True, blank=True, editable=False)
    formula_version = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return self.day.isoformat()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with the time at which the first letter was."""
        if self.letter.strip() and self.letter_at is None:
            self.letter_at = now()
            if kwargs.get("update_fields"):
                kwargs["update_fields"] = {*kwargs["update_fields"], "letter_at"}
        super().save(*args, **kwargs)


class RankedList(models.Model):
    """The papers of one field in one period, best first (``papers.trending.lists``).

    ``field`` is an arXiv category, an archive, or empty for all fields. ``entries`` is a list of
    ``{"paper": primary key, "score": float, "reason": str}``; ``count`` says how many papers the
    period has, listed or not.
    """

    class Period(models.TextChoices):
        DAY = "day", "day"
        WEEK = "week", "week"
        MONTH = "month", "month"

    period = models.CharField(max_length=8, choices=Period.choices)
    field = models.CharField(max_length=32, blank=True)
    start = models.DateField(help_text="The first day of the period.")
    entries = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["period", "field", "start"], name="one_list_a_period")
        ]

    def __str__(self) -> str:
        return f"{self.period} of {self.start.isoformat()} in {self.field or 'all fields'}"
