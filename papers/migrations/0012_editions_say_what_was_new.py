"""Store with each edition what was new in it; what is there already is described day by day."""

from datetime import datetime, time, timedelta, timezone

from django.db import migrations, models


def describe(apps, schema_editor):
    """Describe the editions so far, each in a transaction of its own."""
    Edition = apps.get_model("papers", "Edition")
    Paper = apps.get_model("papers", "Paper")
    for key in list(Edition.objects.filter(news__isnull=True).values_list("pk", flat=True)):
        edition = Edition.objects.get(pk=key)
        names = [entry["paper"] for entry in edition.entries]
        listed = Paper.objects.filter(canonical_id__in=names, hidden=False)
        announced = {
            name: (pk, at.astimezone(timezone.utc).date())
            for name, pk, at in listed.values_list("canonical_id", "pk", "announced_at")
        }
        newest = max((day for _, day in announced.values()), default=None)
        news = [announced[n][0] for n in names if n in announced and announced[n][1] == newest]
        count = 0
        if newest:
            start = datetime.combine(newest, time(), timezone.utc)
            that_day = Paper.objects.filter(
                announced_at__gte=start, announced_at__lt=start + timedelta(days=1)
            )
            count = that_day.filter(hidden=False, withdrawn=False).count()
        Edition.objects.filter(pk=key).update(news_day=newest, news=news, news_count=count)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("papers", "0011_name_host_locks")]

    operations = [
        migrations.AddField(
            model_name="edition",
            name="news_day",
            field=models.DateField(null=True, editable=False),
        ),
        migrations.AddField(
            model_name="edition", name="news", field=models.JSONField(null=True, editable=False)
        ),
        migrations.AddField(
            model_name="edition",
            name="news_count",
            field=models.PositiveIntegerField(default=0, db_default=0, editable=False),
        ),
        migrations.RunPython(describe, migrations.RunPython.noop, atomic=False),
    ]
