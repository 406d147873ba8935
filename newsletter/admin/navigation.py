"""The admin's side bar: rooms in the order in which an operator walks through them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from newsletter import models as post
from papers import models as library
from papers.admin.base import url_of_list

ROOMS: tuple[tuple[str, tuple[tuple[str, type[Model]], ...]], ...] = (
    (
        "Papers",
        (
            ("article", library.Paper),
            ("newspaper", library.Edition),
            ("rss_feed", library.Source),
            ("sync", library.IngestRun),
            ("note_add", library.Submission),
            ("show_chart", library.Signal),
        ),
    ),
    (
        "People",
        (
            ("group", post.Subscriber),
            ("fact_check", post.Consent),
            ("block", post.Suppression),
        ),
    ),
    (
        "Post",
        (
            ("outgoing_mail", post.Digest),
            ("mark_email_read", post.Notice),
            ("mark_email_unread", post.DeliveryEvent),
            ("pause_circle", post.Stream),
        ),
    ),
    (
        "House",
        (
            ("favorite", post.Heartbeat),
            ("speed", post.RateLimit),
            ("front_hand", library.Turn),
            ("history", LogEntry),
            ("badge", User),
            ("key", Group),
            ("phonelink_lock", TOTPDevice),
        ),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's navigation with the rooms that this person may enter."""
    today = {"title": "Today", "icon": "today", "link": reverse("admin:index")}
    rooms = [
        {
            "title": title,
            "separator": True,
            "items": [_door(icon, model) for icon, model in doors if _may_view(request, model)],
        }
        for title, doors in ROOMS
    ]
    return [{"items": [today]}, *(room for room in rooms if room["items"])]


def _door(icon: str, model: type[Model]) -> dict[str, str]:
    title = str(model._meta.verbose_name_plural).capitalize()
    return {"title": title, "icon": icon, "link": url_of_list(model)}


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    app, name = model._meta.app_label, model._meta.model_name
    return request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(
        f"{app}.change_{name}"
    )
