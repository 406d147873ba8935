"""A digest shown in the admin, and a test copy sent to an operator."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import now

from newsletter.delivery import connections
from newsletter.digests import assembly
from newsletter.mail import messages, snapshots
from newsletter.mail.errors import SendResult
from newsletter.models import Digest, Subscriber
from papers.admin.base import ListAdmin

# A test copy must not offer the operator's mail program to unsubscribe the subscriber.
PERSONAL_HEADERS = ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID")


class NothingToSendError(Exception):
    """There is no digest for this subscriber now; the text of the error gives the reason."""


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
    digest = assembly.preview(subscriber, now())
    if digest.state == Digest.State.SKIPPED:
        raise NothingToSendError(digest.reason)
    try:
        message = messages.digest_message(digest, snapshots.cards_of(digest))
    except messages.IncompleteMessageError as error:
        raise NothingToSendError(str(error)) from error
    message.to = [address]
    message.subject = f"[Test] {message.subject}"
    message.metadata = {}
    for header in PERSONAL_HEADERS:
        message.extra_headers.pop(header, None)
    return connections.send_single(message)
