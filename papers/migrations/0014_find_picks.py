"""Index the editors' picks, without a lock that stops writing."""

from django.db import migrations, models

NAME = "paper_picks"


def create(apps, schema_editor):
    concurrently = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    # A concurrent build that was interrupted leaves an index that is not valid.
    schema_editor.execute(f"DROP INDEX {concurrently} IF EXISTS {NAME}")
    schema_editor.execute(
        f"CREATE INDEX {concurrently} {NAME} ON papers_paper (picked_at) "
        "WHERE picked_at IS NOT NULL"
    )


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("papers", "0013_editors_letter")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop, atomic=False)],
            state_operations=[
                migrations.AddIndex(
                    model_name="paper",
                    index=models.Index(
                        fields=["picked_at"],
                        name=NAME,
                        condition=models.Q(picked_at__isnull=False),
                    ),
                )
            ],
        )
    ]
