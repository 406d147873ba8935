"""Index the events of providers by type and time, without a lock that stops writing."""

from django.db import migrations, models

NAME = "event_type"


def create(apps, schema_editor):
    concurrently = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    # A concurrent build that was interrupted leaves an index that is not valid.
    schema_editor.execute(f"DROP INDEX {concurrently} IF EXISTS {NAME}")
    schema_editor.execute(
        f"CREATE INDEX {concurrently} {NAME} ON newsletter_deliveryevent (type, received_at)"
    )


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("newsletter", "0028_find_recent_likes")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop, atomic=False)],
            state_operations=[
                migrations.AddIndex(
                    model_name="deliveryevent",
                    index=models.Index(fields=["type", "received_at"], name=NAME),
                )
            ],
        )
    ]
