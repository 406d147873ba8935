"""The admin's side bar: its sections and their lists."""

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

MenuItem = tuple[str, str, type[Model]]
SECTIONS: tuple[tuple[str, tuple[MenuItem, ...]], ...] = (
    (
        "Papers",
        (
            ("article", "Papers", library.Paper),
            ("newspaper", "Editions", library.Edition),
            ("rss_feed", "Sources", library.Source),
            ("sync", "Source runs", library.IngestRun),
            ("note_add", "Requested papers", library.Submission),
            ("show_chart", "Signals", library.Signal),
        ),
    ),
    (
        "People",
        (
            ("group", "Subscribers", post.Subscriber),
            ("fact_check", "Consent log", post.Consent),
            ("block", "Suppressions", post.Suppression),
            ("upload_file", "Imports", post.ListImport),
        ),
    ),
    (
        "Delivery",
        (
            ("outgoing_mail", "Digests", post.Digest),
            ("mark_email_read", "Notices", post.Notice),
            ("mark_email_unread", "Delivery events", post.DeliveryEvent),
            ("pause_circle", "Streams", post.Stream),
        ),
    ),
    (
        "System",
        (
            ("favorite", "Heartbeats", post.Heartbeat),
            ("speed", "Rate limits", post.RateLimit),
            ("front_hand", "Host locks", library.Turn),
            ("history", "Audit log", LogEntry),
            ("badge", "Accounts", User),
            ("key", "Groups", Group),
            ("phonelink_lock", "Second factors", TOTPDevice),
        ),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return Unfold's navigation with the lists that this account may view."""
    sections = [
        {
            "title": title,
            "separator": True,
            "items": [
                {"title": name, "icon": icon, "link": url_of_list(model)}
                for icon, name, model in items
                if _may_view(request, model)
            ],
        }
        for title, items in SECTIONS
    ]
    today = {"title": "Today", "icon": "today", "link": reverse("admin:index")}
    return [{"items": [today]}, *(section for section in sections if section["items"])]


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    app, name = model._meta.app_label, model._meta.model_name
    return request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(
        f"{app}.change_{name}"
    )
