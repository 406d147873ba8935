"""Call the locks on shared hosts by their name in the admin; no table changes."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("papers", "0010_find_outdated_summaries")]

    operations = [
        migrations.AlterModelOptions(name="turn", options={"verbose_name": "host lock"}),
    ]
