"""What an operator can do to subscribers: preview, export, test, unsubscribe, suppress."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.utils.timezone import now
from unfold.decorators import action

from newsletter.admin import exports, previews
from newsletter.admin.confirmation import ConfirmedAction, SendPermission, confirmation_page
from newsletter.digests import assembly
from newsletter.mail.errors import SendStatus
from newsletter.models import Subscriber, Suppression
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions import suppressions
from newsletter.subscriptions.consent_log import ActionOrigin
from papers.admin.base import ListAdmin, log, url_of_list

Status = Subscriber.Status
People = QuerySet[Subscriber]
STAYING = (Status.PENDING, Status.ACTIVE, Status.PAUSED)
LEAVING = "They get no more digests from now on; what is queued is cancelled."
BANNED = (
    "These addresses get no mail from now on, whoever asks for it, until the suppression is lifted."
)


def origin(request: HttpRequest) -> ActionOrigin:
    """Return how the consent log names a change that was made in the admin."""
    return ActionOrigin(form=f"admin: {request.user.get_username()}")


class SubscriberActions(SendPermission, ListAdmin):
    """Actions of the list, and the same as buttons on a subscriber's own page."""

    actions = ("export", "send_test", "unsubscribe", "suppress")
    actions_detail = ("preview", "send_test_of_this", "unsubscribe_this", "suppress_this")

    def idle_buttons(self, row: Subscriber) -> frozenset[str]:
        """Hide the buttons that would not change this subscriber."""
        gone = {"unsubscribe_this"} if row.status not in STAYING else set()
        banned = {"suppress_this"} if row.status == Status.SUPPRESSED else set()
        return frozenset(gone | banned)

    def has_export_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may download addresses."""
        return request.user.has_perm("newsletter.export_subscribers")

    @admin.action(description="Export as CSV", permissions=["export"])
    def export(self, request: HttpRequest, people: People) -> StreamingHttpResponse:
        """Download the selected subscribers as CSV."""
        return exports.download(request, people)

    @action(description="Preview", url_path="preview", permissions=["view"], icon="visibility")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the digest that this subscriber would get now."""
        subscriber = self.get_object(request, object_id)
        if subscriber is None:
            raise Http404("There is no such subscriber.")
        digest = assembly.preview(subscriber, now())
        return previews.show(self, request, digest, f"What {subscriber} would get now")

    @admin.action(description="Send a test to me", permissions=["send"])
    def send_test(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Send the subscriber's upcoming digest to the operator's own address."""
        address = User.objects.get(username=request.user.get_username()).email
        if not address or people.count() != 1:
            advice = "Choose one subscriber." if address else "Give your account an address first."
            self.message_user(request, f"Nothing was sent. {advice}", messages.ERROR)
            return HttpResponseRedirect(url_of_list(Subscriber))
        explanation = f"What this subscriber would get now is sent once, to {address}."
        planned = ConfirmedAction("send_test", "Send a test", explanation, "send test")
        page = confirmation_page(self, request, people, planned)
        if page is None:
            self._send_test(request, people.get(), address)
        return page

    def _send_test(self, request: HttpRequest, subscriber: Subscriber, address: str) -> None:
        try:
            outcome = previews.send_test(subscriber, address)
        except previews.NothingToSendError as error:
            self.message_user(request, f"Nothing was sent. {error}", messages.WARNING)
            return
        log(request, [subscriber], f"sent a test to {request.user}: {outcome.status}")
        if outcome.status == SendStatus.SENT:
            self.message_user(request, f"A test is on its way to {address}.", messages.SUCCESS)
        else:
            self.message_user(request, f"The test failed. {outcome.reason}", messages.ERROR)

    @admin.action(description="Unsubscribe", permissions=["change"])
    def unsubscribe(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Unsubscribe the selected people, after a typed confirmation."""
        staying = people.filter(status__in=STAYING)
        planned = ConfirmedAction(
            "unsubscribe", "Unsubscribe", LEAVING, f"unsubscribe {staying.count()}"
        )
        return self._each(
            request, staying, planned, lambda one: subscriptions.unsubscribe(one, origin(request))
        )

    @admin.action(description="Suppress", permissions=["change"])
    def suppress(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Suppress the selected addresses, after a typed confirmation."""
        free = people.exclude(status=Status.SUPPRESSED)
        planned = ConfirmedAction("suppress", "Suppress", BANNED, f"suppress {free.count()}")
        reason = Suppression.Reason.MANUAL
        return self._each(
            request, free, planned, lambda one: suppressions.suppress(one.email, reason)
        )

    def _each(
        self,
        request: HttpRequest,
        people: People,
        planned: ConfirmedAction,
        do: Callable[[Subscriber], None],
    ) -> HttpResponse | None:
        page = confirmation_page(self, request, people, planned)
        if page is None:
            chosen: Iterable[Subscriber] = list(people)
            for subscriber in chosen:
                do(subscriber)
            log(request, chosen, planned.action)
            self.message_user(request, f"Done: {planned.words}.", messages.SUCCESS)
        return page

    @action(description="Send a test to me", url_path="test", permissions=["send"], icon="send")
    def send_test_of_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Send this subscriber's upcoming digest to the operator's own address."""
        return self.send_test(request, self._this(request, object_id))

    @action(description="Unsubscribe", url_path="unsubscribe", permissions=["change"])
    def unsubscribe_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Unsubscribe this person, after a typed confirmation."""
        return self.unsubscribe(request, self._this(request, object_id))

    @action(description="Suppress", url_path="suppress", permissions=["change"])
    def suppress_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Suppress this address, after a typed confirmation."""
        return self.suppress(request, self._this(request, object_id))

    def _this(self, request: HttpRequest, object_id: str) -> People:
        this: People = self.get_queryset(request).filter(pk=object_id)
        return this
