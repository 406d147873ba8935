"""Give the shipped groups the permissions that were added after they first shipped.

Once: what an administrator takes from a group later stays taken.
"""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

ADDED = {
    'editor': (('papers', 'change_edition'),),
    'operator': (
        ('papers', 'change_edition'),
        ('newsletter', 'view_listimport'),
        ('newsletter', 'import_subscribers'),
    ),
}


def grant(apps, schema_editor):
    groups = apps.get_model('auth', 'Group').objects.filter(name__in=ADDED)
    if not groups:
        return
    # Django creates permissions after all migrations, which is too late for this one.
    for label in ('papers', 'newsletter'):
        create_permissions(installed.get_app_config(label), apps=apps, verbosity=0)
    permissions = apps.get_model('auth', 'Permission').objects
    for group in groups:
        for label, codename in ADDED[group.name]:
            group.permissions.add(
                permissions.get(content_type__app_label=label, codename=codename)
            )


class Migration(migrations.Migration):

    dependencies = [
        ('newsletter', '0026_index_all_message_ids_on_sqlite'),
        ('papers', '0014_find_picks'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
