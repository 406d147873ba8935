"""The parts of a trending score in words: one sentence, or the rows of a table."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from papers.trending.score import AGREEMENT, LEAST_WEIGHT

NOUNS: Final = {
    "upvotes": ("upvote", "upvotes"),
    "comments": ("comment", "comments"),
    "stars": ("repository star", "repository stars"),
    "citations": ("citation", "citations"),
    "likes": ("like by a subscriber", "likes by subscribers"),
}
VOTED_ON: Final = {"hf-daily": "Hugging Face"}
"""Where people vote, by the kind of the source that counts the votes."""
FACTS: Final = {
    "accepted": "Accepted somewhere, says the authors’ comment",
    "known_authors": "An author led an earlier day with another paper",
    "code": "A repository with code",
}
PICKED: Final = "the editor’s pick"
PICK_REASONS: Final = (PICKED, "the editor's pick")
"""With the spelling that editions stored before."""
NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def reason(parts: dict[str, Any]) -> str:
    """Return in words why a paper trends, or an empty string when nothing is known."""
    gains = parts.get("gains", ())
    if parts.get("pick", 0) > _by_votes(parts):
        return PICKED
    if gains:
        shown = gains[: 2 if parts.get("agreed") else 1]
        return "trending: " + ", ".join(_gained(gain) for gain in shown)
    if parts.get("announced"):
        day = date.fromisoformat(parts["announced"])
        return f"new in the listing of {day.day} {day:%B}"
    return ""


def evidence(parts: dict[str, Any]) -> str:
    """Return what was last gained, for a sentence that names a field; empty without a gain.

    Votes are written with a sign and the place where people voted: ``▲ 36 on Hugging Face in
    three days``.
    """
    for gain in parts.get("gains", ())[:1]:
        place = VOTED_ON.get(gain.get("source", ""))
        if gain["name"] != "upvotes" or not place:
            return _gained(gain)
        found = f"▲ {gain['gain']:,.10g} on {place} in {_duration(gain['days'])}"
        return found + _counted(gain)
    return ""


def has_grown(parts: dict[str, Any]) -> bool:
    """Return whether anything that counts was added to the paper lately."""
    return bool(parts.get("gains"))


def is_unconfirmed(parts: dict[str, Any]) -> bool:
    """Return whether a ranked paper has neither two sources nor an editor that speak for it."""
    return bool(parts) and not (parts.get("agreed") or parts.get("pick"))


def explain(parts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the parts of a score as rows of a table: name and amount.

    Amounts are votes; factors are written with a multiplication or a division sign. Empty for a
    paper that is not ranked, and for parts of an older formula.
    """
    if "attention" not in parts:
        return []
    new, evidence = parts.get("new", 0.0), parts.get("evidence", 0.0)
    by_votes = _by_votes(parts) >= LEAST_WEIGHT * (new + evidence)
    rows = [(_gained(gain), _amount(gain, by_votes)) for gain in parts["gains"]]
    if by_votes and parts.get("agreed"):
        rows.append(("Two sources agree", f"×{AGREEMENT}"))
    rows.append(("Start of a new paper, fading with the days", f"{new:.2f}"))
    if by_votes:
        rows.append(("What a vote weighs: authors, days waited", f"×{parts['vote_weight']:.2f}"))
    else:
        rows += [(name, "") for fact, name in FACTS.items() if parts.get(fact)]
        rows.append(("Evidence without votes", f"{evidence:.2f}"))
        rows.append(("Weight of a paper without votes", f"×{LEAST_WEIGHT:.2f}"))
    if parts["attention"] < 1:
        rows.append(("Share of a first day’s attention so far", f"÷{parts['attention']:.2f}"))
    if parts.get("pick"):
        rows.append(("The editor’s pick", f"{parts['pick']:.2f}"))
    return rows


def _by_votes(parts: dict[str, Any]) -> float:
    """Return the term of the score that comes from votes, before the share of attention."""
    factor = AGREEMENT if parts.get("agreed") else 1.0
    votes: float = parts.get("new", 0.0) + factor * parts.get("votes", 0.0)
    weight: float = parts.get("vote_weight", 0.0)
    return weight * votes


def _amount(gain: dict[str, Any], by_votes: bool) -> str:
    """Return what is left of a gain after fading; other gains than votes have no amount."""
    if gain["name"] == "upvotes":
        return f"{gain['weight']:.2f}"
    return "not counted beside votes" if by_votes else ""


def _gained(gain: dict[str, Any]) -> str:
    noun = NOUNS[gain["name"]][gain["gain"] != 1]
    if gain["name"] == "upvotes" and (place := VOTED_ON.get(gain.get("source", ""))):
        noun += f" on {place}"
    gained = f"+{gain['gain']:,.10g} {noun} in {_duration(gain['days'])}"
    return gained + _counted(gain)


def _counted(gain: dict[str, Any]) -> str:
    """Return how many of the votes count; empty where all of them do."""
    counted = round(gain.get("counted", gain["gain"]))
    return f", {counted:,} of them counted" if counted < gain["gain"] else ""


def _duration(days: float) -> str:
    """Return a duration in words: ``an hour``, ``seven hours``, ``a day``, ``12 days``."""
    count, unit, one = (round(days), "days", "a day")
    if days < 0.9:
        count, unit, one = max(1, round(days * 24)), "hours", "an hour"
    if count == 1:
        return one
    return f"{NUMBERS[count] if count < len(NUMBERS) else count} {unit}"
