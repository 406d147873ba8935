"""``manage.py import_likes EMAIL FILE``: liked papers from a reference manager's file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from newsletter.models import Subscriber
from newsletter.security import audit, email_addresses
from newsletter.subscriptions import preferences, reference_files
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.preferences import Choices
from newsletter.subscriptions.reference_files import ReferenceFileError

UNUSABLE: Final = 2


class Command(BaseCommand):
    """Add the papers of a file to what a subscriber likes."""

    help = (
        "Add the papers of a file to a subscriber's liked papers: BibTeX (.bib), RIS (.ris), "
        "Zotero's CSV, or a list of arXiv ids, addresses or titles. The last line counts "
        "liked= (new ones), unknown= (not in the catalogue) and unreadable= entries. "
        "Exit status: 0 read, 2 an unknown address or a file that cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the address and the file."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, **options: Any) -> None:
        """Read the file and store the likes."""
        subscriber = self._subscriber(options["email"])
        path: Path = options["file"]
        try:
            if not path.is_file():
                raise ReferenceFileError(f"{path} is no file.")
            found = reference_files.read(path.name, path.read_bytes())
        except (OSError, ReferenceFileError) as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        liked = preferences.of(subscriber)["likes"]
        new = [paper for paper in found.papers if paper not in liked]
        if new:
            subscriptions.change_preferences(
                subscriber, Choices(likes=[*liked, *new]), ActionOrigin("import_likes")
            )
        said = f"liked={len(new)} unknown={found.unknown} unreadable={found.unreadable}"
        audit.record(audit.COMMAND_LINE, f"import_likes: {said}", subscriber)
        self.stdout.write(said)

    def _subscriber(self, email: str) -> Subscriber:
        subscriber = Subscriber.objects.filter(email_key=email_addresses.key_of(email)).first()
        if subscriber is None:
            raise CommandError(f"There is no subscriber {email}.", returncode=UNUSABLE)
        return subscriber
