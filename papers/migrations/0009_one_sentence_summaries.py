"""Add the one-sentence summary; a job fills it in portions (``papers.tasks``)."""

from django.db import migrations, models

from papers.migrations._unchecked_columns import AddSmallInteger


class Migration(migrations.Migration):

    dependencies = [
        ('papers', '0008_raw_texts'),
    ]

    operations = [
        migrations.AddField(
            model_name='paper',
            name='editor_summary',
            field=models.CharField(blank=True, db_default='', default='', help_text='What the paper does, in one sentence; shown instead of the chosen one.', max_length=600, verbose_name='your own sentence'),
        ),
        migrations.AddField(
            model_name='paper',
            name='source_summary',
            field=models.TextField(blank=True, db_default='', default='', editable=False, help_text='By Hugging Face, in one sentence.'),
        ),
        migrations.AddField(
            model_name='paper',
            name='summary',
            field=models.TextField(blank=True, db_default='', default='', editable=False, help_text='Shown under the title.'),
        ),
        migrations.AddField(
            model_name='paper',
            name='summary_source',
            field=models.CharField(blank=True, choices=[('editor', 'the editor'), ('huggingface', 'Hugging Face'), ('abstract', 'the abstract')], db_default='', default='', editable=False, max_length=16),
        ),
        AddSmallInteger(
            model_name='paper',
            name='summary_version',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False, help_text='Of the rules that chose the summary.'),
        ),
    ]
