"""Streams of mail: which run, and who stopped the others and why."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from newsletter.admin.confirmation import SendPermission
from newsletter.delivery import streams
from newsletter.delivery.rendering import STREAMS
from newsletter.delivery.streams import held_until
from newsletter.models import Outbound, Stream
from papers.admin.base import ReadOnlyAdmin, url_of_list

ALL: Final = "all"


def chosen_streams(choice: str) -> list[str]:
    """Return the names of the streams that a choice of the form stands for."""
    return [stream.name for stream in STREAMS if choice in {ALL, stream.name}]


class SwitchForm(forms.Form):
    """A stream, and its name typed again as the confirmation."""

    stream = forms.ChoiceField(
        choices=[(ALL, "all mail"), *((stream.name, stream.name) for stream in STREAMS)],
        widget=UnfoldAdminSelectWidget,
    )
    typed = forms.CharField(
        label="Type the stream's name, or all, to confirm",
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse unless the typed name is that of the chosen stream."""
        stream, typed = self.cleaned_data.get("stream"), self.cleaned_data.get("typed", "")
        if stream and typed.strip().casefold() != stream:
            self.add_error("typed", f"Nothing was done. To go on, type: {stream}")
        return self.cleaned_data


class PauseForm(SwitchForm):
    """A pause with its reason, so that the next operator knows when to end it."""

    reason = forms.CharField(max_length=300, widget=UnfoldAdminTextInputWidget)
    field_order = ("stream", "reason", "typed")


@admin.register(Stream)
class StreamAdmin(SendPermission, ReadOnlyAdmin):
    """Digests and notices are stopped and started separately; a stream without a row runs."""

    list_before_template = "admin/streams.html"
    when_empty = "Neither stream was ever stopped: both are running."

    list_display = ("name", "state", "paused_reason", "paused_at")
    fields = (*list_display, "hold_until")
    actions_list = ("pause", "resume")

    @display(
        description="state",
        label={"running": "success", "waiting": "warning", "paused": "danger"},
    )
    def state(self, stream: Stream) -> str | tuple[str, str]:
        """Return whether the stream is running, waiting or paused."""
        if stream.paused_at:
            return "paused"
        held = held_until(stream)
        return ("waiting", f"waiting until {held:%H:%M} UTC") if held else "running"

    @action(description="Stop a stream", permissions=["send"], icon="pause")
    def pause(self, request: HttpRequest) -> HttpResponse:
        """Stop a stream, with a reason and a typed confirmation."""
        form = PauseForm(request.POST or None)
        if not form.is_valid():
            return self._page(request, form, "Stop a stream")
        chosen, reason = chosen_streams(form.cleaned_data["stream"]), form.cleaned_data["reason"]
        for stream in chosen:
            name = request.user.get_username()
            streams.pause(stream, f"{name}: {reason}", by=name)
        return self._done(request, chosen, f"paused: {reason}")

    @action(description="Start a stream", permissions=["send"], icon="play_arrow")
    def resume(self, request: HttpRequest) -> HttpResponse:
        """Start a stream again, with a typed confirmation."""
        form = SwitchForm(request.POST or None)
        if not form.is_valid():
            return self._page(request, form, "Start a stream")
        chosen = chosen_streams(form.cleaned_data["stream"])
        for stream in chosen:
            streams.resume(stream, by=request.user.get_username())
        return self._done(request, chosen, "resumed")

    def _page(self, request: HttpRequest, form: forms.Form, title: str) -> HttpResponse:
        waiting = {
            stream.name: stream.rows.filter(state=Outbound.State.QUEUED) for stream in STREAMS
        }
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "waiting": {name: rows.count() for name, rows in waiting.items()},
            "list_url": url_of_list(Stream),
        }
        return TemplateResponse(request, "admin/switch.html", context)

    def _done(self, request: HttpRequest, chosen: list[str], planned: str) -> HttpResponse:
        self.message_user(request, f"{' and '.join(chosen)}: {planned}.", messages.SUCCESS)
        return HttpResponseRedirect(url_of_list(Stream))
