"""The preview: choose, see what that gives, then subscribe."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from newsletter.digests import preview as previews
from newsletter.subscriptions.preferences import Choices
from newsletter.web.forms import PreviewForm
from newsletter.web.presenters import ListedPaper
from newsletter.web.request_limit import limited
from newsletter.web.views.request_origin import origin_of
from papers.models import Paper
from papers.recommend.diversify import Pick

PREVIEWS_PER_MINUTE: Final = 30
"""From one network address."""


@require_safe
@never_cache
def preview(request: HttpRequest) -> HttpResponse:
    """Show the papers that the choices in the address give; nothing is stored."""
    form = PreviewForm(request.GET)
    context = {"form": form, "asked": False, "picks": []}
    if limited("preview", origin_of(request, "preview").ip, PREVIEWS_PER_MINUTE):
        context["problem"] = "Too many previews came from your network. Try again in a minute."
        return render(request, "site/preview.html", context, status=429)
    valid = form.is_valid()
    choices: Choices = form.choices if valid else {}
    asked = any(choices.get(name) for name in form.fields)
    context |= {
        "asked": asked,
        "chosen": [(name, value) for name in form.fields for value in _values(choices, name)],
        "picks": _listed(previews.choose(choices)) if asked else [],
        "sample": _listed(previews.sample()),
        "liked": set(choices.get("likes") or []),
    }
    return render(request, "site/preview.html", context, status=200 if valid else 400)


def _values(choices: Choices, name: str) -> list[str]:
    values: list[str] = choices.get(name) or []  # type: ignore[assignment]
    return values


def _listed(picks: list[Pick]) -> list[ListedPaper]:
    """Return chosen papers as a page lists them."""
    found = {
        paper.canonical_id: paper
        for paper in Paper.objects.filter(canonical_id__in=[pick.paper for pick in picks])
    }
    return [
        ListedPaper(found[pick.paper], rank, pick.reason)
        for rank, pick in enumerate(picks, start=1)
        if pick.paper in found
    ]
