"""Let editions name papers by their present ids, which from now on are kept up to date."""

from django.db import migrations


def rename(apps, schema_editor):
    renamed = apps.get_model('papers', 'Paper').objects.exclude(former_id='')
    ids = dict(renamed.values_list('former_id', 'canonical_id'))
    if not ids:
        return
    for edition in apps.get_model('papers', 'Edition').objects.iterator(chunk_size=100):
        entries = [
            {**entry, 'paper': ids.get(entry['paper'], entry['paper'])}
            for entry in edition.entries
        ]
        if entries != edition.entries:
            edition.entries = entries
            edition.save(update_fields=['entries'])


class Migration(migrations.Migration):

    dependencies = [
        ('papers', '0004_search_index'),
    ]

    operations = [
        migrations.RunPython(rename, migrations.RunPython.noop),
    ]
