"""The preview: choose, see what that gives, then subscribe."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from newsletter.digests import preview as previews
from newsletter.subscriptions.preferences import Choices
from newsletter.web.entries import entries_of
from newsletter.web.forms import PreviewForm
from newsletter.web.presenters import from_picks
from newsletter.web.request_limit import limited
from newsletter.web.views.request_origin import origin_of
from papers.recommend.rates import WeeklyRates

PREVIEWS_PER_MINUTE: Final = 30
"""From one network address."""
TOO_MANY: Final = "Too many previews came from your network. Try again in a minute."
STILL_READING: Final = "The papers are just being read. Reload this page in a minute."


@require_safe
@never_cache
def preview(request: HttpRequest) -> HttpResponse:
    """Show the papers that the choices in the address give; nothing is stored."""
    form = PreviewForm(request.GET)
    if limited("preview", origin_of(request, "preview").ip, PREVIEWS_PER_MINUTE):
        return _without_papers(request, form, TOO_MANY, 429)
    if not previews.are_ready():
        return _without_papers(request, form, STILL_READING, 503)
    valid = form.is_valid()
    choices: Choices = form.choices if valid else {}
    asked = any(choices.get(name) for name in form.fields)
    given = previews.Preview(choices)
    liked = set(choices.get("likes") or [])
    context = {
        "form": form,
        "asked": asked,
        "chosen": [(name, value) for name in form.fields for value in form.chosen(name)],
        "entries": entries_of(form, given.weekly_rates(), given.author_names()),
        "picks": from_picks(given.picks()) if asked else [],
        "sample": from_picks([one for one in previews.sample() if one.paper not in liked]),
    }
    return render(request, "site/preview.html", context, status=200 if valid else 400)


def _without_papers(
    request: HttpRequest, form: PreviewForm, problem: str, status: int
) -> HttpResponse:
    """Say why there is no preview now; what was chosen stays in the form."""
    entries = entries_of(form, WeeklyRates({}, 0))
    context = {"form": form, "problem": problem, "entries": entries}
    response = render(request, "site/preview.html", context, status=status)
    response.headers["Retry-After"] = "60"
    return response
