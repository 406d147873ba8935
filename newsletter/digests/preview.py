"""The digest of choices that nobody has stored yet, from papers that the process keeps ready."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Max
from django.utils.timezone import now

from newsletter.digests.assembly import request_for
from newsletter.digests.run_papers import RunPapers
from newsletter.models import Subscriber
from newsletter.subscriptions.preferences import Choices
from papers.models import Paper, RankedList
from papers.recommend import diversify, rates
from papers.recommend import driving_words as words
from papers.recommend.diversify import Pick
from papers.recommend.driving_words import DrivingWord
from papers.recommend.profile import Profile
from papers.recommend.rates import WeeklyRates

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


def choose(choices: Choices) -> list[Pick]:
    """Return the papers with which the first digest of these choices begins.

    A liked paper that is older than the candidates counts as a search for its title.
    """
    index = kept_papers().index
    profile = profile_of(choices, known=index.rows)
    index.prepare([profile])
    return diversify.compose(index, profile, DIGEST_SIZE)[:SHOWN]


def choose_for(person: Subscriber, choices: Choices) -> list[Pick]:
    """Return the papers with which the next digest of a subscriber would begin.

    Args:
        person: Whose sent papers are left out.
        choices: What is, or would be, stored.
    """
    library = kept_papers().as_of(now())
    profile = profile_of(choices, known=library.index.rows)
    library.index.prepare([profile])
    return request_for(person, profile, library).picks(library.index)[:SHOWN]


def weekly_rates(choices: Choices) -> WeeklyRates:
    """Return how many papers a week each of the choices brings."""
    index = kept_papers().index
    return rates.weekly_rates(index, profile_of(choices, known=index.rows))


def driving_words(choices: Choices) -> list[DrivingWord]:
    """Return the words of the liked papers that decide most which papers fit."""
    index = kept_papers().index
    return words.driving_words(index, profile_of(choices, known=index.rows))


def sample() -> list[Pick]:
    """Return varied trending papers for a visitor to tick what they would read."""
    return diversify.compose(kept_papers().index, Profile(), SAMPLE_SIZE)


def profile_of(choices: Choices, known: dict[str, int]) -> Profile:
    """Return the profile of choices; ``known`` are the papers that the index holds."""
    likes = choices.get("likes", [])
    old = Paper.objects.filter(canonical_id__in=[paper for paper in likes if paper not in known])
    return Profile(
        topics=choices.get("topics", []),
        texts=[*choices.get("interests", []), *old.values_list("title", flat=True)],
        likes=[paper for paper in likes if paper in known],
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


def are_ready() -> bool:
    """Return whether the papers are there without a wait; if not, read them in the background.

    The papers of a small catalogue are read at once.
    """
    if _kept is not None or Paper.objects.count() <= READ_AT_ONCE:
        return True
    threading.Thread(target=_renew, args=(None,), daemon=True, name="preview papers").start()
    return False


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
