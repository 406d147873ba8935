"""Addresses that come again in a file, for a dry run, which stores nothing that would tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from newsletter.models import Subscriber
from newsletter.subscriptions.csv_files import RowResult
from newsletter.subscriptions.csv_rows import ParsedRow

Status = Subscriber.Status
STAYS_AWAY: Final = "This address unsubscribed or is suppressed and stays so."
SUPPRESSED_ALREADY: Final = "This address is suppressed already."


class Outcome(NamedTuple):
    """What an earlier row would have made of its address: a status and a hash of its choices."""

    status: str
    choices: int


class RepeatedRows:
    """What a dry run would have changed so far, by address: some 200 bytes each.

    Of the choices a hash is kept: a later row that repeats only some of an earlier one's is taken
    for a change.
    """

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def others(
        self, rows: Iterable[ParsedRow], report: Callable[[RowResult], None]
    ) -> list[ParsedRow]:
        """Report the rows whose address an earlier one would have changed; return the others."""
        rest = []
        for row in rows:
            outcome = self.outcomes.get(row.address.key)
            if outcome is None:
                rest.append(row)
                continue
            status, result, sentence = _again(row, outcome)
            if result != "unchanged":
                self.outcomes[row.address.key] = Outcome(status, _hash(row))
            report(RowResult(row.line, result, row.said(sentence), row.address.email))
        return rest

    def note(
        self, rows: Iterable[ParsedRow], results: Iterable[RowResult], statuses: Mapping[int, str]
    ) -> None:
        """Keep what the rows of a batch would have changed.

        Args:
            rows: The rows of the batch.
            results: What was reported of them.
            statuses: The status of each created or updated subscriber, by the line of its row.
        """
        suppressed = {result.line for result in results if result.result == "suppressed"}
        for row in rows:
            if row.line in suppressed:
                self.outcomes[row.address.key] = Outcome(Status.SUPPRESSED, 0)
            elif row.line in statuses:
                self.outcomes[row.address.key] = Outcome(statuses[row.line], _hash(row))


def _again(row: ParsedRow, outcome: Outcome) -> tuple[str, str, str]:
    """Return the status that a further row leads to, its result and the sentence about it."""
    status = outcome.status
    if row.suppression and status == Status.SUPPRESSED:
        return status, "unchanged", SUPPRESSED_ALREADY
    if row.suppression:
        return Status.SUPPRESSED, "suppressed", row.suppression.detail
    if status in {Status.SUPPRESSED, Status.UNSUBSCRIBED}:
        stays = row.status == status
        return status, "unchanged" if stays else "refused", "" if stays else STAYS_AWAY
    if status == Status.PENDING and row.consented:
        return Status.ACTIVE, "updated", str(Status.ACTIVE.label)
    changed = bool(row.choices) and _hash(row) != outcome.choices
    return status, "updated" if changed else "unchanged", str(Status(status).label)


def _hash(row: ParsedRow) -> int:
    return hash(repr(sorted(row.choices.items())))
