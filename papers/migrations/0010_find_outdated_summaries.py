"""Index the version of summaries, without a lock that stops writing."""

from django.db import migrations, models

NAME = "paper_summary_version"


def create(apps, schema_editor):
    concurrently = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    # A concurrent build that was interrupted leaves an index that is not valid.
    schema_editor.execute(f"DROP INDEX {concurrently} IF EXISTS {NAME}")
    schema_editor.execute(f"CREATE INDEX {concurrently} {NAME} ON papers_paper (summary_version)")


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("papers", "0009_one_sentence_summaries")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop, atomic=False)],
            state_operations=[
                migrations.AddIndex(
                    model_name="paper",
                    index=models.Index(fields=["summary_version"], name=NAME),
                )
            ],
        )
    ]
