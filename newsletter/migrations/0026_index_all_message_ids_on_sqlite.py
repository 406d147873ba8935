"""Index all Message-IDs on SQLite, where a partial index makes every move of a row slower.

PostgreSQL keeps the index of sent digests (migration 0025).
"""

from django.db import migrations, models

NAME = 'digest_message'


def widen(apps, schema_editor):
    recreate(schema_editor, '')


def narrow(apps, schema_editor):
    recreate(schema_editor, "WHERE state = 'sent'")


def recreate(schema_editor, condition):
    if schema_editor.connection.vendor == 'sqlite':
        schema_editor.execute(f'DROP INDEX IF EXISTS {NAME}')
        schema_editor.execute(f'CREATE INDEX {NAME} ON newsletter_digest (message_id) {condition}')


class Migration(migrations.Migration):

    dependencies = [('newsletter', '0025_find_digests_by_message_id')]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(widen, narrow)],
            state_operations=[
                migrations.RemoveIndex(model_name='digest', name=NAME),
                migrations.AddIndex(
                    model_name='digest', index=models.Index(fields=['message_id'], name=NAME)
                ),
            ],
        )
    ]
