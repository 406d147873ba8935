"""Index and check the versions of cleaning and summaries, without a lock that stops mail."""

from django.db import migrations, models, transaction

from papers.migrations._unchecked_columns import add_check, validate

INDEXES = {"paper_cleaned_with": "cleaned_with", "paper_summary_version": "summary_version"}


def create(apps, schema_editor):
    concurrently = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    for name, column in INDEXES.items():
        # A concurrent build that was interrupted leaves an index that is not valid.
        schema_editor.execute(f"DROP INDEX {concurrently} IF EXISTS {name}")
        schema_editor.execute(f"CREATE INDEX {concurrently} {name} ON papers_paper ({column})")
        with transaction.atomic(using=schema_editor.connection.alias):
            add_check(schema_editor, "papers_paper", column)
        validate(schema_editor, "papers_paper", column)


def drop(apps, schema_editor):
    for name in INDEXES:
        schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("papers", "0009_one_sentence_summaries")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop, atomic=False)],
            state_operations=[
                migrations.AddIndex(
                    model_name="paper", index=models.Index(fields=[column], name=name)
                )
                for name, column in INDEXES.items()
            ],
        )
    ]
