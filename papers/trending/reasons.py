"""Why a paper trends, in words: from the parts of its score to a sentence and to a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from papers.trending.score import AGREEMENT, PICK_SPEAKS

NOUNS: Final = {
    "upvotes": ("upvote", "upvotes"),
    "comments": ("comment", "comments"),
    "stars": ("repository star", "repository stars"),
    "citations": ("citation", "citations"),
    "likes": ("like by a subscriber", "likes by subscribers"),
}
NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def reason(parts: dict[str, Any]) -> str:
    """Why a paper trends, in words, from the parts of its score; empty when nothing is known."""
    gains = _believed(parts)
    if parts.get("pick") and _lifted_by_pick(parts, gains):
        return "the editor's pick"
    if gains:
        shown = gains[: 2 if parts.get("agreed") else 1]
        return "trending: " + ", ".join(_gained(gain) for gain in shown)
    if parts.get("announced"):
        day = date.fromisoformat(parts["announced"])
        return f"new in the listing of {day.day} {day:%B}"
    return ""


def has_grown(parts: dict[str, Any]) -> bool:
    """Whether anything that is believed was added to the paper lately."""
    return bool(_believed(parts))


def _believed(parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [gain for gain in parts.get("gains", ()) if not gain.get("doubted")]


def _lifted_by_pick(parts: dict[str, Any], gains: Sequence[dict[str, Any]]) -> bool:
    """Whether the pick gives more than anything else, or a place that growth does not give."""
    gained = sum(gain["worth"] for gain in gains) - parts.get("cut", 0)
    spoken_for = parts["pick"] >= PICK_SPEAKS and not parts.get("agreed")
    most: bool = parts["pick"] > max(gained, parts.get("start", 0))
    return most or bool(parts.get("lifted") and spoken_for)


def explain(parts: dict[str, Any]) -> list[tuple[str, str]]:
    """The parts of a score as rows of a table: what, and what it gives.

    Amounts are days of an ordinary paper; factors are written with a multiplication sign.
    Empty for a paper that is not ranked.
    """
    if "start" not in parts:
        return []
    rows = [
        (_gained(gain), "not believed" if gain.get("doubted") else f"{gain['worth']:.2f}")
        for gain in parts["gains"]
    ]
    if parts.get("cut", 0) >= 0.005:
        rows.append(("The more a source gives, the less it adds", f"−{parts['cut']:.2f}"))
    if parts.get("pick"):
        rows.append(("The editor’s pick", f"{parts['pick']:.2f}"))
    rows.append(
        (
            f"New, with {parts['expected']:.1f} times the usual votes expected",
            f"{parts['start']:.2f}",
        )
    )
    if parts.get("agreed"):
        rows.append(("Two sources agree", f"×{AGREEMENT}"))
    if parts["room"] < 1:
        rows.append(("Better papers in its field", f"×{parts['room']:.2f}"))
    if parts.get("lifted"):
        rows.append(("Lifted onto the first three places", ""))
    if parts.get("unconfirmed"):
        rows.append(("First for want of papers that two sources or the editor speak for", ""))
    return rows


def _gained(gain: dict[str, Any]) -> str:
    noun = NOUNS[gain["name"]][gain["gain"] != 1]
    return f"+{gain['gain']:,.10g} {noun} in {_duration(gain['days'])}"


def _duration(days: float) -> str:
    """A span as people say it: ``an hour``, ``seven hours``, ``a day``, ``12 days``."""
    count, unit, one = (round(days), "days", "a day")
    if days < 0.9:
        count, unit, one = max(1, round(days * 24)), "hours", "an hour"
    if count == 1:
        return one
    return f"{NUMBERS[count] if count < len(NUMBERS) else count} {unit}"
