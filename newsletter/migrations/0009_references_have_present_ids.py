"""Let interests and digests name papers by their present ids, which are now kept up to date."""

from django.db import migrations
from django.db.models import F, TextField
from django.db.models.functions import Cast

ROWS_AT_ONCE = 1000


def rename(apps, schema_editor):
    renamed = apps.get_model('papers', 'Paper').objects.exclude(former_id='')
    ids = dict(renamed.values_list('former_id', 'canonical_id'))
    if ids:
        rename_in_interests(apps.get_model('newsletter', 'Interest'), ids)
        rename_in_digests(apps.get_model('newsletter', 'Digest'), ids)


def rename_in_interests(Interest, ids):
    """Give ratings the new ids; of two ratings of one paper by one reader the last one stays."""
    rated = Interest.objects.filter(kind__in=('like', 'dislike'), value__startswith='t-')
    for row in list(rated.order_by('pk')):
        new = ids.get(row.value)
        if new is None:
            continue
        ratings = Interest.objects.filter(
            subscriber_id=row.subscriber_id, kind__in=('like', 'dislike'), value=new
        )
        if ratings.filter(pk__gt=row.pk).exists():
            row.delete()
            continue
        ratings.delete()
        row.value = new
        row.save(update_fields=['value'])


def rename_in_digests(Digest, ids):
    """Read the digests once, in portions, and write those that name a renamed paper."""
    titled = Digest.objects.annotate(text=Cast(F('items'), TextField()))
    titled = titled.filter(text__contains='"t-').order_by('pk').only('pk', 'items')
    last = 0
    while digests := list(titled.filter(pk__gt=last)[:ROWS_AT_ONCE]):
        last = digests[-1].pk
        changed = []
        for digest in digests:
            items = [{**item, 'paper': ids.get(item['paper'], item['paper'])} for item in digest.items]
            if items != digest.items:
                digest.items = items
                changed.append(digest)
        Digest.objects.bulk_update(changed, ['items'])


class Migration(migrations.Migration):

    # Each portion on its own, so that no lock outlasts it.
    atomic = False

    dependencies = [
        ('newsletter', '0008_validate_states_and_settings'),
        ('papers', '0005_editions_name_papers_by_present_ids'),
    ]

    operations = [
        migrations.RunPython(rename, migrations.RunPython.noop),
    ]
