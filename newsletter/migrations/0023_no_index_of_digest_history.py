"""Remove an index that was written with each move of a digest: that of the due day serves as well."""

from django.db import migrations


class RemoveIndexConcurrently(migrations.RemoveIndex):
    """Remove an index while the table is in use, where the database can do that."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {self.name}')

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        # One that was left by an attempt that was interrupted is not valid.
        schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {self.name}')
        model = to_state.apps.get_model(app_label, self.model_name)
        [index] = [index for index in model._meta.indexes if index.name == self.name]
        schema_editor.add_index(model, index, concurrently=True)


class Migration(migrations.Migration):

    # An index cannot be removed beside other work inside a transaction.
    atomic = False

    dependencies = [
        ('newsletter', '0022_smaller_index_of_provider_ids'),
    ]

    operations = [
        RemoveIndexConcurrently(model_name='digest', name='digest_history'),
    ]
