"""What an operator can do to subscribers: preview, export, test, pause, suppress, erase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION
from django.contrib.auth.models import User
from django.db import transaction
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

from newsletter.admin import exports, imports, previews
from newsletter.admin.confirmation import (
    ConfirmedAction,
    SendPermission,
    confirmation_page,
    portions,
    typed_address,
    typed_reason,
)
from newsletter.mail.errors import SendStatus
from newsletter.models import ListImport, Notice, Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.suppressions import SuppressedAddress
from papers.admin.base import ListAdmin, log, url_of_list

Status = Subscriber.Status
People = QuerySet[Subscriber]
STAYING = (Status.PENDING, Status.ACTIVE, Status.PAUSED)
LIFTED = (
    "They are again what they were before: active if they had confirmed, paused or unsubscribed if "
    "they chose that last."
)
PAUSED = "They get no digest until they resume on their own page, or an operator resumes them."
RESUMED = "They get digests again, from their next regular time on."
DUE_NOW = (
    "Their digest of today is written and sent within a minute, unless there is one already; the "
    "next one comes at its regular time."
)
LINKS = "They get a mail with the links to their own page and to unsubscribe."
LINKS_LIFETIME = timedelta(hours=72)
TESTED = (
    "What this subscriber would get now is sent once, to the address below. Its links lead to the "
    "site, not to the subscriber's own pages."
)
ERASED = (
    "Their subscriptions, choices, consent logs and everything that was sent to them are deleted "
    "for good. What stays is a keyed hash of each address, so that it gets no mail unless its "
    "owner signs up and confirms anew. To only stop the mail, unsubscribe them instead."
)
LEAVING = "They get no more digests from now on; what is queued is cancelled."
BANNED = (
    "These addresses get no mail from now on, whoever asks for it, until the suppression is lifted."
)


def origin(request: HttpRequest, reason: str = "") -> ActionOrigin:
    """Return how the consent log names a change that was made in the admin."""
    name = request.user.get_username()
    return ActionOrigin(form=(f"admin: {name}: {reason}" if reason else f"admin: {name}")[:200])


def keys_of(people: Sequence[Subscriber]) -> list[int]:
    """Return the primary keys of these people."""
    return [person.pk for person in people]


class SubscriberActions(SendPermission, ListAdmin):
    """Actions of the list, and the same as buttons on a subscriber's own page."""

    actions = (
        "export",
        "send_test",
        "make_due",
        "queue_links",
        "pause",
        "resume",
        "unsubscribe",
        "suppress",
        "lift",
        "erase",
    )
    actions_detail = (
        "preview",
        "explain",
        "send_now",
        "send_links",
        "send_test_of_this",
        "pause_this",
        "resume_this",
        "unsubscribe_this",
        "suppress_this",
        "lift_this",
    )

    def idle_buttons(self, row: Subscriber) -> frozenset[str]:
        """Hide the buttons that would not change this subscriber."""
        idle = set()
        if row.status not in STAYING:
            idle.add("unsubscribe_this")
        if row.status != Status.ACTIVE:
            idle |= {"pause_this", "send_now"}
        if row.status != Status.PAUSED:
            idle.add("resume_this")
        if row.status not in {Status.ACTIVE, Status.PAUSED}:
            idle.add("send_links")
        idle.add("suppress_this" if row.status == Status.SUPPRESSED else "lift_this")
        return frozenset(idle)

    actions_list = ("import_list",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out Django's deletion, whose page carries the key of each selected row."""
        offered: dict[str, Any] = super().get_actions(request)
        offered.pop("delete_selected", None)
        return offered

    def has_import_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may take lists in."""
        return request.user.has_perm("newsletter.import_subscribers")

    @action(description="Import a list", permissions=["import"], icon="upload_file")
    def import_list(self, request: HttpRequest) -> HttpResponse:
        """Lead to the form that takes a file."""
        return imports.to_upload(ListImport.Kind.SUBSCRIBERS)

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
        subscriber = self._person(request, object_id)
        title = f"What {subscriber} would get now"
        return previews.waiting(self, request, title) or previews.show(
            self, request, previews.upcoming(subscriber), title
        )

    @action(description="Explain a paper", url_path="explain", permissions=["view"], icon="help")
    def explain(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say why this subscriber would, or would not, get a paper."""
        subscriber = self._person(request, object_id)
        return previews.waiting(self, request, "Explain a paper") or previews.explain(
            self, request, subscriber
        )

    def _person(self, request: HttpRequest, object_id: str) -> Subscriber:
        subscriber: Subscriber | None = self.get_object(request, object_id)
        if subscriber is None:
            raise Http404("There is no such subscriber.")
        return subscriber

    @admin.action(description="Send a test", permissions=["send"])
    def send_test(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Send the subscriber's upcoming digest to the operator, or to another address."""
        if people.count() != 1:
            self.message_user(request, "Nothing was sent. Choose one subscriber.", messages.ERROR)
            return HttpResponseRedirect(url_of_list(Subscriber))
        own = User.objects.get(username=request.user.get_username()).email
        planned = ConfirmedAction("send_test", "Send a test", TESTED, "send test", address=own)
        page = confirmation_page(self, request, people, planned)
        if page is None:
            self._send_test(request, people.get(), typed_address(request))
        return page

    def _send_test(self, request: HttpRequest, subscriber: Subscriber, address: str) -> None:
        if suppressions.is_suppressed(email_addresses.key_of(address)):
            text = f"Nothing was sent. {address} is suppressed."
            self.message_user(request, text, messages.ERROR)
            return
        try:
            outcome = previews.send_test(subscriber, address)
        except previews.NothingToSendError as error:
            self.message_user(request, f"Nothing was sent. {error}", messages.WARNING)
            return
        # An address in the log would outlive the erasure of its owner.
        domain = address.rpartition("@")[2]
        log(request, [subscriber], f"sent a test to an address at {domain}: {outcome.status}")
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
        return self._together(
            request,
            staying,
            planned,
            lambda chosen: subscriptions.unsubscribe_many(keys_of(chosen), origin(request)),
        )

    @admin.action(description="Suppress", permissions=["change"])
    def suppress(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Suppress the selected addresses, after a typed confirmation."""
        free = people.exclude(status=Status.SUPPRESSED)
        planned = ConfirmedAction("suppress", "Suppress", BANNED, f"suppress {free.count()}")
        reason = Suppression.Reason.MANUAL
        return self._together(
            request,
            free,
            planned,
            lambda chosen: suppressions.suppress_many(
                [SuppressedAddress(one.email_key, reason) for one in chosen]
            ),
        )

    def _together(
        self,
        request: HttpRequest,
        people: People,
        planned: ConfirmedAction,
        do: Callable[[Sequence[Subscriber]], object],
    ) -> HttpResponse | None:
        """Do something to the people once the words were typed, and record it for each.

        They are taken in portions of one transaction each, so that no other writer waits for long.
        """
        page = confirmation_page(self, request, people, planned)
        if page is None:
            why = f": {typed_reason(request)}" if planned.asks_reason else ""
            for chosen in portions(people, subscriptions.PEOPLE_AT_ONCE):
                with transaction.atomic():
                    what = f"{planned.recorded or planned.action}{why}"
                    log(request, chosen, what, planned.flag)
                    do(chosen)
            self.message_user(request, f"Done: {planned.words}.", messages.SUCCESS)
        return page

    @action(description="Send a test", url_path="test", permissions=["send"], icon="send")
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

    @admin.action(description="Lift the suppression", permissions=["change"])
    def lift(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Let mail go to the selected people again, after a typed confirmation with a reason."""
        banned = people.filter(status=Status.SUPPRESSED)
        planned = ConfirmedAction(
            "lift",
            "Lift",
            LIFTED,
            f"lift {banned.count()}",
            asks_reason=True,
            recorded="suppression lifted",
        )
        return self._together(
            request,
            banned,
            planned,
            lambda chosen: suppressions.lift(
                suppressions.of_address(*(one.email_key for one in chosen)),
                origin(request, typed_reason(request)),
            ),
        )

    @admin.action(description="Erase", permissions=["delete"])
    def erase(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Erase the selected people, after a typed confirmation."""
        planned = ConfirmedAction(
            "erase", "Erase", ERASED, f"erase {people.count()}", flag=DELETION
        )
        return self._together(
            request, people, planned, lambda chosen: privacy.erase_many(keys_of(chosen))
        )

    @action(description="Lift suppression", url_path="lift", permissions=["change"])
    def lift_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Let mail go to this person again, after a typed confirmation with a reason."""
        return self.lift(request, self._this(request, object_id))

    @action(description="Pause", url_path="pause", permissions=["change"], icon="pause")
    def pause_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Pause this person until they or an operator resume, after a typed confirmation."""
        return self.pause(request, self._this(request, object_id))

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Pause these people, after a typed confirmation."""
        active = people.filter(status=Status.ACTIVE)
        planned = ConfirmedAction("pause", "Pause", PAUSED, f"pause {active.count()}")
        return self._together(
            request,
            active,
            planned,
            lambda chosen: subscriptions.pause_many(keys_of(chosen), None, origin(request)),
        )

    @action(description="Resume", url_path="resume", permissions=["change"], icon="play_arrow")
    def resume_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Resume this person, after a typed confirmation."""
        return self.resume(request, self._this(request, object_id))

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Resume these people, after a typed confirmation."""
        paused = people.filter(status=Status.PAUSED)
        planned = ConfirmedAction("resume", "Resume", RESUMED, f"resume {paused.count()}")
        return self._together(
            request,
            paused,
            planned,
            lambda chosen: subscriptions.resume_many(keys_of(chosen), origin(request)),
        )

    @action(description="Send now", url_path="send-now", permissions=["send"], icon="schedule_send")
    def send_now(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Make this person's next digest due now, after a typed confirmation."""
        return self.make_due(request, self._this(request, object_id))

    @admin.action(description="Send now", permissions=["send"])
    def make_due(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Make the next digest of these people due now, after a typed confirmation."""
        active = people.filter(status=Status.ACTIVE)
        planned = ConfirmedAction("make_due", "Send now", DUE_NOW, f"send {active.count()}")
        return self._together(request, active, planned, self._make_due)

    def _make_due(self, chosen: Sequence[Subscriber]) -> None:
        portion = Subscriber.objects.filter(pk__in=keys_of(chosen), status=Status.ACTIVE)
        portion.update(next_digest_at=now())

    @action(description="Send their links", url_path="links", permissions=["send"], icon="link")
    def send_links(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Queue the mail with this person's own links, after a typed confirmation."""
        return self.queue_links(request, self._this(request, object_id))

    @admin.action(description="Send their links", permissions=["send"])
    def queue_links(self, request: HttpRequest, people: People) -> HttpResponse | None:
        """Queue the mail with their own links for these people, after a typed confirmation."""
        present = people.filter(status__in=(Status.ACTIVE, Status.PAUSED))
        planned = ConfirmedAction("queue_links", "Send links", LINKS, f"send {present.count()}")
        return self._together(request, present, planned, self._queue_links)

    def _queue_links(self, chosen: Sequence[Subscriber]) -> None:
        kind, expires_at = Notice.Kind.MANAGE, now() + LINKS_LIFETIME
        Notice.objects.bulk_create(
            Notice(kind=kind, subscriber=one, expires_at=expires_at) for one in chosen
        )

    def _this(self, request: HttpRequest, object_id: str) -> People:
        this: People = self.get_queryset(request).filter(pk=object_id)
        return this
