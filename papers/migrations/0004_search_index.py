"""Create the full-text index; a job fills it in portions (``papers.tasks.index_papers``)."""

from django.db import migrations

SQLITE = (
    "CREATE VIRTUAL TABLE papers_search USING fts5("
    "title, people, terms, abstract, words, fields, "
    "tokenize = \"unicode61 remove_diacritics 0\")"
)
POSTGRESQL = (
    "CREATE TABLE papers_search (paper_id bigint PRIMARY KEY, vector tsvector NOT NULL)",
    "CREATE INDEX papers_search_vector ON papers_search USING gin (vector)",
)


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in POSTGRESQL:
            schema_editor.execute(statement)
    else:
        schema_editor.execute(SQLITE)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE papers_search")


class Migration(migrations.Migration):

    dependencies = [("papers", "0003_pick_and_hidden_in_words")]

    operations = [migrations.RunPython(create, drop)]
