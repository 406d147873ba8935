"""Index the Message-IDs of sent digests, without a lock that stops mail."""

from django.db import migrations, models

NAME = 'digest_message'


def create(apps, schema_editor):
    concurrently = 'CONCURRENTLY' if schema_editor.connection.vendor == 'postgresql' else ''
    # A concurrent build that was interrupted leaves an index that is not valid.
    schema_editor.execute(f'DROP INDEX {concurrently} IF EXISTS {NAME}')
    schema_editor.execute(
        f'CREATE INDEX {concurrently} {NAME} ON newsletter_digest (message_id) '
        "WHERE state = 'sent'"
    )


def drop(apps, schema_editor):
    schema_editor.execute(f'DROP INDEX IF EXISTS {NAME}')


class Migration(migrations.Migration):

    atomic = False

    dependencies = [('newsletter', '0024_recent_slots_of_a_send_rate')]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create, drop, atomic=False)],
            state_operations=[
                migrations.AddIndex(
                    model_name='digest',
                    index=models.Index(
                        condition=models.Q(('state', 'sent')),
                        fields=['message_id'],
                        name=NAME,
                    ),
                )
            ],
        )
    ]
