from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsletter', '0003_write_fewer_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='interest',
            name='kind',
            field=models.CharField(choices=[('topic', 'field'), ('text', 'free text'), ('like', 'liked paper'), ('dislike', 'disliked paper'), ('author', 'followed author'), ('mute', 'muted word or author'), ('name', 'name they publish under')], max_length=16),
        ),
    ]
