"""Check the stored rows against the constraints of 0007 with a lock that lets mail go on."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Validate(ValidateConstraint):
    """Validate a constraint on PostgreSQL; elsewhere it was validated when it was added."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    # Each statement on its own, so that no lock outlasts it.
    atomic = False

    dependencies = [
        ('newsletter', '0007_check_states_and_settings'),
    ]

    operations = [
        Validate('digest', 'digest_state'),
        Validate('notice', 'notice_state'),
        Validate('subscriber', 'subscriber_status'),
        Validate('subscriber', 'subscriber_frequency'),
        Validate('subscriber', 'subscriber_weekday'),
        Validate('subscriber', 'subscriber_hour'),
        Validate('subscriber', 'subscriber_size'),
    ]
