"""``manage.py preview_digest EMAIL``: what this subscriber would get now; changes nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.timezone import now

from newsletter.digests import assembly
from newsletter.mail import messages, snapshots
from newsletter.models import Digest, Subscriber
from newsletter.security import email_addresses


class Command(BaseCommand):
    """Print the digest that a subscriber would get now."""

    help = "Print the digest that a subscriber would get now. Nothing is stored or sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the address and the format."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--format", choices=["html", "text", "eml"], default="text")

    def handle(self, **options: Any) -> None:
        """Render the digest, print it and roll back anything stored on the way."""
        person = self._subscriber(options["email"])
        digest = assembly.preview(person, now())
        if digest.state == Digest.State.SKIPPED:
            raise CommandError(f"{person.email} would get nothing now. {digest.reason}")
        # Links in the mail may have to mint a token; a preview takes that back.
        with transaction.atomic():
            try:
                message = messages.digest_message(digest, snapshots.cards_of(digest))
            except messages.IncompleteMessageError as error:
                raise CommandError(f"There is no mail for {person.email}. {error}") from error
            text = self._format(message, options["format"])
            transaction.set_rollback(True)
        self.stdout.write(text)
        if person.status != Subscriber.Status.ACTIVE:
            self.stderr.write(
                f"{person.email} is {person.get_status_display()}: "
                "no digest is sent while that lasts."
            )

    def _format(self, message: Any, form: str) -> str:
        if form == "html":
            return str(message.alternatives[0][0])
        if form == "eml":
            return str(message.message().as_string())
        return str(message.body)

    def _subscriber(self, text: str) -> Subscriber:
        try:
            key = email_addresses.parse(text).key
        except email_addresses.EmailAddressError as error:
            raise CommandError(f"{text!r}: {error}", returncode=2) from None
        person = Subscriber.objects.filter(email_key=key).first()
        if person is None:
            raise CommandError(
                f"{text} is not a subscriber. Sign up on the site or use import_subscribers.",
                returncode=2,
            )
        return person
