"""The groups that ship with Paperboy: editor, operator and support.

They are created once with their permissions; an administrator may change them afterwards.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

PAPERS: Final = ("paper", "edition", "source", "signal", "ingestrun", "submission")
PEOPLE: Final = ("subscriber", "consent", "suppression", "digest", "notice", "deliveryevent")
SERVICE: Final = ("stream", "heartbeat", "alert", "ratelimit")

PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    "editor": (
        *(f"papers.view_{model}" for model in PAPERS),
        "papers.change_paper",
        "papers.add_paper",
        "papers.change_edition",
    ),
    # Answers readers one at a time; sends, exports and erases nothing.
    "support": (
        *(f"newsletter.view_{model}" for model in PEOPLE),
        "newsletter.change_subscriber",
        "newsletter.change_suppression",
        "papers.view_paper",
        "papers.view_edition",
    ),
    # Everything but accounts, groups and second factors.
    "operator": (
        *(f"papers.view_{model}" for model in (*PAPERS, "turn")),
        *(f"newsletter.view_{model}" for model in (*PEOPLE, *SERVICE, "listimport")),
        "papers.change_paper",
        "papers.add_paper",
        "papers.change_edition",
        "papers.add_source",
        "papers.change_source",
        "newsletter.change_subscriber",
        "newsletter.delete_subscriber",
        "newsletter.change_suppression",
        "newsletter.change_stream",
        "newsletter.send_digests",
        "newsletter.export_subscribers",
        "newsletter.import_subscribers",
        "admin.view_logentry",
    ),
}


def create_missing() -> list[str]:
    """Create the groups that do not exist, and return their names."""
    present = set(Group.objects.values_list("name", flat=True))
    created = [name for name in PERMISSIONS if name not in present]
    for name in created:
        group = Group.objects.create(name=name)
        group.permissions.set(Permission.objects.filter(_named(PERMISSIONS[name])))
    return created


def _named(names: tuple[str, ...]) -> Q:
    found = Q(pk__in=())
    for name in names:
        app, _, codename = name.partition(".")
        found |= Q(content_type__app_label=app, codename=codename)
    return found
