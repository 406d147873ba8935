"""Give columns a default in the database, so that code of before them can write rows.

On SQLite this would copy whole tables; there the web server and the worker are updated together.
"""

from django.db import migrations, models


class SetDefault(migrations.AlterField):
    """Alter the default in the database only where that reads and copies no rows."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self.database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    dependencies = [
        ('newsletter', '0011_alerts_and_skews'),
    ]

    operations = [
        SetDefault(
            model_name='deliveryevent',
            name='email_key',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=254),
        ),
        SetDefault(
            model_name='digest',
            name='cards',
            field=models.TextField(blank=True, db_default='', default='', editable=False),
        ),
    ]
