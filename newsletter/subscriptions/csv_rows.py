"""The rows of a list of subscribers, parsed and checked one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple, cast

from django.utils.timezone import now

from newsletter.models import Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.security.email_addresses import Address
from newsletter.subscriptions import csv_files, parsers, preferences, presets
from newsletter.subscriptions.csv_files import (
    EDGES,
    Row,
    RowResult,
    SpreadsheetError,
    Table,
    restored,
)
from newsletter.subscriptions.preferences import Choices
from newsletter.subscriptions.presets import Preset
from newsletter.subscriptions.suppressions import STATUS_AFTER, SuppressedAddress
from papers.text.times import parse_time

LISTS: Final = tuple(preferences.LISTS)
PAPER_LISTS: Final = ("likes", "dislikes")
PROOF: Final = ("confirmed_at", "consent_source")
HISTORY: Final = ("status", "created_at", "paused_until", "likes_since")
SUPPRESSION: Final = (
    *("suppressed_at", "suppression_reason", "suppression_detail", "status_when_lifted"),
)
COLUMNS: Final = ("email", *PROOF, *preferences.SETTINGS, *LISTS, *HISTORY, *SUPPRESSION)
TITLE_ID: Final = re.compile(r"t-[0-9a-f]{1,62}")
DATES: Final = ("%d.%m.%Y", "%Y/%m/%d", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y")
"""Dates of other services that can be read in one way only; ISO 8601 comes first."""
SLASHED_DATES: Final = ("%m/%d/%Y", "%d/%m/%Y")
HOURS: Final = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
MAX_SOURCE_CHARACTERS: Final = 200
MAX_ADDRESS_CHARACTERS: Final = 254
Status = Subscriber.Status


class RowError(ValueError):
    """Raised for a row that cannot be taken; the message is one sentence for the operator."""


@dataclass
class ParsedRow:
    """One row with valid values; rated papers are names until they are looked up."""

    line: int
    address: Address
    choices: Choices = field(default_factory=Choices)
    papers: dict[str, list[str]] = field(default_factory=dict)
    liked_at: list[datetime] = field(default_factory=list)
    status: str = ""
    confirmed_at: datetime | None = None
    consent_source: str = ""
    created_at: datetime | None = None
    paused_until: datetime | None = None
    status_when_lifted: str = ""
    suppression: SuppressedAddress | None = None
    foreign: bool = False
    remark: str = ""

    @property
    def consented(self) -> bool:
        """Return whether the row proves consent and does not say that it was never given."""
        return bool(self.confirmed_at and self.consent_source) and self.status != Status.PENDING

    def said(self, sentence: str) -> str:
        """Return the sentence about the row; of who stays pending, with the reason."""
        pending = sentence == str(Status.PENDING.label)
        return f"{sentence}; {self.remark}" if pending and self.remark else sentence


class OpenedList(NamedTuple):
    """A list of subscribers with the service that made it and the use of its columns."""

    table: Table
    preset: Preset
    used: dict[str, str]
    unused: list[str]


def open_list(path: Path, preset_name: str, name: str = "") -> OpenedList:
    """Open a list of subscribers; ``name`` is what sentences call the file, its path if empty.

    Raises:
        SpreadsheetError: It is no table, or its columns cannot be used.
    """
    name = name or str(path)
    table = csv_files.read(path, name)
    auto = preset_name == presets.AUTO
    preset = presets.detect(table.columns) if auto else presets.PRESETS[preset_name]
    used = used_columns(table, preset)
    if "email" not in used.values():
        raise SpreadsheetError(
            f"{name} has no column named {preset.email[0]} in its first line; add one."
        )
    if twice := table.repeated.intersection(used):
        raise SpreadsheetError(
            f"{name} names a column twice: {', '.join(sorted(twice))}; "
            "every column that is used needs its own name."
        )
    unused = list(dict.fromkeys(name for name in table.columns if name and name not in used))
    return OpenedList(table, preset, used, unused)


def used_columns(table: Table, preset: Preset) -> dict[str, str]:
    """Return the columns of a file that are used, with what each becomes."""
    if preset is presets.OWN:
        own = {name: name for name in table.columns if name in COLUMNS}
        return preset.mapping(table.columns) | own
    return preset.mapping(table.columns)


def parse_rows(table: Table, preset: Preset) -> Iterator[ParsedRow | RowResult]:
    """Yield every row, or the result that says why it is refused."""
    used = used_columns(table, preset)
    column = next((name for name, use in used.items() if use == "email"), "")
    parse = _parse_own if preset is presets.OWN else _parse_foreign
    for row in table.rows:
        try:
            if row.problem:
                raise RowError(row.problem)
            astray = row.multiline.intersection(used)
            if astray:
                raise RowError(
                    f"A quotation mark in line {row.line} is not closed. If they all are, write "
                    f"the text in the column {min(astray)} in one line."
                )
            yield parse(row, used, preset)
        except (RowError, email_addresses.EmailAddressError, parsers.InputError) as error:
            address = row.cells.get(column, "").strip(EDGES)[:MAX_ADDRESS_CHARACTERS]
            yield RowResult(row.line, "refused", str(error), address)


def _parse_own(row: Row, used: dict[str, str], _preset: Preset) -> ParsedRow:
    cells = {use: row.cells.get(name, "").strip(" ") for name, use in used.items()}
    parsed = ParsedRow(row.line, _address(cells))
    parsed.choices = cast(
        Choices,
        {
            name: parsers.PARSERS[name](_restored(name, cells[name]))
            for name in (*preferences.SETTINGS, *LISTS)
            if name not in PAPER_LISTS and cells.get(name)
        },
    )
    for name in PAPER_LISTS:
        if cells.get(name):
            parsed.papers[name] = parsers.phrases(_restored(name, cells[name]))
    parsed.status = _status(cells.get("status", ""))
    parsed.consent_source = _source(restored(cells.get("consent_source", "")))
    parsed.confirmed_at = _past("confirmed_at", cells)
    parsed.created_at = _past("created_at", cells)
    parsed.paused_until = _moment("paused_until", cells.get("paused_until", ""))
    parsed.status_when_lifted = _status(cells.get("status_when_lifted", ""))
    since = filter(None, cells.get("likes_since", "").split(";"))
    parsed.liked_at = [moment for text in since if (moment := _moment("likes_since", text))]
    if parsed.status == Status.SUPPRESSED:
        reason = cells.get("suppression_reason", "")
        parsed.suppression = SuppressedAddress(
            parsed.address.key,
            reason if reason in Suppression.Reason.values else Suppression.Reason.MANUAL,
            restored(cells.get("suppression_detail", "")),
            _past("suppressed_at", cells),
        )
    return parsed


def _parse_foreign(row: Row, used: dict[str, str], preset: Preset) -> ParsedRow:
    """Read a row of another service; what it says beside address and consent is never an error."""
    cells = {name: cell.strip(EDGES).strip() for name, cell in row.cells.items()}
    ours = {use: cells.get(name, "") for name, use in used.items()}
    parsed = ParsedRow(row.line, _address(ours), foreign=True)
    if ours.get("timezone"):
        with suppress(parsers.InputError):
            parsed.choices["timezone"] = parsers.timezone(ours["timezone"])
    departure = preset.departed(cells)
    if departure:
        since = next(
            (cells[name] for name, use in used.items() if use == "suppressed_at" and cells[name]),
            "",
        )
        parsed.suppression = SuppressedAddress(
            parsed.address.key, departure.reason, departure.detail.strip(), foreign_time(since)
        )
    confirmed = ours.get("confirmed_at", "")
    parsed.confirmed_at = foreign_time(confirmed)
    if parsed.confirmed_at:
        parsed.consent_source = f"confirmed at {preset.title}"
    elif confirmed:
        parsed.remark = (
            f"the time of confirmation {parsers.quoted(confirmed)} cannot be read for certain; "
            "write it like 2025-03-11"
        )
    return parsed


def _address(cells: dict[str, str]) -> Address:
    return email_addresses.parse(restored(cells.get("email", "").strip(EDGES)))


def _restored(name: str, cell: str) -> str:
    if name not in LISTS:
        return restored(cell)
    return ";".join(restored(part.strip(" ")) for part in cell.split(";"))


def _status(text: str) -> str:
    status = text.lower()
    if status and status not in Status.values:
        raise RowError(
            f"{parsers.quoted(text)} is not a status; write one of {', '.join(Status.values)}, "
            "or choose the preset of the service that made the file."
        )
    return status


def _source(text: str) -> str:
    words = parsers.phrases(text)
    if len(words) > 1 or len(text) > MAX_SOURCE_CHARACTERS:
        raise RowError(
            f"consent_source is one line of at most {MAX_SOURCE_CHARACTERS} characters without “;”."
        )
    return words[0] if words else ""


def _past(name: str, cells: dict[str, str]) -> datetime | None:
    moment = _moment(name, cells.get(name, ""))
    if moment and moment > now():
        raise RowError(f"{name} {parsers.quoted(cells[name])} is in the future.")
    return moment


def _moment(name: str, text: str) -> datetime | None:
    """Parse an ISO 8601 date or time, UTC unless it says otherwise."""
    if not text:
        return None
    try:
        return parse_time(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RowError(
            f"{parsers.quoted(text)} is not a time; write {name} like 2025-03-11T08:00:00Z."
        ) from error


def foreign_time(text: str) -> datetime | None:
    """Return a time of the past as other services write it, UTC unless it says otherwise.

    None for any other text, and for a date that could be two: 05/06/2023.
    """
    text = " ".join(text.split())
    try:
        found = {parse_time(text).astimezone(UTC)}
    except (ValueError, OverflowError):
        plain = text.removesuffix(" UTC").removesuffix(" GMT")
        found = _read_as(plain, DATES) or _read_as(plain, SLASHED_DATES)
        with suppress(ValueError, OverflowError):
            found |= {parse_time(plain).astimezone(UTC)}
    return found.pop() if len(found) == 1 and max(found) <= now() else None


def _read_as(text: str, dates: tuple[str, ...]) -> set[datetime]:
    """Return what a text means in any of these forms."""
    found = set()
    for date, hour in product(dates, HOURS):
        with suppress(ValueError):
            found.add(datetime.strptime(text, f"{date}{hour}").replace(tzinfo=UTC))
    return found


def lifted_action(parsed: ParsedRow) -> str | None:
    """Return the action of the consent log that leads to the status of a row, if it needs one."""
    wanted = parsed.status_when_lifted if parsed.suppression else parsed.status
    actions = (action for action, status in STATUS_AFTER.items() if status == wanted)
    return next(actions, None) if wanted in {Status.PAUSED, Status.UNSUBSCRIBED} else None
