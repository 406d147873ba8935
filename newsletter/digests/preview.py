"""The digest of choices that nobody has stored yet, from papers that the process keeps ready."""

from __future__ import annotations

import copy
import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Max
from django.utils.timezone import now

from newsletter.digests.assembly import request_for
from newsletter.digests.run_papers import RunPapers
from newsletter.models import Interest, Subscriber
from newsletter.subscriptions.preferences import RATED_KINDS, Choices
from papers.models import Paper, RankedList
from papers.recommend import diversify, loader, rates
from papers.recommend import driving_words as words
from papers.recommend.diversify import Pick
from papers.recommend.driving_words import DrivingWord
from papers.recommend.profile import Profile
from papers.recommend.rates import WeeklyRates
from papers.text.author_names import name_parts

log = logging.getLogger(__name__)

SHOWN: Final = 5
DIGEST_SIZE: Final = 10
"""The first papers of a digest of the usual size are shown."""
SAMPLE_SIZE: Final = 12
FRESH_SECONDS: Final = 60.0
"""Papers are read anew at most this often, and only if something changed."""
READ_AT_ONCE: Final = 500
"""Papers that are read within a request."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """The papers of one state of the catalogue, and when they were read (monotonic seconds)."""

    papers: RunPapers
    state: tuple[Any, ...]
    read_at: float


_kept: _Kept | None = None
_lock = threading.Lock()


class Preview:
    """What choices would give, from the kept papers and those that the choices name."""

    def __init__(self, choices: Choices) -> None:
        """Compare the liked papers with the candidates; one of any age counts as that paper."""
        self._library = kept_papers().as_of(now())
        index = self._library.index
        self._profile = profile_of(choices)
        named = {*self._profile.likes, *self._profile.dislikes} - index.rows.keys()
        self._index = index.with_liked(loader.liked_documents(named, self._library.at))
        self._library.index = self._index
        self._index.prepare([self._profile])

    def picks(self) -> list[Pick]:
        """Return the papers with which the first digest begins."""
        return diversify.compose(self._index, self._profile, DIGEST_SIZE)[:SHOWN]

    def picks_for(self, person: Subscriber) -> list[Pick]:
        """Return the papers with which the next digest of a subscriber begins."""
        return request_for(person, self._profile, self._library).picks(self._index)[:SHOWN]

    def weekly_rates(self) -> WeeklyRates:
        """Return how many papers a week each of the choices brings."""
        return rates.weekly_rates(self._index, self._profile)

    def author_names(self) -> set[str]:
        """Return the subjects that are full names of authors of recent papers."""
        named = (text for text in self._profile.texts if len(name_parts(text)) > 1)
        return {text for text in named if self._index.written_by(text)}

    def driving_words(self) -> list[DrivingWord]:
        """Return the words of the liked papers that decide most which papers fit."""
        return words.driving_words(self._index, self._profile)


def sample() -> list[Pick]:
    """Return varied trending papers for a visitor to tick what they would read."""
    return diversify.compose(kept_papers().index, Profile(), SAMPLE_SIZE)


def profile_of(choices: Choices) -> Profile:
    """Return the profile of choices that are new."""
    return Profile(
        topics=choices.get("topics", []),
        texts=choices.get("interests", []),
        likes=choices.get("likes", []),
        dislikes=choices.get("dislikes", []),
        authors=choices.get("authors", []),
        muted=choices.get("muted", []),
        names=choices.get("names", []),
        ignored=choices.get("ignored", []),
        half_life=settings.LIKE_HALF_LIFE_DAYS,
    )


def kept_papers() -> RunPapers:
    """Return the kept papers; read them now if there are none, in the background if outdated."""
    global _kept  # noqa: PLW0603 - one value for the process
    kept = _kept
    if kept is None:
        with _lock:
            kept = _kept = _kept or _read()
    elif time.monotonic() - kept.read_at > FRESH_SECONDS and kept.state != _state():
        threading.Thread(target=_renew, args=(kept,), daemon=True, name="preview papers").start()
    return kept.papers


def papers_of(person: Subscriber, at: datetime) -> RunPapers:
    """Return the papers from which this subscriber's digest is chosen at a moment.

    They are the kept ones, unless the subscriber rated a paper that these do not hold.
    """
    kept = kept_papers()
    rated = Interest.objects.filter(subscriber=person, kind__in=RATED_KINDS)
    if any(paper not in kept.index.rows for paper in rated.values_list("value", flat=True)):
        return RunPapers(at, Subscriber.objects.filter(pk=person.pk))
    papers = copy.copy(kept)
    papers.at = at
    return papers


def are_ready() -> bool:
    """Return whether the papers are there without a wait; if not, read them in the background.

    The papers of a small catalogue are read at once.
    """
    if _kept is not None or Paper.objects.count() <= READ_AT_ONCE:
        return True
    read_ahead()
    return False


def read_ahead() -> None:
    """Read the papers in the background, so that no visitor waits for them."""
    threading.Thread(target=_renew, args=(None,), daemon=True, name="preview papers").start()


def _renew(outdated: _Kept | None) -> None:
    global _kept  # noqa: PLW0603 - one value for the process
    if not _lock.acquire(blocking=False):
        return
    try:
        if _kept is outdated:
            _kept = _read()
    except Exception:
        log.exception("The papers of previews could not be read anew.")
    finally:
        _lock.release()
        close_old_connections()


def _read() -> _Kept:
    state = _state()
    papers = RunPapers(now(), Subscriber.objects.none())
    # What the index computes on the first use, no visitor waits for.
    diversify.compose(papers.index, Profile(authors=["Nobody"]), SAMPLE_SIZE)
    return _Kept(papers, state, time.monotonic())


def _state() -> tuple[Any, ...]:
    """Return what changes whenever papers come or their scores change."""
    newest = Paper.objects.aggregate(Max("pk"))["pk__max"]
    scored = RankedList.objects.aggregate(Max("updated_at"))["updated_at__max"]
    hidden = Paper.objects.filter(hidden=True).count()
    return newest, scored, hidden


def forget() -> None:
    """Drop the kept papers, for tests."""
    global _kept  # noqa: PLW0603 - one value for the process
    _kept = None
