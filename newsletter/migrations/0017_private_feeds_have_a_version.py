"""Count the addresses of a private feed, so that a new one makes the old one void."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("newsletter", "0016_daily_counts")]

    operations = [
        migrations.AddField(
            model_name="subscriber",
            name="feed_version",
            field=models.PositiveSmallIntegerField(
                db_default=1,
                default=1,
                editable=False,
                help_text="Of the address of the private feed.",
            ),
        ),
    ]
