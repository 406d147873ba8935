"""Note which rows of the full-text index were written with pairs of words.

The job that indexes papers (``papers.tasks.index_papers``) writes the others again, in portions.
"""

from django.db import migrations

NAME = "papers_search_outdated"


def add(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    # With a default, so that the version before still writes; it takes no time.
    schema_editor.execute(
        "ALTER TABLE papers_search ADD COLUMN IF NOT EXISTS version smallint NOT NULL DEFAULT 0"
    )
    # A concurrent build that was interrupted leaves an index that is not valid.
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
    schema_editor.execute(
        f"CREATE INDEX CONCURRENTLY {NAME} ON papers_search (paper_id) WHERE version < 1"
    )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE papers_search DROP COLUMN version")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("papers", "0014_find_picks")]

    operations = [migrations.RunPython(add, drop, atomic=False)]
