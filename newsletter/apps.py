"""The configuration of the newsletter app and of the admin."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class NewsletterConfig(AppConfig):
    """Subscribers, digests and mail."""

    name = "newsletter"
    verbose_name = "Newsletter"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks and the receivers of signals."""
        from newsletter.process import checks  # noqa: F401 - importing registers them
        from newsletter.security import error_reports
        from newsletter.subscriptions.asked_fields import asked_fields
        from newsletter.subscriptions.met_papers import met_papers
        from newsletter.subscriptions.paper_renames import rewrite_references
        from newsletter.web import webhooks  # noqa: F401 - importing connects its receivers
        from papers.ingest.fields import fields_asked
        from papers.ingest.renames import papers_renamed
        from papers.ingest.retention import papers_met

        error_reports.start()
        fields_asked.connect(asked_fields, dispatch_uid="newsletter.asked_fields")
        papers_met.connect(met_papers, dispatch_uid="newsletter.met_papers")
        papers_renamed.connect(rewrite_references, dispatch_uid="newsletter.paper_renames")


class AdminConfig(admin.AdminConfig):
    """Django's admin with a site class of our own."""

    default_site = "newsletter.admin.site.PaperboyAdminSite"

    def ready(self) -> None:
        """Register the lists of both apps; those of the newsletter stand in one package."""
        super().ready()
        from newsletter.admin import lists  # noqa: F401 - importing registers them
