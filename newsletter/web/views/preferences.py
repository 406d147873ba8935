"""The preferences page of a subscriber."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now

from newsletter import tasks
from newsletter.digests import preview as previews
from newsletter.models import Subscriber
from newsletter.process import enqueue
from newsletter.security import tokens
from newsletter.subscriptions import preferences as stored
from newsletter.subscriptions import privacy, private_feeds
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.preferences import Choices
from newsletter.web.entries import entries_of
from newsletter.web.forms import PreferencesForm
from newsletter.web.presenters import from_picks
from newsletter.web.views.request_origin import origin_of
from newsletter.web.views.subscriber import unsubscribed_page
from newsletter.web.views.subscription_status import status_context
from newsletter.web.views.token_page import token_page
from papers.recommend.rates import WeeklyRates

log = logging.getLogger(__name__)

PAGE: Final = "preferences page"
PAUSES: Final = {"week": timedelta(days=7), "month": timedelta(days=30)}


@token_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show the choices; carry out the ``action`` of a POST."""
    subscriber = tokens.subscriber_of_preferences_token(token)
    if request.method != "POST":
        return _show(request, subscriber)
    if request.POST.get("send") == "now":
        return _send_now(request, subscriber)
    act = ACTIONS.get(request.POST.get("action", "save"), _save)
    return act(request, subscriber)


def _save(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    form = PreferencesForm(subscriber, request.POST)
    if not form.is_valid():
        return _show(request, subscriber, form)
    subscriptions.change_preferences(subscriber, form.choices, origin_of(request, PAGE))
    enqueue.on_commit(tasks.assemble_digests, subscriber.pk, subscriber.pk)
    return _show(request, subscriber, done=" ".join(["Your choices are saved.", *form.notes]))


def _preview(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    """Show what the choices in the form would give, and keep them in the form; store nothing."""
    form = PreferencesForm(subscriber, request.POST)
    if not form.is_valid():
        return _show(request, subscriber, form)
    return _show(request, subscriber, form, status=200)


def _send_now(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    """Send the first digest without waiting for choices."""
    if subscriptions.send_first_digest(subscriber):
        enqueue.on_commit(tasks.assemble_digests, subscriber.pk, subscriber.pk)
        subscriber.refresh_from_db()
    return _show(request, subscriber, done="Your first digest is on its way.")


def _pause(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    length = PAUSES.get(request.POST.get("for", ""))
    until = now() + length if length else None
    subscriptions.pause(subscriber, until, origin_of(request, PAGE))
    return _show(request, subscriber)


def _resume(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    subscriptions.resume(subscriber, origin_of(request, PAGE))
    back = subscriber.status == Subscriber.Status.ACTIVE
    return _show(request, subscriber, done="Welcome back." if back else "")


def _unsubscribe(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    subscriptions.unsubscribe(subscriber, origin_of(request, PAGE))
    return unsubscribed_page(request, subscriber)


def _mail_privacy_link(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    if privacy.request_link(subscriber, now()):
        enqueue.on_commit(tasks.deliver_notices)
        return _show(request, subscriber, done="The link to your data is on its way by mail.")
    return _show(request, subscriber, done="The link was mailed within the last hour.")


def _renew_feed(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    private_feeds.renew_address(subscriber)
    return _show(request, subscriber, done="Your feed has a new address; the old one is void.")


ACTIONS: Final[dict[str, Callable[[HttpRequest, Subscriber], HttpResponse]]] = {
    "save": _save,
    "preview": _preview,
    "pause": _pause,
    "resume": _resume,
    "unsubscribe": _unsubscribe,
    "privacy": _mail_privacy_link,
    "renew-feed": _renew_feed,
}


def _show(
    request: HttpRequest,
    subscriber: Subscriber,
    sent: PreferencesForm | None = None,
    *,
    done: str = "",
    status: int = 400,
) -> HttpResponse:
    """Render the page.

    Args:
        request: The request.
        subscriber: Whose page.
        sent: A form that is not stored: refused, or only to be looked at.
        done: What was done, in a sentence.
        status: The status of the answer where there is a ``sent`` form.
    """
    proposed = not subscriptions.has_chosen_timezone(subscriber)
    form = sent or PreferencesForm(subscriber, propose_timezone=proposed)
    context = status_context(subscriber) | {
        "form": form,
        "done": done,
        "contact": settings.CONTACT_EMAIL,
        "feed_url": tokens.url_for("private-feed", tokens.feed_token(subscriber)),
        "json_feed_url": tokens.url_for("private-feed-json", tokens.feed_token(subscriber)),
        "first_waits": subscriptions.waits_for_choices(subscriber),
        "unsaved": sent is not None and status == 200,
    }
    context |= _what_it_gives(subscriber, form)
    return render(request, "subscriber/preferences.html", context, status=status if sent else 200)


def _what_it_gives(subscriber: Subscriber, form: PreferencesForm) -> dict[str, Any]:
    """Return template values: the rows of the lists, and the first papers of the next digest.

    Whatever is wrong with the papers, and while they are still being read, everybody can change
    their choices, and leave.
    """
    choices = cast(Choices, {name: form.chosen(name) for name in stored.LISTS})
    picks, found, driving, authors = [], WeeklyRates({}, 0.0), [], set[str]()
    try:
        if previews.are_ready():
            given = previews.Preview(choices)
            picks, found = given.picks_for(subscriber), given.weekly_rates()
            driving, authors = given.driving_words(), given.author_names()
    except Exception:
        log.exception("The preview of subscriber %s failed.", subscriber.pk)
    return {
        "picks": from_picks(picks),
        "entries": entries_of(form, found, authors),
        "driving": [(one.word, round(100 * one.pull, 1)) for one in driving],
    }
