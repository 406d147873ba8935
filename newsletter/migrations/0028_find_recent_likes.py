"""Index the likes by their time, without a lock that stops writing."""

from django.db import migrations, models

NAME = "recent_likes"


def create(apps, schema_editor):
    concurrently = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    # A concurrent build that was interrupted leaves an index that is not valid.
    schema_editor.execute(f"DROP INDEX {concurrently} IF EXISTS {NAME}")
    schema_editor.execute(
        f"CREATE INDEX {concurrently} {NAME} ON newsletter_interest (created_at) "
        "WHERE kind = 'like'"
    )


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("newsletter", "0027_permissions_of_shipped_groups")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop, atomic=False)],
            state_operations=[
                migrations.AddIndex(
                    model_name="interest",
                    index=models.Index(
                        fields=["created_at"], name=NAME, condition=models.Q(kind="like")
                    ),
                )
            ],
        )
    ]
