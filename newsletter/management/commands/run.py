"""``manage.py run``: the whole service with one command."""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from newsletter import launch


class Command(BaseCommand):
    help = (
        "Set up what is missing (tables, the account admin, the first papers), then run web "
        "server, worker and beat until Ctrl-C. The port is PORT, 8000 if unset."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for number in launch.STOP_SIGNALS:
            signal.signal(number, lambda *_: sys.exit(0))  # Nothing runs yet.
        try:
            held = launch.refuse_second_start()
            launch.refuse_occupied_port()
        except launch.LaunchError as error:
            raise CommandError(str(error)) from error
        password = self.prepare()
        self.welcome(password)
        code = launch.run_parts()
        del held
        sys.exit(code)

    def prepare(self) -> str | None:
        """Everything a first start needs; on later ones there is nothing to do."""
        if not settings.LOCAL:
            call_command("check", deploy=True)
            call_command("collectstatic", interactive=False, verbosity=0)
        if launch.migrate():
            self.stdout.write("The database is up to date.")
        if launch.read_seeds():
            self.stdout.write("The first papers are in: the listing in seeds/.")
        return launch.create_admin()

    def welcome(self, password: str | None) -> None:
        account = (
            f"user admin, password {password} (shown only this once)"
            if password
            else "user admin; a new password: python manage.py changepassword admin"
        )
        lines = [f"Site   {settings.SITE_URL}/"]
        if settings.LOCAL:
            lines.append(f"Inbox  {settings.SITE_URL}/inbox/  every mail that is sent")
        lines.append(f"Admin  {settings.SITE_URL}/admin/  {account}")
        self.stdout.write("\n  " + "\n  ".join(lines) + "\n\nCtrl-C stops it.", ending="\n")
        self.stdout.flush()
