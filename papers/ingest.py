"""Listings into the catalogue: saved files now, the enabled sources when they are due."""

from __future__ import annotations

import gzip
import io
import zlib
from datetime import date
from pathlib import Path
from typing import Final

from django.utils.timezone import now

from papers.catalogue import Counts, upsert
from papers.sources import KINDS
from papers.sources.record import Listing, ListingError

__all__ = ["Counts", "IngestError", "read_file", "upsert"]

FILE_SIZE: Final = 512 * 1024 * 1024


class IngestError(Exception):
    """Nothing could be read; the message is one sentence for people."""


def read_file(
    path: Path, format_name: str, *, day: date | None = None, dry_run: bool = False
) -> Counts:
    """Read a saved listing, gzipped or not. Raises IngestError when it cannot be used at all."""
    if format_name not in KINDS:
        raise IngestError(f"There is no format {format_name!r}; choose one of {', '.join(KINDS)}.")
    if day and day > now().date():
        raise IngestError(f"{day} is still to come; give the day of the listing with --date.")
    kind = KINDS[format_name]
    listing = _parse(path, format_name, day)
    counts = upsert(
        listing.records,
        source=format_name,
        authority=kind.authority,
        only_known=kind.enriches,
        dry_run=dry_run,
    )
    rejections = tuple(listing.rejections)
    return counts + Counts(rejected=len(rejections), rejections=rejections)


def _parse(path: Path, format_name: str, day: date | None) -> Listing:
    try:
        return KINDS[format_name].parse(_content(path), today=now().date(), day=day)
    except ListingError as error:
        raise IngestError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        body = path.read_bytes()
        if body[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked:
                body = unpacked.read(FILE_SIZE + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IngestError(f"{path} is a damaged gzip file; save it again.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise IngestError(f"{path} cannot be read: {reason}.") from error
    if len(body) > FILE_SIZE:
        raise IngestError(f"{path} is larger than {FILE_SIZE >> 20} MB; split it.")
    return body
