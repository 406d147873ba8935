"""The configuration of the papers app."""

from django.apps import AppConfig


class PapersConfig(AppConfig):
    """Papers, their sources and their scores."""

    name = "papers"
    verbose_name = "Papers"
    default_auto_field = "django.db.models.BigAutoField"
