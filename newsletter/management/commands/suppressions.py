"""``manage.py suppressions``: list, lift, export and import suppressed addresses."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from newsletter.models import Subscriber, Suppression
from newsletter.security import audit, email_addresses
from newsletter.subscriptions import csv_files, suppression_lists, suppressions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.csv_files import RowResult
from papers.management.output import whole_file
from papers.management.progress import bar
from papers.text.times import parse_time

CONDITIONS: Final = ("reason", "domain", "since", "until")
ORIGIN: Final = ActionOrigin("command suppressions")
UNUSABLE: Final = 2


class Command(BaseCommand):
    """Work with the suppression list."""

    help = (
        "Work with the suppression list: without an option, or with --list, print it; --lift lifts "
        "the suppression of addresses, --lift-where of all that fit its conditions; --export and "
        "--import give it out and take it in as CSV (email, reason, created_at, detail, "
        "address_hash; only an address, or the hash of an erased one, is required). Who is lifted "
        "is again what they were before: active if they had confirmed, paused, unsubscribed or "
        "pending. Erasures are lifted only by --lift or by reason=erased. "
        "The last line counts: suppressed=, lifted= and unknown=, or created=, unchanged= and "
        "refused=. Exit status: 0 done, 1 some unknown or refused, 2 an option or a file cannot "
        "be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options, of which one can be used at a time."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--list", action="store_true", help="print address, reason and time")
        what.add_argument("--lift", nargs="+", metavar="EMAIL", default=[])
        what.add_argument(
            "--lift-where",
            nargs="+",
            metavar="CONDITION",
            default=[],
            help="reason=R (one of " + ", ".join(Suppression.Reason.values) + "), domain=D, "
            "since=T, until=T; all must fit; times are ISO 8601, UTC unless they say otherwise",
        )
        what.add_argument("--export", type=Path, metavar="FILE")
        what.add_argument("--import", type=Path, metavar="FILE", dest="import_file")
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")

    def handle(self, *_: object, **options: Any) -> None:
        """Do what the option says."""
        dry_run = bool(options["dry_run"])
        if options["lift"]:
            self._lift_addresses(options["lift"], dry_run=dry_run)
        elif options["lift_where"]:
            found = suppressions.find(**_conditions(options["lift_where"]))
            said = f"lifted={self._lift(found, dry_run=dry_run)} unknown=0"
            if not dry_run:
                named = f"suppressions --lift-where {' '.join(options['lift_where'])}"
                audit.record(audit.COMMAND_LINE, said, named)
            self.stdout.write(said)
        elif options["export"]:
            self._export(options["export"])
        elif options["import_file"]:
            self._import(options["import_file"], dry_run=dry_run)
        else:
            self._list()

    def _list(self) -> None:
        count = 0
        for row in Suppression.objects.order_by("created_at", "pk").iterator(chunk_size=2000):
            words = (str(row), row.reason, f"{row.created_at:%Y-%m-%d %H:%M}Z", row.detail)
            self.stdout.write("  ".join(words).rstrip())
            count += 1
        self.stdout.write(f"suppressed={count}")

    def _lift_addresses(self, addresses: Iterable[str], *, dry_run: bool) -> None:
        lifted = unknown = 0
        for address in addresses:
            key = email_addresses.key_of(address)
            found = suppressions.of_address(key)
            count = found.count() if dry_run else suppressions.lift(found, ORIGIN)
            if count and not dry_run:
                person = Subscriber.objects.filter(email_key=key).first()
                audit.record(audit.COMMAND_LINE, "suppression lifted", person or key)
            lifted += count
            if not count:
                unknown += 1
                self.stderr.write(f"{address} is not suppressed.")
        self.stdout.write(f"lifted={lifted} unknown={unknown}")
        if unknown:
            raise SystemExit(1)

    def _lift(self, found: QuerySet[Suppression], *, dry_run: bool) -> int:
        total = found.count()
        if dry_run:
            return total
        with bar(total=total, unit=" addresses") as progress:
            lifted = 0
            for count in suppressions.lift_many(found, ORIGIN):
                lifted += count
                progress.update(count)
        return lifted

    def _export(self, path: Path) -> None:
        rows = Suppression.objects.order_by("pk")
        with whole_file(path, mode=0o600) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(suppression_lists.COLUMNS)
            count = 0
            listed = suppression_lists.export_rows(rows)
            for row in bar(listed, total=rows.count(), unit=" addresses"):
                writer.writerow(row)
                count += 1
        said = f"suppressed={count}"
        audit.record(audit.COMMAND_LINE, said, "suppressions --export")
        self.stdout.write(said)

    def _import(self, path: Path, *, dry_run: bool) -> None:
        try:
            counts = suppression_lists.import_table(
                csv_files.read(path), self._report, dry_run=dry_run
            )
        except csv_files.SpreadsheetError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        said = " ".join(f"{name}={counts[name]}" for name in suppression_lists.RESULTS)
        if not dry_run:
            audit.record(audit.COMMAND_LINE, said, f"suppressions --import {path.name}")
        self.stdout.write(said)
        if counts["refused"]:
            raise SystemExit(1)

    def _report(self, row: RowResult) -> None:
        if row.result == "refused":
            self.stderr.write(f"line {row.line}: {row.sentence}")


def _conditions(words: Iterable[str]) -> dict[str, Any]:
    """Return the conditions of ``suppressions.find``; raises CommandError for an unusable one."""
    conditions: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in CONDITIONS or not equals or not value:
            raise CommandError(
                f"“{word}” is not a condition; write {', '.join(f'{c}=…' for c in CONDITIONS)}.",
                returncode=UNUSABLE,
            )
        conditions[name] = _moment(value) if name in {"since", "until"} else value
    if conditions.get("reason", "manual") not in Suppression.Reason.values:
        raise CommandError(
            f"“{conditions['reason']}” is not a reason; write one of "
            f"{', '.join(Suppression.Reason.values)}.",
            returncode=UNUSABLE,
        )
    return conditions


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        sentence = f"“{text}” is not a time; write it like 2025-03-11T08:00Z."
        raise CommandError(sentence, returncode=UNUSABLE) from error
