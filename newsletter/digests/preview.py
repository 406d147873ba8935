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

from newsletter.digests.assembly import RunPapers
from newsletter.models import Subscriber
from newsletter.subscriptions.preferences import Choices
from papers.models import Paper, RankedList
from papers.recommend import diversify
from papers.recommend.diversify import Pick
from papers.recommend.profile import Profile

log = logging.getLogger(__name__)

SHOWN: Final = 5
DIGEST_SIZE: Final = 10
"""The first papers of a digest of the usual size are shown."""
SAMPLE_SIZE: Final = 12
FRESH_SECONDS: Final = 60.0
"""Papers are read anew at most this often, and only if something changed."""


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
    index = _papers().index
    profile = profile_of(choices, known=index.rows)
    index.prepare([profile])
    return diversify.compose(index, profile, DIGEST_SIZE)[:SHOWN]


def sample() -> list[Pick]:
    """Return varied trending papers for a visitor to tick what they would read."""
    return diversify.compose(_papers().index, Profile(), SAMPLE_SIZE)


def profile_of(choices: Choices, known: dict[str, int]) -> Profile:
    """Return the profile of choices; ``known`` are the papers that the index holds."""
    likes = choices.get("likes", [])
    old = Paper.objects.filter(canonical_id__in=[paper for paper in likes if paper not in known])
    return Profile(
        topics=choices.get("topics", []),
        texts=[*choices.get("interests", []), *old.values_list("title", flat=True)],
        likes=[paper for paper in likes if paper in known],
        authors=choices.get("authors", []),
        muted=choices.get("muted", []),
        half_life=settings.LIKE_HALF_LIFE_DAYS,
    )


def _papers() -> RunPapers:
    """Return the kept papers; read them now if there are none, in the background if outdated."""
    global _kept  # noqa: PLW0603 - one value for the process
    kept = _kept
    if kept is None:
        with _lock:
            kept = _kept = _kept or _read()
    elif time.monotonic() - kept.read_at > FRESH_SECONDS and kept.state != _state():
        threading.Thread(target=_renew, args=(kept,), daemon=True, name="preview papers").start()
    return kept.papers


def _renew(outdated: _Kept) -> None:
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
