"""The preferences page of a subscriber."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now

from newsletter import tasks
from newsletter.models import Subscriber
from newsletter.process import enqueue
from newsletter.security import tokens
from newsletter.subscriptions import privacy
from newsletter.subscriptions import service as subscriptions
from newsletter.web.forms import PreferencesForm
from newsletter.web.views.request_origin import origin_of
from newsletter.web.views.subscriber import unsubscribed_page
from newsletter.web.views.subscription_status import status_context
from newsletter.web.views.token_page import token_page

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
    enqueue.on_commit(tasks.send_digests)
    return _show(request, subscriber, done="Your choices are saved.")


def _send_now(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    """Send the first digest without waiting for choices."""
    if subscriptions.send_first_digest(subscriber):
        enqueue.on_commit(tasks.send_digests)
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


ACTIONS: Final[dict[str, Callable[[HttpRequest, Subscriber], HttpResponse]]] = {
    "save": _save,
    "pause": _pause,
    "resume": _resume,
    "unsubscribe": _unsubscribe,
    "privacy": _mail_privacy_link,
}


def _show(
    request: HttpRequest,
    subscriber: Subscriber,
    refused: PreferencesForm | None = None,
    *,
    done: str = "",
) -> HttpResponse:
    """Render the page with a message (``done``) or with a ``refused`` form (status 400)."""
    proposed = not subscriptions.has_chosen_timezone(subscriber)
    context = status_context(subscriber) | {
        "form": refused or PreferencesForm(subscriber, propose_timezone=proposed),
        "done": done,
        "contact": settings.CONTACT_EMAIL,
        "first_waits": subscriptions.waits_for_choices(subscriber),
    }
    status = 400 if refused else 200
    return render(request, "subscriber/preferences.html", context, status=status)
