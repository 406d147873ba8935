"""The page of one import: how far it is, and what becomes of its rows, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from newsletter.admin.import_forms import PRESETS, PresetForm, StartForm
from newsletter.models import ListImport
from newsletter.subscriptions import list_imports
from papers.admin.base import url_of, url_of_list

State = ListImport.State
ROWS_SHOWN: Final = 100
REFRESH_SECONDS: Final = 2


@dataclass(frozen=True)
class Tab:
    """The rows with one result: their number, and whether they are shown."""

    result: str
    count: int
    url: str
    shown: bool


def context_of(
    request: HttpRequest, stored: ListImport, form: StartForm, *, may_import: bool
) -> dict[str, Any]:
    """Return what the template shows of an import."""
    planned = stored.state in {State.CHECKING, State.CHECKED}
    counts: dict[str, int] = stored.planned if planned else stored.counts
    chosen = _chosen(request, stored, counts)
    waiting = may_import and stored.state in {State.CHECKED, State.FAILED}
    return {
        "title": stored.name,
        "original": stored,
        "made_by": dict(PRESETS)[stored.preset],
        # PostgreSQL keeps no order of the columns.
        "mapping": sorted(stored.mapping.items(), key=lambda pair: (pair[1] != "email", pair)),
        "refresh": REFRESH_SECONDS if stored.state in list_imports.UNFINISHED else None,
        "percent": min(100, 100 * stored.last_line // max(1, stored.lines)),
        "total": sum(counts.values()),
        "tabs": [
            Tab(word, counts.get(word, 0), f"{url_of(stored)}?result={word}", word == chosen)
            for word in list_imports.RESULTS[stored.kind]
        ],
        **_rows(request, stored, chosen, counts.get(chosen, 0)),
        "form": form if may_import and stored.state == State.CHECKED else None,
        "preset_form": PresetForm(initial={"preset": stored.preset})
        if waiting and stored.kind == ListImport.Kind.SUBSCRIBERS
        else None,
        "may_import": may_import,
        "urls": {
            name: reverse(f"admin:newsletter_listimport_{name}", args=[stored.pk])
            for name in ("start", "check", "remove")
        },
        "list_url": url_of_list(ListImport),
    }


def _rows(request: HttpRequest, stored: ListImport, chosen: str, total: int) -> dict[str, Any]:
    """Return the rows of the page that was asked for, and the links to its neighbours."""
    last_page = max(0, total - 1) // ROWS_SHOWN
    page = min(_number(request.GET.get("p", "")), last_page)
    start = page * ROWS_SHOWN
    return {
        "rows": list_imports.results_between(stored, chosen, start, start + ROWS_SHOWN),
        "first": start + 1,
        "last": min(start + ROWS_SHOWN, total),
        "shown_total": total,
        "earlier": f"?result={chosen}&p={page - 1}" if page else "",
        "later": f"?result={chosen}&p={page + 1}" if page < last_page else "",
    }


def _chosen(request: HttpRequest, stored: ListImport, counts: dict[str, int]) -> str:
    """Return the result whose rows are shown: what was refused comes first."""
    words = list_imports.RESULTS[stored.kind]
    asked = request.GET.get("result", "")
    if asked in words:
        return asked
    order = ("refused", *words)
    return next((word for word in order if counts.get(word)), words[0])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
