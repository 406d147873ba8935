from django.apps import AppConfig
from django.contrib.admin import apps as admin


class NewsletterConfig(AppConfig):
    name = "newsletter"
    verbose_name = "Newsletter"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from newsletter import checks, webhooks  # noqa: F401 - they connect themselves


class AdminConfig(admin.AdminConfig):
    """Django's admin behind a door of our own."""

    default_site = "newsletter.staff.StaffSite"
