"""Sign-up, confirmation, unsubscription and feedback."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from newsletter import tasks
from newsletter.models import Consent, Subscriber
from newsletter.process import enqueue
from newsletter.security import domain_typos, proof_of_work, sign_up_gate, tokens
from newsletter.security.email_addresses import Address
from newsletter.security.sign_up_gate import Decision
from newsletter.subscriptions import consent_log, feedback
from newsletter.subscriptions import service as subscriptions
from newsletter.web.forms import SignUpForm
from newsletter.web.views.inbox import inbox_is_open
from newsletter.web.views.request_origin import origin_of
from newsletter.web.views.subscription_status import SUBSCRIBED, status_context
from newsletter.web.views.token_page import token_page


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """Show the sign-up form; answer every address alike.

    Nothing here depends on a cookie, so CSRF protection would add nothing: anybody may enter
    any address, and the confirmation mail asks its owner.
    """
    if request.method != "POST":
        return render(request, "subscriber/subscribe.html", {"form": SignUpForm()})
    form = SignUpForm(request.POST)
    if not form.is_valid():
        return render(request, "subscriber/subscribe.html", {"form": form}, status=400)
    address = form.cleaned_data["email"]
    if not form.is_honeypot_filled:
        origin = origin_of(request, "sign-up form")
        at = now()
        match sign_up_gate.decide(
            address, origin.ip, at, stamp=form.stamp, solution=form.cleaned_data["altcha"]
        ):
            case Decision.SERVE:
                subscriptions.sign_up(address, request.POST["email"], form.choices, origin)
                enqueue.on_commit(tasks.deliver_notices)
            case Decision.CHALLENGE:
                return _challenge(request, address, at)
            case Decision.REFUSE:
                return render(request, "subscriber/too_many.html", status=429)
    return _asked(request, address)


def _asked(request: HttpRequest, address: Address) -> HttpResponse:
    """Repeat the address, and ask about a domain that looks mistyped."""
    meant = domain_typos.intended(address.domain)
    context = {
        "typed": request.POST["email"].strip(),
        "meant": f"{address.email.rpartition('@')[0]}@{meant}" if meant else "",
        "sent": _sent(request, without=("altcha", "email", "started", "timezone", "website")),
        "laptop_inbox": inbox_is_open(),
    }
    return render(request, "subscriber/asked.html", context)


def _sent(request: HttpRequest, without: Collection[str]) -> list[tuple[str, str]]:
    """Return the names and values of a form, to be sent once more."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in without
        for value in values
    ]


def _challenge(request: HttpRequest, address: Address, at: datetime) -> HttpResponse:
    """Ask for a proof of work with the same form once more."""
    sent = _sent(request, without=("altcha",))
    context = {"sent": sent, "challenge": proof_of_work.challenge_for(address, at)}
    return render(request, "subscriber/challenge.html", context, status=429)


@token_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask the owner of the address to confirm; a POST confirms or rejects the sign-up."""
    consent = tokens.consent_of_confirm_token(token)
    if request.method != "POST":
        return _ask_to_confirm(request, consent)
    origin = origin_of(request, "confirmation page")
    if request.POST.get("action") == "reject":
        subscriptions.reject_sign_up(consent, origin)
        return render(request, "subscriber/sign_up_rejected.html")
    subscriber = subscriptions.confirm(consent, origin)
    enqueue.on_commit(tasks.assemble_digests, subscriber.pk, subscriber.pk)
    if subscriptions.waits_for_choices(subscriber):
        preferences = reverse("preferences", args=[tokens.preferences_token(subscriber)])
        return HttpResponse(status=303, headers={"Location": preferences})
    return _confirmed(request, subscriber)


def _ask_to_confirm(request: HttpRequest, consent: Consent) -> HttpResponse:
    subscriber = consent.subscriber
    if subscriber.status in SUBSCRIBED and not subscriptions.offers_choices(consent):
        return _confirmed(request, subscriber)
    subscriptions.require_open(consent)
    context = {
        "email": subscriber.email,
        "consent_text": consent_log.CONSENT_TEXT,
        "changes_choices": subscriber.status in SUBSCRIBED,
    }
    page = "reject_sign_up" if "not-me" in request.GET else "confirm"
    return render(request, f"subscriber/{page}.html", context)


def _confirmed(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    preferences = tokens.url_for("preferences", tokens.preferences_token(subscriber))
    context = status_context(subscriber) | {
        "preferences_url": preferences,
        "chosen": subscriptions.has_choices(subscriber),
        "returning": subscriber.digests.exists(),
    }
    return render(request, "subscriber/confirmed.html", context)


@token_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask with GET, unsubscribe with POST, whatever its body (RFC 8058, section 3.2).

    A POST with an unknown token is answered like any other: an error would tell the reader
    nothing, and mail providers count it as a refusal to unsubscribe.
    """
    subscriber = tokens.subscriber_of_unsubscribe_token(token)
    if request.method == "POST":
        if subscriber is not None:
            subscriptions.unsubscribe(subscriber, origin_of(request, "unsubscribe link"))
        # A program that posts by itself (RFC 8058) gets the same bytes for any token.
        return unsubscribed_page(request, subscriber if "asked" in request.GET else None)
    if subscriber is None:
        raise tokens.InvalidTokenError
    if subscriber.status in {Subscriber.Status.UNSUBSCRIBED, Subscriber.Status.SUPPRESSED}:
        return unsubscribed_page(request, subscriber)
    return render(request, "subscriber/unsubscribe.html", {"email": subscriber.email})


def unsubscribed_page(request: HttpRequest, subscriber: Subscriber | None) -> HttpResponse:
    """Say that no more mail comes, and offer within an hour to take it back."""
    departure = subscriptions.undoable_departure(subscriber) if subscriber else None
    undo = reverse("undo", args=[tokens.undo_token(departure)]) if departure else ""
    return render(request, "subscriber/unsubscribed.html", {"undo_path": undo})


@token_page
def undo_unsubscription(request: HttpRequest, token: str) -> HttpResponse:
    """Ask with GET, take an unsubscription back with POST."""
    departure = tokens.departure_of_undo_token(token)
    subscriber = departure.subscriber
    if request.method == "POST":
        origin = origin_of(request, "undo of an unsubscription")
        return _confirmed(request, subscriptions.undo_unsubscription(departure, origin))
    if subscriber.status in SUBSCRIBED:
        return _confirmed(request, subscriber)
    context = {"undo_path": request.path}
    return render(request, "subscriber/unsubscribed.html", context)


@token_page
def rate(request: HttpRequest, token: str) -> HttpResponse:
    """Record that a reader wants more or fewer papers like one of a digest."""
    digest, paper_id, rating = tokens.read_feedback_token(token)
    subscriber = digest.subscriber
    paper = feedback.paper_of(paper_id)
    paper_id = paper.canonical_id if paper else paper_id
    if request.method == "POST":
        if request.POST.get("action") == "withdraw":
            feedback.withdraw(subscriber, paper_id)
        else:
            feedback.record(subscriber, paper_id, rating)
    stored = feedback.rating_of(subscriber, paper_id)
    stem = token.removesuffix(rating)
    context = {
        "paper": None if paper and paper.hidden else paper,
        "title": paper.title if paper else paper_id,
        "asked": rating,
        "rating": stored,
        "subscribed": subscriber.status in SUBSCRIBED,
        "other_path": reverse("feedback", args=[stem + feedback.OPPOSITE[rating]]),
    }
    return render(request, "subscriber/feedback.html", context)
