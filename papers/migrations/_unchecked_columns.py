"""Columns whose check PostgreSQL validates later: with the column it would read the whole table.

Until it has read the table, nobody else can.
"""

from django.db import migrations


class AddSmallInteger(migrations.AddField):
    """Add a positive small integer that is 0 in every row; on PostgreSQL without its check."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        schema_editor.execute(
            f'ALTER TABLE {table} ADD COLUMN {self.name} smallint DEFAULT 0 NOT NULL'
        )


def check_name(table, column):
    """Return the name that PostgreSQL gives to the check of a column."""
    return f'{table}_{column}_check'


def add_check(schema_editor, table, column):
    """Add the check without reading the table, unless it is there."""
    connection = schema_editor.connection
    if connection.vendor != 'postgresql':
        return
    name = check_name(table, column)
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    if name not in constraints:
        schema_editor.execute(
            f'ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} >= 0) NOT VALID'
        )


def validate(schema_editor, table, column):
    """Read the rows, which lets others read and write."""
    if schema_editor.connection.vendor == 'postgresql':
        name = check_name(table, column)
        schema_editor.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT {name}')
