"""One person's story: everything that was agreed, sent, reported and rated, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime

from newsletter.models import (
    Consent,
    DeliveryEvent,
    Digest,
    Interest,
    Notice,
    Subscriber,
    Suppression,
)
from papers.admin.base import counted, link, url_of
from papers.models import Paper

ROWS_OF_A_KIND: Final = 50
ROWS_SHOWN: Final = 120
RATINGS: Final = (Interest.Kind.LIKE, Interest.Kind.DISLIKE)


@dataclass(frozen=True)
class StoryEvent:
    """One event: when it was, what it was (escaped HTML) and the details (escaped HTML)."""

    at: datetime
    title: str
    detail: str = ""


def story(person: Subscriber, banned: Iterable[Suppression]) -> str:
    """Return the events of a person as a table, newest first; ``banned`` are their suppressions."""
    standing = list(banned)
    events = [
        *_consents(person, suppressed=bool(standing)),
        *_digests(person),
        *_notices(person),
        *_events(person),
        *_ratings(person),
        *_suppressions(standing),
    ]
    events.sort(key=lambda event: event.at, reverse=True)
    rows = format_html_join(
        "",
        '<tr><td class="whitespace-nowrap">{}</td><td>{}</td><td>{}</td></tr>',
        (
            (date_format(localtime(event.at), "DATETIME_FORMAT"), event.title, event.detail)
            for event in events[:ROWS_SHOWN]
        ),
    )
    return format_html('<table class="plain-table story"><tbody>{}</tbody></table>', rows)


def _consents(person: Subscriber, *, suppressed: bool) -> Iterator[StoryEvent]:
    for consent in Consent.objects.filter(subscriber=person)[:ROWS_OF_A_KIND]:
        if suppressed and consent.action == Consent.Action.SUPPRESS:
            suppressed = False  # The suppression itself says the same, with its reason.
            continue
        words = consent.get_action_display().capitalize()
        text = f"text {consent.text_version}" if consent.text_version else ""
        choices = ", ".join(
            f"{key}: {_shown(key, value)}" for key, value in consent.choices.items() if value
        )
        details = "; ".join(filter(None, (consent.form, text, choices)))
        yield StoryEvent(consent.at, link(url_of(consent), words), format_html("{}", details))


def _shown(key: str, value: object) -> object:
    """Return a choice as people read it: lists, and ends of pauses, which are in ISO 8601."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if key != "until" or not isinstance(value, str):
        return value
    return date_format(localtime(datetime.fromisoformat(value)), "DATETIME_FORMAT")


def _digests(person: Subscriber) -> Iterator[StoryEvent]:
    for digest in Digest.objects.filter(subscriber=person)[:ROWS_OF_A_KIND]:
        title = link(url_of(digest), f"Digest {digest.get_state_display()}")
        details = format_html("{} {}", digest.reason, _papers(digest))
        yield StoryEvent(digest.sent_at or digest.due_at, title, details)


def _papers(digest: Digest) -> str:
    """Return the papers of a digest, each with its reason, folded under their number."""
    if not digest.items:
        return "no papers"
    chosen = ((item["paper"], item.get("reason", "")) for item in digest.items)
    return format_html(
        "<details><summary>{}</summary><ol>{}</ol></details>",
        counted(Paper, len(digest.items)),
        format_html_join("", "<li>{} {}</li>", chosen),
    )


def _notices(person: Subscriber) -> Iterator[StoryEvent]:
    for notice in Notice.objects.filter(subscriber=person)[:ROWS_OF_A_KIND]:
        words = f"Notice “{notice.get_kind_display()}” {notice.get_state_display()}"
        title = link(url_of(notice), words)
        yield StoryEvent(
            notice.sent_at or notice.created_at, title, format_html("{}", notice.reason)
        )


def _events(person: Subscriber) -> Iterator[StoryEvent]:
    events = DeliveryEvent.objects.filter(email_key=person.email_key)
    for event in events[:ROWS_OF_A_KIND]:
        details = " ".join(filter(None, (event.reject_reason, event.description)))
        title = link(url_of(event), f"{event.provider} reported {event.type}")
        yield StoryEvent(event.occurred_at, title, format_html("{}", details))


def _ratings(person: Subscriber) -> Iterator[StoryEvent]:
    ratings = Interest.objects.filter(subscriber=person, kind__in=RATINGS).order_by("-pk")
    for rating in ratings[:ROWS_OF_A_KIND]:
        words = "Liked" if rating.kind == Interest.Kind.LIKE else "Disliked"
        yield StoryEvent(rating.created_at, words, format_html("{}", rating.value))


def _suppressions(banned: Iterable[Suppression]) -> Iterator[StoryEvent]:
    for row in banned:
        title = link(url_of(row), f"Suppressed: {row.get_reason_display()}")
        yield StoryEvent(row.created_at, title, format_html("{}", row.detail))
