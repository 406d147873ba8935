"""Databases of earlier versions are brought up to date with their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from newsletter.security import groups

pytestmark = pytest.mark.django_db(transaction=True)
Migrate = Callable[[tuple[str, str]], Any]


@pytest.fixture
def migrate() -> Iterator[Migrate]:
    """Return a function that migrates one app to one migration and returns its models."""

    def run(target: tuple[str, str]) -> Any:
        executor = MigrationExecutor(connection)
        return executor.migrate([target]).apps

    yield run
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_settings_that_no_form_can_store_are_brought_into_range(migrate: Migrate) -> None:
    old = migrate(("newsletter", "0006_send_rate_of_its_own_row"))
    old.get_model("newsletter", "Subscriber").objects.create(
        email="a@example.org", email_key="a@example.org", hour=99, weekday=8, size=0
    )
    new = migrate(("newsletter", "0008_validate_states_and_settings"))
    subscriber = new.get_model("newsletter", "Subscriber").objects.get()
    assert (subscriber.hour, subscriber.weekday, subscriber.size) == (23, 6, 1)


def test_references_to_renamed_papers_get_the_present_ids(migrate: Migrate) -> None:
    migrate(("newsletter", "0008_validate_states_and_settings"))
    old = migrate(("papers", "0004_search_index"))
    moment = datetime(2025, 3, 11, tzinfo=UTC)
    old.get_model("papers", "Paper").objects.create(
        canonical_id="2503.01234", former_id="t-old", title="A paper", announced_at=moment
    )
    old.get_model("papers", "Edition").objects.create(
        day=moment.date(), entries=[{"paper": "t-old"}, {"paper": "t-other"}]
    )
    subscriber = old.get_model("newsletter", "Subscriber").objects.create(
        email="a@example.org", email_key="a@example.org"
    )
    for kind, value in (("like", "t-old"), ("dislike", "2503.01234"), ("like", "t-other")):
        subscriber.interests.create(kind=kind, value=value)
    subscriber.digests.create(
        due_on=moment.date(), due_at=moment, items=[{"paper": "t-old", "reason": "new"}]
    )
    undecided = old.get_model("newsletter", "Subscriber").objects.create(
        email="b@example.org", email_key="b@example.org"
    )
    for kind, value in (("like", "2503.01234"), ("like", "t-old"), ("dislike", "t-old")):
        undecided.interests.create(kind=kind, value=value)
    new = migrate(("newsletter", "0009_references_have_present_ids"))
    interests = new.get_model("newsletter", "Interest").objects.order_by("pk")
    assert list(interests.values_list("kind", "value")) == [
        ("dislike", "2503.01234"),
        ("like", "t-other"),
        ("dislike", "2503.01234"),
    ]
    digest = new.get_model("newsletter", "Digest").objects.get()
    assert digest.items == [{"paper": "2503.01234", "reason": "new"}]
    edition = new.get_model("papers", "Edition").objects.get()
    assert edition.entries == [{"paper": "2503.01234"}, {"paper": "t-other"}]


def test_editions_of_before_say_what_was_new(migrate: Migrate) -> None:
    old = migrate(("papers", "0011_name_host_locks"))
    moment = datetime(2025, 3, 11, tzinfo=UTC)
    papers = [
        old.get_model("papers", "Paper").objects.create(
            canonical_id=f"2503.0000{age}",
            title=f"Paper {age}",
            announced_at=moment - timedelta(days=age // 2),
        )
        for age in range(4)
    ]
    old.get_model("papers", "Edition").objects.create(
        day=moment.date(), entries=[{"paper": papers[place].canonical_id} for place in (2, 1)]
    )
    old.get_model("papers", "Edition").objects.create(day=moment.date() - timedelta(days=1))
    new = migrate(("papers", "0012_editions_say_what_was_new"))
    empty, edition = new.get_model("papers", "Edition").objects.order_by("day")
    assert (edition.news_day, edition.news) == (moment.date(), [papers[1].pk])
    assert edition.news_count == 2
    assert (empty.news_day, empty.news, empty.news_count) == (None, [], 0)


def indexes(table: str) -> dict[str, str]:
    """The statements that create the indexes of a table, by name."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table]
            )
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s",
                [table],
            )
        return dict(cursor.fetchall())


def test_the_index_of_provider_ids_is_rebuilt_without_the_empty_ones(migrate: Migrate) -> None:
    migrate(("newsletter", "0021_frozen_letters"))
    before = indexes("newsletter_digest")
    if connection.vendor == "postgresql":  # An earlier attempt was interrupted.
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX digest_provider_new ON newsletter_digest (provider_id)")
    migrate(("newsletter", "0022_smaller_index_of_provider_ids"))
    after = indexes("newsletter_digest")
    assert after.keys() == before.keys()
    partial = "WHERE ((provider_id)::text <> ''::text)" in after["digest_provider"]
    assert partial == (connection.vendor == "postgresql")
    migrate(("newsletter", "0021_frozen_letters"))
    assert indexes("newsletter_digest") == before


def test_the_index_of_the_history_can_be_removed_and_restored(migrate: Migrate) -> None:
    migrate(("newsletter", "0022_smaller_index_of_provider_ids"))
    before = indexes("newsletter_digest")
    migrate(("newsletter", "0023_no_index_of_digest_history"))
    assert indexes("newsletter_digest").keys() == before.keys() - {"digest_history"}
    migrate(("newsletter", "0022_smaller_index_of_provider_ids"))
    assert indexes("newsletter_digest") == before


FIRST_OPERATOR = set(groups.PERMISSIONS["operator"]) - {
    "papers.change_edition",
    "newsletter.view_listimport",
    "newsletter.import_subscribers",
}
FIRST_GROUPS = {
    "editor": set(groups.PERMISSIONS["editor"]) - {"papers.change_edition"},
    "support": set(groups.PERMISSIONS["support"]),
    "operator": FIRST_OPERATOR,
}
FIRST_COUNTS = {"editor": 8, "support": 10, "operator": 28}


def test_shipped_groups_of_before_get_new_permissions_and_keep_their_own(
    migrate: Migrate,
) -> None:
    """A permission that is added to a shipped group needs a migration as 0027, and a line above."""
    assert {name: len(held) for name, held in FIRST_GROUPS.items()} == FIRST_COUNTS
    migrate(("newsletter", "0026_index_all_message_ids_on_sqlite"))
    for name, held in FIRST_GROUPS.items():
        codes = [one.partition(".")[2] for one in held]
        group = Group.objects.create(name=name)
        group.permissions.set(Permission.objects.filter(codename__in=codes))
        group.permissions.add(Permission.objects.get(codename="view_user"))
    Permission.objects.filter(codename="import_subscribers").delete()
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    for name, names in groups.PERMISSIONS.items():
        granted = Group.objects.get(name=name).permissions
        found = granted.values_list("content_type__app_label", "codename")
        assert {f"{app}.{code}" for app, code in found} == {*names, "auth.view_user"}
    Group.objects.all().delete()
