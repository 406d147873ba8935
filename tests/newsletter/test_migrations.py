"""Databases of earlier versions are brought up to date with their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

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
