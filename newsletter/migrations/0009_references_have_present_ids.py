"""Let interests and digests name papers by their present ids, which are now kept up to date."""

import json
import time
from collections import defaultdict

from django.db import connection, migrations, transaction
from django.db.models import F, TextField
from django.db.models.functions import Cast

ROWS_AT_ONCE = 500
PAUSE_SECONDS = 0.05


def rename(apps, schema_editor):
    renamed = apps.get_model('papers', 'Paper').objects.exclude(former_id='')
    ids = dict(renamed.values_list('former_id', 'canonical_id'))
    if ids:
        rename_in_interests(apps.get_model('newsletter', 'Interest'), ids)
        rename_in_digests(apps.get_model('newsletter', 'Digest'), ids)


def rename_in_interests(Interest, ids):
    """Give ratings the new ids; of two ratings of one paper by one reader the last one stays."""
    ratings = Interest.objects.filter(kind__in=('like', 'dislike'))
    rated = ratings.filter(value__startswith='t-').order_by('pk')
    last = 0
    while portion := list(rated.filter(pk__gt=last)[:ROWS_AT_ONCE]):
        last = portion[-1].pk
        rows = [row for row in portion if row.value in ids]
        present = defaultdict(list)
        readers = {row.subscriber_id for row in rows}
        known = ratings.filter(subscriber_id__in=readers, value__in={ids[row.value] for row in rows})
        for pk, *rating in known.values_list('pk', 'subscriber_id', 'value'):
            present[tuple(rating)].append(pk)
        superseded, renamed = set(), {}
        for row in rows:
            others = present[row.subscriber_id, ids[row.value]]
            if any(pk > row.pk for pk in others):
                superseded.add(row.pk)
                continue
            superseded.update(others)
            others[:] = [row.pk]
            renamed[row.pk] = ids[row.value]
        with transaction.atomic():
            ratings.filter(pk__in=superseded).delete()
            kept = [(new, pk) for pk, new in renamed.items() if pk not in superseded]
            write('UPDATE newsletter_interest SET value = %s WHERE id = %s', kept)


def write(statement, rows):
    """Run a statement for each row."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def rename_in_digests(Digest, ids):
    """Read the digests once, in portions, and write those that name a renamed paper."""
    last = 0
    while portion := list(
        Digest.objects.filter(pk__gt=last).order_by('pk').values_list('pk', flat=True)[:ROWS_AT_ONCE]
    ):
        found = Digest.objects.annotate(text=Cast(F('items'), TextField()))
        # A range by both ends: with one end and a limit the database may read the rest each time.
        found = found.filter(pk__gt=last, pk__lte=portion[-1], text__contains='"t-')
        left = set(found.values_list('pk', flat=True))
        while left := rename_unlocked(Digest, left, ids):
            time.sleep(PAUSE_SECONDS)
        last = portion[-1]


def rename_unlocked(Digest, pks, ids):
    """Rename in the digests that no sender holds locked, and return those that are left."""
    with transaction.atomic():
        rows = Digest.objects.filter(pk__in=pks).select_for_update(skip_locked=True)
        items = dict(rows.values_list('pk', 'items'))
        changed = []
        for pk, old in items.items():
            new = [{**item, 'paper': ids.get(item['paper'], item['paper'])} for item in old]
            if new != old:
                changed.append((json.dumps(new), pk))
        write('UPDATE newsletter_digest SET items = %s WHERE id = %s', changed)
    return set(Digest.objects.filter(pk__in=pks - items.keys()).values_list('pk', flat=True))


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
