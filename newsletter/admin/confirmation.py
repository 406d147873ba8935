"""Confirmation of actions that cannot be undone: a count is shown and words must be typed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.widgets import UnfoldAdminTextInputWidget

from newsletter.security import throttle
from papers.admin.base import ListAdmin, url_of_list

ONCE: Final = throttle.Limit("admin planned", 1, throttle.DAY)
SHOWN: Final = 20
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class ConfirmedAction:
    """An action that runs once its confirmation words were typed.

    Attributes:
        action: Name of the admin method that performs it.
        title: Heading of the page and label of its button.
        explanation: What will happen, in one or two sentences.
        words: The text that the operator has to type.
        asks_reason: Whether the operator has to say why.
        address: The address that is proposed for a mail; None where none is asked for.
        recorded: What the audit log calls it, if not by the name of the method.
        flag: What the audit log takes it for.
    """

    action: str
    title: str
    explanation: str
    words: str
    asks_reason: bool = False
    address: str | None = None
    recorded: str = ""
    flag: int = CHANGE


class SendPermission:
    """Mixin for actions that send or stop mail, which need the permission ``send_digests``."""

    def has_send_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may send mail and stop or start streams."""
        return request.user.has_perm("newsletter.send_digests")


class WordsForm(forms.Form):
    """The typed words; ``ticket`` lets one rendered page run its action only once."""

    why = forms.CharField(
        label="Why (kept in the audit log)", max_length=150, widget=UnfoldAdminTextInputWidget
    )
    to = forms.EmailField(
        label="Send it to", max_length=254, widget=UnfoldAdminTextInputWidget({"type": "email"})
    )
    typed = forms.CharField(
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off", "autofocus": ""})
    )
    ticket = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, planned: ConfirmedAction, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words = planned.words
        self.fields["typed"].label = f"To go on, type: {planned.words}"
        if not planned.asks_reason:
            del self.fields["why"]
        if planned.address is None:
            del self.fields["to"]
        else:
            self.fields["to"].initial = planned.address

    def clean_typed(self) -> str:
        """Return the typed words without extra space, or refuse any others."""
        typed = " ".join(str(self.cleaned_data["typed"]).split())
        if typed.casefold() != self.words.casefold():
            raise forms.ValidationError(f"Nothing was done. To go on, type: {self.words}")
        return typed


def confirmation_page(
    admin: ListAdmin, request: HttpRequest, rows: QuerySet[Any], planned: ConfirmedAction
) -> HttpResponse | None:
    """Return the page that asks for the words, or None once they were typed.

    Serves an action of a list and a button on a row's own page, whose form is posted to the list.
    A second submission of the same page runs nothing and says so.
    """
    if not rows.exists():
        admin.message_user(
            request, f"{planned.title}: none of these rows qualifies.", messages.WARNING
        )
        return HttpResponseRedirect(_list_of(admin, request))
    if "ticket" not in request.POST:
        form = WordsForm(planned, initial={"ticket": secrets.token_urlsafe(16)})
        return _page(admin, request, rows, planned, form)
    form = WordsForm(planned, request.POST)
    if not form.is_valid():
        return _page(admin, request, rows, planned, form)
    if not throttle.allow(ONCE, form.cleaned_data["ticket"], now()):
        admin.message_user(request, f"{planned.title}: this was done already.", messages.INFO)
        return HttpResponseRedirect(_list_of(admin, request))
    return None


def portions(rows: QuerySet[Row], size: int) -> Iterator[list[Row]]:
    """Yield all rows in lists of at most ``size``; whom a portion changes is not missed later."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), size):
        yield list(rows.order_by("pk").filter(pk__in=keys[start : start + size]))


def typed_reason(request: HttpRequest) -> str:
    """Return the reason that was typed for a confirmed action."""
    return " ".join(request.POST.get("why", "").split())[:150]


def typed_address(request: HttpRequest) -> str:
    """Return the address that was typed for a confirmed action."""
    return request.POST.get("to", "").strip()


def _page(
    admin: ListAdmin,
    request: HttpRequest,
    rows: QuerySet[Any],
    planned: ConfirmedAction,
    form: WordsForm,
) -> TemplateResponse:
    across = request.POST.get("select_across") == "1"
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME) or [str(pk) for pk in _keys(rows)]
    shown: list[Model] = list(rows[:SHOWN])
    context = {
        **admin.admin_site.each_context(request),
        "title": planned.title,
        "opts": admin.opts,
        "planned": planned,
        "form": form,
        "shown": shown,
        "more": rows.count() - len(shown),
        "fields": [
            ("action", planned.action),
            ("select_across", "1" if across else "0"),
            *((ACTION_CHECKBOX_NAME, pk) for pk in (chosen[:1] if across else chosen)),
        ],
        "list_url": _list_of(admin, request),
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def _keys(rows: QuerySet[Any]) -> list[object]:
    return list(rows.values_list("pk", flat=True))


def _list_of(admin: ListAdmin, request: HttpRequest) -> str:
    """Return the URL of the list as it was filtered when the action was chosen."""
    return request.get_full_path() if request.method == "POST" else url_of_list(admin.model)
