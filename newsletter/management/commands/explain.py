"""``manage.py explain EMAIL PAPER``: why this paper is, or is not, in what a subscriber gets."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from newsletter.digests.explanation import UnknownPaperError, explain_paper, sentences
from newsletter.models import Subscriber
from newsletter.security import email_addresses

UNUSABLE: Final = 2


class Command(BaseCommand):
    """Explain one paper for one subscriber."""

    help = (
        "Explain why a paper is, or is not, in what a subscriber would get now: its rank, the rule "
        "that decided, and the change to the choices that would let it in. Exit status: 0 "
        "explained, 2 an unknown address or paper."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the address, the paper and the format."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("paper", metavar="PAPER", help="the id of a paper, such as 2503.01234")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, **options: Any) -> None:
        """Explain and print."""
        person = self._subscriber(options["email"])
        try:
            found = explain_paper(person, options["paper"], now())
        except UnknownPaperError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps(asdict(found), ensure_ascii=False))
        else:
            self.stdout.write(sentences(person.email, found))

    def _subscriber(self, text: str) -> Subscriber:
        try:
            key = email_addresses.parse(text).key
            return Subscriber.objects.get(email_key=key)
        except email_addresses.EmailAddressError as error:
            raise CommandError(f"{text!r}: {error}", returncode=UNUSABLE) from None
        except Subscriber.DoesNotExist:
            sentence = f"Nobody with the address {text!r} is subscribed."
            raise CommandError(sentence, returncode=UNUSABLE) from None
