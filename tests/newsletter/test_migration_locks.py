"""Migrations hold no lock that stops mail for over a second, and older code writes on meanwhile.

The first release is the version before: what comes after it is applied while mail leaves.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, connections, migrations, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

from newsletter.management.commands.migrate import Command
from newsletter.models import Digest
from tests.factories import a_digest

RELEASED: Final = {"newsletter": 6, "papers": 3}
# What cannot be read to its end in a moment.
LARGE_TABLES: Final = {
    *("newsletter_digest", "newsletter_deliveryevent", "newsletter_interest"),
    *("papers_paper", "papers_signal", "papers_embedding", "papers_similarpapers"),
}
MIGRATIONS: Final = sorted(
    (app, path.stem)
    for app, last in RELEASED.items()
    for path in (Path(apps.get_app_config(app).path) / "migrations").glob("0*.py")
    if int(path.stem[:4]) > last
)


def steps(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Yield what is done to the database, also by operations that are made of others."""
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from steps(operation.database_operations)
        else:
            yield operation


REFUSED: Final = {
    migrations.AddIndex: "an index is built with a lock: use AddIndexConcurrently",
    migrations.AddConstraint: "a constraint is checked with a lock: NOT VALID, then VALIDATE",
    migrations.RemoveField: "older code still needs it: remove it a version later",
    migrations.RenameField: "older code still needs it: remove it a version later",
    migrations.DeleteModel: "older code still needs it: remove it a version later",
}


def fault(operation: Any) -> str:
    """Return why an operation would stop mail or older code; empty when it does not."""
    if isinstance(operation, migrations.AddField):
        field: Any = operation.field
        if not field.null and not field.many_to_many and field.db_default is NOT_PROVIDED:
            return f"older code cannot write a row without {operation.name}: give it a db_default"
        if field.db_index or field.unique:
            return f"{operation.name} is indexed with a lock"
    return REFUSED.get(type(operation), "")


@pytest.mark.parametrize(("app", "name"), MIGRATIONS, ids=[name for _, name in MIGRATIONS])
def test_a_migration_does_nothing_that_makes_mail_wait(app: str, name: str) -> None:
    migration = MigrationLoader(None).get_migration(app, name)
    operations = list(steps(migration.operations))
    made = {one.name.lower() for one in operations if isinstance(one, migrations.CreateModel)}
    changes = [one for one in operations if getattr(one, "model_name", "") not in made]
    assert not [why for one in changes if (why := fault(one))]


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize(("app", "name"), MIGRATIONS, ids=[name for _, name in MIGRATIONS])
def test_its_statements_neither_rewrite_nor_read_a_whole_table_under_a_lock(
    app: str, name: str
) -> None:
    out = io.StringIO()
    call_command("sqlmigrate", app, name, stdout=out)
    statements = [line for line in out.getvalue().splitlines() if not line.startswith("--")]
    made = {line.split('"')[1] for line in statements if line.startswith("CREATE TABLE")}
    for line in statements:
        named = set(line.split('"')[1::2])
        if not line.startswith(("ALTER", "CREATE")) or named & made or not named & LARGE_TABLES:
            continue
        assert " TYPE " not in line or "varchar" in line, f"the table is written anew: {line}"
        if " CHECK " in line or "FOREIGN KEY" in line:
            assert "NOT VALID" in line, line
        if "CREATE" in line:
            assert " CONCURRENTLY " in line, line


LAST: Final = ("newsletter", "0014_notices_with_the_link_to_personal_data")


@pytest.fixture
def before_a_column() -> Iterator[None]:
    """Migrate back to before ``Digest.remark``, and to the present again at the end."""
    MigrationExecutor(connection).migrate([LAST])
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_table_that_a_backup_reads_is_tried_again_and_nobody_waits_behind_it(
    before_a_column: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = io.StringIO()
    reading, waited = threading.Event(), threading.Event()

    def back_up() -> None:
        try:
            with transaction.atomic():
                Digest.objects.count()
                reading.set()
                waited.wait(30)
        finally:
            connections.close_all()

    def look(_: float) -> None:
        """Between two tries: whoever wants the table has it at once."""
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '100ms'")
            cursor.execute("SELECT count(*) FROM newsletter_digest")
            cursor.execute("SET statement_timeout = 0")
        waited.set()
        backup.join()

    backup = threading.Thread(target=back_up)
    backup.start()
    assert reading.wait(30)
    monkeypatch.setattr("newsletter.management.commands.migrate.time.sleep", look)
    call_command(Command(stderr=errors), "newsletter", interactive=False, verbosity=0)
    assert "A table is in use; trying again" in errors.getvalue()
    a_digest(remark="There is such a column.")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_digests_that_a_sender_holds_are_renamed_once_it_is_done() -> None:
    rename = __import__(
        "newsletter.migrations.0009_references_have_present_ids", fromlist=["rename_in_digests"]
    ).rename_in_digests
    held, free = (a_digest(items=[{"paper": "t-old"}]) for _ in range(2))
    holding, seen = threading.Event(), threading.Event()

    def send() -> None:
        try:
            with transaction.atomic():
                Digest.objects.select_for_update().get(pk=held.pk)
                holding.set()
                seen.wait(30)
        finally:
            connections.close_all()

    def watch() -> None:
        try:
            while Digest.objects.get(pk=free.pk).items[0]["paper"] != "2503.01234":
                pass
            assert Digest.objects.get(pk=held.pk).items[0]["paper"] == "t-old"
        finally:
            seen.set()
            connections.close_all()

    threads = [threading.Thread(target=send), threading.Thread(target=watch)]
    threads[0].start()
    assert holding.wait(30)
    threads[1].start()
    rename(Digest, {"t-old": "2503.01234"})
    for thread in threads:
        thread.join()
    held.refresh_from_db()
    assert held.items == [{"paper": "2503.01234"}]
