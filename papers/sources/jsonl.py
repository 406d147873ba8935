"""The ``jsonl`` format: one JSON object a line, as ``export_papers`` writes them.

``id`` may be an arXiv id in any spelling; a paper without one is known by its DOI or title.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from papers.sources.arxiv import is_withdrawn
from papers.sources.dates import midnight, moment
from papers.sources.record import (
    Listing,
    ListingError,
    Measurement,
    PaperRecord,
    RecordError,
    Values,
    build,
    total,
)
from papers.text import clean, identifiers
from papers.text.identifiers import ArxivId

IDS: Final = ("id", "arxiv_id", "arxiv", "url", "doi")
LINES_TRIED: Final = 1000
"""Lines after which a file without one paper is given up."""
MONTH: Final = re.compile(r"\d{4}-\d{2}")
TOTALS: Final = ("upvotes", "comments", "stars", "citations")


class WrittenNumber(float):
    """A number that keeps its spelling: as an id, 2611.00010 is not 2611.0001."""

    def __init__(self, written: str) -> None:
        self.written = written


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:
    """Return the papers of a file, announced on ``day``, or on the day that each line names.

    Raises:
        ListingError: Not one line can be read.
    """
    listing = Listing(day=day)
    lines = list(_lines(body))
    if not lines:
        raise ListingError("The file is empty; one JSON object a line was expected.")
    for some in (lines[:LINES_TRIED], lines[LINES_TRIED:]):
        listing.collect(
            some,
            lambda numbered: _record(numbered[1], day, today),
            lambda _, numbered: f"line {numbered[0]}",
        )
        if not listing.records:
            break
    if not listing.records:
        reason = listing.rejections[0].reason
        raise ListingError(f"No line of the file is a paper; the first: {reason}")
    return listing


def json_object(line: bytes) -> dict[str, Any]:
    """Return the object that one line holds. Raises RecordError."""
    try:
        found = json.loads(line.strip().decode(), parse_float=WrittenNumber)
    except UnicodeDecodeError as error:
        raise RecordError(
            f"It is not UTF-8 text at byte {error.start + 1}; save the file as UTF-8."
        ) from error
    except RecursionError as error:
        raise RecordError("Its brackets are nested too deeply; write one flat object.") from error
    except json.JSONDecodeError as error:
        reason = f"It is not JSON: {error.msg.lower()} at character {error.pos + 1}."
        raise RecordError(reason) from error
    except ValueError as error:
        raise RecordError(f"It is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise RecordError("It is a list or a single value; write one object in braces.")
    return found


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            yield number, line


def _record(line: bytes, day: date | None, today: date) -> PaperRecord:
    found = json_object(line)
    comment = _text(found, "comment")
    categories = _list(found, "categories")
    announced = midnight(day) if day else _moment(found, "announced")
    withdrawn = found.get("withdrawn")
    values: Values = {
        "categories": [*filter(None, [_text(found, "primary_category")]), *categories],
        "keywords": _list(found, "keywords", ","),
        "published_at": _moment(found, "published"),
        "revised_at": _moment(found, "updated"),
        "announced_at": announced,
        "journal_ref": _text(found, "journal_ref"),
        "license": _text(found, "license"),
        "summary": _text(found, "summary") if found.get("summary_source") == "huggingface" else "",
        "url": _text(found, "url"),
        "code_url": _text(found, "code_url"),
        "withdrawn": withdrawn if isinstance(withdrawn, bool) else (is_withdrawn(comment) or None),
        "measurements": _measurements(found),
        "observed_at": _moment(found, "observed") or midnight(day or today),
    }
    if pdf := _text(found, "pdf_url"):
        values["pdf_url"] = pdf
    return build(
        clean.unescaped(_text(found, "title")),
        clean.unescaped(_text(found, "abstract" if "abstract" in found else "summary")),
        _own_id(found),
        _text(found, "doi"),
        _list(found, "authors", ", "),
        comment,
        **values,
    )


def _own_id(found: dict[str, Any]) -> ArxivId | None:
    """Return the first arXiv id among the names; the version may stand beside it."""
    written = (getattr(found.get(key), "written", _text(found, key)) for key in IDS)
    named = map(identifiers.arxiv_id, written)
    own = next(filter(None, named), None)
    version = found.get("version")
    if own and own.version is None and isinstance(version, int) and 0 < version < 1000:
        own = ArxivId(own.id, version)
    return own


def _text(found: dict[str, Any], *keys: str) -> str:
    return next((found[key] for key in keys if isinstance(found.get(key), str)), "")


def _list(found: dict[str, Any], key: str, separator: str | None = None) -> list[str]:
    value = found.get(key)
    if isinstance(value, str):
        return value.split(separator)
    names = value if isinstance(value, list) else []
    words = (name.get("name") if isinstance(name, dict) else name for name in names)
    return [word for word in words if isinstance(word, str)]


def _moment(found: dict[str, Any], key: str) -> datetime | None:
    """Return a time; a month without a day counts as its first."""
    value = found.get(key) or found.get(f"{key}_at")
    if value is None:
        return None
    if isinstance(value, str) and MONTH.fullmatch(value):
        value = f"{value}-01"
    parsed = moment(value) if isinstance(value, str) else None
    if parsed is None:
        raise RecordError(f"Its {key!r} is {value!r}, which is no date such as 2025-03-11.")
    return parsed


def _measurements(found: dict[str, Any]) -> tuple[Measurement, ...]:
    counts = ((name, total(found.get(name))) for name in TOTALS)
    return tuple(Measurement(name, count) for name, count in counts if count is not None)
