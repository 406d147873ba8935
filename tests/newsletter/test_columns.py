"""Code of the version before must go on writing while a newer schema is in place."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db.migrations import AddField
from django.db.migrations.loader import MigrationLoader


@pytest.mark.parametrize("app", ["newsletter", "papers"])
def test_a_column_that_was_added_may_be_left_out_by_the_version_before(app: str) -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    added = {
        (operation.model_name, operation.name)
        for (label, _), migration in loader.disk_migrations.items()
        if label == app
        for operation in migration.operations
        if isinstance(operation, AddField)
    }
    assert added
    fields = {
        (model._meta.model_name, field.name): field
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.get_fields()
        if hasattr(field, "has_db_default")
    }
    missing = [
        name
        for name in added & fields.keys()
        if not (fields[name].null or fields[name].has_db_default())
    ]
    assert missing == []


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize("table", ["newsletter_deliveryevent", "newsletter_digest"])
def test_postgresql_has_those_defaults(table: str) -> None:
    from django.db import connection

    column = "email_key" if table.endswith("event") else "cards"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_default FROM information_schema.columns "
            "WHERE table_name = %s AND column_name = %s",
            [table, column],
        )
        [(default,)] = cursor.fetchall()
    assert default.startswith("''")
