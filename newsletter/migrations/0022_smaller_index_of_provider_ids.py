"""Write one index entry less with each move of a digest that has no provider's id.

On PostgreSQL nothing here keeps anybody from reading or writing the table.
"""

from django.db import migrations

TABLE = 'newsletter_digest'
# Each message leaves three dead rows, and the index of the queue grows with them: vacuum after so
# many of them, not after a fifth of all digests.
VACUUM = {'autovacuum_vacuum_scale_factor': 0, 'autovacuum_vacuum_threshold': 50_000}


def replace(condition):
    """Return a function that builds the index of provider ids anew, under its name."""

    def run(apps, schema_editor):
        if schema_editor.connection.vendor != 'postgresql':
            return
        # One that was left by an attempt that was interrupted is not valid.
        schema_editor.execute('DROP INDEX CONCURRENTLY IF EXISTS digest_provider_new')
        schema_editor.execute(
            f'CREATE INDEX CONCURRENTLY digest_provider_new ON {TABLE} (provider_id) {condition}'
        )
        schema_editor.execute('DROP INDEX CONCURRENTLY IF EXISTS digest_provider')
        schema_editor.execute('ALTER INDEX digest_provider_new RENAME TO digest_provider')

    return run


def vacuum_early(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        settings = ', '.join(f'{name} = {value}' for name, value in VACUUM.items())
        schema_editor.execute(f'ALTER TABLE {TABLE} SET ({settings})')


def vacuum_as_usual(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute(f'ALTER TABLE {TABLE} RESET ({", ".join(VACUUM)})')


class Migration(migrations.Migration):

    # An index cannot be built beside other work inside a transaction.
    atomic = False

    dependencies = [
        ('newsletter', '0021_frozen_letters'),
    ]

    operations = [
        migrations.RunPython(replace("WHERE provider_id <> ''"), replace('')),
        migrations.RunPython(vacuum_early, vacuum_as_usual),
    ]
