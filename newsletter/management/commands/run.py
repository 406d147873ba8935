"""``manage.py run``: the whole service with one command."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from newsletter.conf import running
from newsletter.process import launcher
from newsletter.security import groups
from papers.ingest.service import IngestError


class Command(BaseCommand):
    """Set up what is missing and run all parts of the service."""

    help = (
        "Set up what is missing (tables, the account admin, the first papers), then run web "
        "server, worker and beat until Ctrl-C. The port is PORT, 8000 if unset."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare ``--prepare-only``."""
        parser.add_argument(
            "--prepare-only", action="store_true", help="Set up what is missing and start nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare the database, then run the parts until the operator stops them."""
        for number in launcher.STOP_SIGNALS:
            signal.signal(number, lambda *_: sys.exit(0))  # No part runs yet.
        try:
            if options["prepare_only"]:
                self.welcome(self.prepare())
                return
            held = launcher.refuse_second_start()
            launcher.refuse_occupied_port()
            running.note_port(settings.VAR_DIR, settings.PORT)
            self.welcome(self.prepare())
        except launcher.LaunchError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}".strip()) from error
        self.stdout.write("Ctrl-C stops it.")
        self.stdout.flush()
        code = launcher.run_parts()
        del held
        sys.exit(code)

    def prepare(self) -> str | None:
        """Do what a first start needs and return the new admin password, if one was made."""
        if not settings.LOCAL:
            call_command("check", deploy=True)
            launcher.collect_static()
        if launcher.migrate():
            self.stdout.write("The database is up to date.")
        groups.create_missing()
        try:
            counts = launcher.read_seeds()
        except IngestError as error:
            self.stderr.write(f"The site starts without papers. {error}")
        else:
            if counts:
                self.stdout.write(f"The first papers come from the listing in seeds/: {counts}")
        return launcher.create_admin()

    def welcome(self, password: str | None) -> None:
        """Print the addresses of the site and how to log in."""
        account = (
            f"user admin, password {password} (shown only this once)"
            if password
            else "user admin; a new password: python manage.py changepassword admin"
        )
        lines = [f"Site   {settings.SITE_URL}/"]
        if settings.LOCAL:
            lines.append(f"Inbox  {settings.SITE_URL}/inbox/  every mail that is sent")
        lines.append(f"Admin  {settings.SITE_URL}/admin/  {account}")
        self.stdout.write("\n  " + "\n  ".join(lines) + "\n")
