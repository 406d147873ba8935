"""The groups that ship: what each may see and do, page by page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.test import Client

from newsletter.models import (
    Consent,
    DeliveryEvent,
    Digest,
    Notice,
    RateLimit,
    Stream,
    Subscriber,
    Suppression,
)
from newsletter.security import groups
from papers.admin.base import url_of, url_of_list
from papers.models import Edition, Paper, Source
from tests.factories import a_paper, a_subscriber

PEOPLE = {Subscriber, Consent, Suppression, Digest, Notice, DeliveryEvent}
LISTS: dict[str, set[type[Model]]] = {
    "editor": {Paper, Edition, Source},
    "support": PEOPLE | {Paper, Edition},
    "operator": PEOPLE | {Paper, Edition, Source, Stream, RateLimit},
}
EVERY = PEOPLE | {Paper, Edition, Source, Stream, RateLimit, User, Group}


def member(client: Client, group: str) -> Client:
    groups.create_missing()
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("group", LISTS)
def test_each_group_sees_its_lists_and_no_others(client: Client, group: str) -> None:
    member(client, group)
    assert client.get("/admin/").status_code == 200
    seen = {model for model in EVERY if client.get(url_of_list(model)).status_code == 200}
    assert seen == LISTS[group]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("group", "allowed"),
    [("editor", set[str]()), ("support", {"pause"}), ("operator", {"pause", "export", "make_due"})],
)
def test_each_group_can_do_to_subscribers_what_it_may(
    client: Client, group: str, allowed: set[str]
) -> None:
    reader = a_subscriber()
    member(client, group)
    page = client.get(url_of_list(Subscriber)).content.decode()
    offered = {name for name in ("pause", "export", "make_due") if f'value="{name}"' in page}
    assert offered == allowed
    erased = client.get(f"{url_of(reader).removesuffix('change/')}delete/").status_code
    assert (erased == 200) is (group == "operator")


@pytest.mark.django_db
@pytest.mark.parametrize(("group", "allowed"), [("editor", True), ("support", False)])
def test_an_editor_picks_papers_and_support_does_not(
    client: Client, group: str, allowed: bool
) -> None:
    paper = a_paper()
    form = {"action": "pick", "_selected_action": [paper.pk]}
    member(client, group).post(url_of_list(Paper), form)
    paper.refresh_from_db()
    assert (paper.picked_at is not None) is allowed


@pytest.mark.django_db
def test_a_group_that_was_changed_stays_as_it_is() -> None:
    assert set(groups.create_missing()) == set(groups.PERMISSIONS)
    Group.objects.get(name="support").permissions.clear()
    assert groups.create_missing() == []
    assert not Group.objects.get(name="support").permissions.exists()


@pytest.mark.django_db
def test_every_permission_of_the_groups_exists() -> None:
    named = {name for names in groups.PERMISSIONS.values() for name in names}
    known = Permission.objects.values_list("content_type__app_label", "codename")
    assert named <= {f"{app}.{codename}" for app, codename in known}
