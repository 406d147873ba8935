"""Add check constraints for states and settings; 0008 checks the stored rows on PostgreSQL."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models, transaction

STATES = [
    'queued', 'claimed', 'sending', 'sent', 'failed', 'uncertain', 'skipped', 'cancelled',
]
STATUSES = ['pending', 'active', 'paused', 'unsubscribed', 'suppressed']
FREQUENCIES = ['daily', 'weekdays', 'weekly']


class AddCheck(AddConstraintNotValid):
    """Add a check without reading the table on PostgreSQL, and as usual elsewhere.

    A check that exists is left as it is, so that the migration can be repeated when a table was in
    use.
    """

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        connection = schema_editor.connection
        arguments = (app_label, schema_editor, from_state, to_state)
        table = from_state.apps.get_model(app_label, self.model_name)._meta.db_table
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, table)
        if self.constraint.name in constraints:
            return
        with transaction.atomic(using=connection.alias):
            if connection.vendor == 'postgresql':
                super().database_forwards(*arguments)
            else:
                migrations.AddConstraint.database_forwards(self, *arguments)


def correct_settings(apps, schema_editor):
    """Bring settings that no form can store into their ranges."""
    subscribers = apps.get_model('newsletter', 'Subscriber').objects
    subscribers.filter(hour__gt=23).update(hour=23)
    subscribers.filter(weekday__gt=6).update(weekday=6)
    subscribers.filter(size__gt=30).update(size=30)
    subscribers.filter(size=0).update(size=1)
    subscribers.exclude(frequency__in=FREQUENCIES).update(frequency='daily')


def check(model_name, name, **condition):
    constraint = models.CheckConstraint(condition=models.Q(**condition), name=name)
    return AddCheck(model_name=model_name, constraint=constraint)


class Migration(migrations.Migration):

    # Each statement on its own, so that no lock outlasts it.
    atomic = False

    dependencies = [
        ('newsletter', '0006_send_rate_of_its_own_row'),
    ]

    operations = [
        migrations.RunPython(correct_settings, migrations.RunPython.noop),
        check('digest', 'digest_state', state__in=STATES),
        check('notice', 'notice_state', state__in=STATES),
        check('subscriber', 'subscriber_status', status__in=STATUSES),
        check('subscriber', 'subscriber_frequency', frequency__in=FREQUENCIES),
        check('subscriber', 'subscriber_weekday', weekday__gte=0, weekday__lte=6),
        check('subscriber', 'subscriber_hour', hour__gte=0, hour__lte=23),
        check('subscriber', 'subscriber_size', size__gte=1, size__lte=30),
    ]
