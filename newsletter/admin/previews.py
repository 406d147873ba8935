"""A digest shown in the admin, and a test copy sent to an operator."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import now

from newsletter.delivery import connections
from newsletter.digests import assembly, explanation, preview
from newsletter.mail import messages, snapshots
from newsletter.mail.errors import SendResult
from newsletter.models import Digest, Subscriber
from papers.admin.base import ListAdmin, url_of
from papers.models import Paper

# A test copy must not offer the operator's mail program to unsubscribe the subscriber.
PERSONAL_HEADERS = ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID")


class NothingToSendError(Exception):
    """There is no digest for this subscriber now; the text of the error gives the reason."""


def waiting(admin: ListAdmin, request: HttpRequest, title: str) -> HttpResponse | None:
    """Return a page that loads itself again while the papers are read, or None once they are."""
    if preview.are_ready():
        return None
    context = {**admin.admin_site.each_context(request), "title": title, "opts": admin.opts}
    return TemplateResponse(request, "admin/wait.html", context)


def upcoming(subscriber: Subscriber) -> Digest:
    """Return what this subscriber would get now, from the papers that are kept ready."""
    moment = now()
    return assembly.preview(subscriber, moment, preview.papers_of(subscriber, moment))


def explain(admin: ListAdmin, request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    """Return a page that says of a paper why this subscriber would, or would not, get it."""
    typed = request.GET.get("paper", "").strip()[:500]
    context = {
        **admin.admin_site.each_context(request),
        "title": f"Why does {subscriber} get a paper, or not?",
        "opts": admin.opts,
        "typed": typed,
        "person_url": url_of(subscriber),
    }
    if typed:
        moment = now()
        papers = preview.papers_of(subscriber, moment)
        try:
            found = explanation.explain_paper(subscriber, typed, moment, papers)
        except explanation.UnknownPaperError as error:
            context["answer"] = str(error)
        else:
            context["answer"] = explanation.sentences(subscriber.email, found)
            context["paper"] = Paper.objects.filter(canonical_id=found.paper).first()
    return TemplateResponse(request, "admin/explain.html", context)


def show(admin: ListAdmin, request: HttpRequest, digest: Digest, title: str) -> HttpResponse:
    """Return an admin page with the digest in a sandboxed frame without scripts or navigation."""
    context = {**admin.admin_site.each_context(request), "title": title, "opts": admin.opts}
    cards = snapshots.cards_of(digest)
    if digest.items:
        context["subject"] = digest.subject or messages.digest_subject(digest, cards)
    try:
        context["html"] = messages.digest_page(digest, cards)
    except messages.IncompleteMessageError as error:
        context["reason"] = digest.reason or error
    return TemplateResponse(request, "admin/preview.html", context)


def send_test(subscriber: Subscriber, address: str) -> SendResult:
    """Send the subscriber's upcoming digest to another address, marked as a test.

    Raises:
        NothingToSendError: There is no digest for the subscriber now.
    """
    digest = upcoming(subscriber)
    if digest.state == Digest.State.SKIPPED:
        raise NothingToSendError(digest.reason)
    try:
        message = messages.sample_message(digest, snapshots.cards_of(digest))
    except messages.IncompleteMessageError as error:
        raise NothingToSendError(str(error)) from error
    message.to = [address]
    message.subject = f"[Test] {message.subject}"
    message.metadata = {}
    for header in PERSONAL_HEADERS:
        message.extra_headers.pop(header, None)
    return connections.send_single(message)
