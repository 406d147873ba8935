"""Deeds with consequences: shown with their count first, and done once the words were typed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.widgets import UnfoldAdminTextInputWidget

from newsletter.security import throttle
from papers.admin.base import ListAdmin, url_of_list

ONCE: Final = throttle.Limit("admin deed", 1, throttle.DAY)
SHOWN: Final = 20


@dataclass(frozen=True)
class Deed:
    """What an action is about to do.

    ``action`` is the method that does it, ``words`` what the person types to have it done.
    """

    action: str
    title: str
    explanation: str
    words: str


class Sending:
    """Actions that send mail, or stop it, need a permission of their own: ``send``."""

    def has_send_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("newsletter.send_digests")


class WordsForm(forms.Form):
    """The typed words. ``ticket`` makes a page good for one deed, however often it is sent."""

    typed = forms.CharField(
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off", "autofocus": ""})
    )
    ticket = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, words: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words = words
        self.fields["typed"].label = f"To go on, type: {words}"

    def clean_typed(self) -> str:
        typed = " ".join(str(self.cleaned_data["typed"]).split())
        if typed.casefold() != self.words.casefold():
            raise forms.ValidationError(f"Nothing was done. To go on, type: {self.words}")
        return typed


def ask(
    admin: ListAdmin, request: HttpRequest, rows: QuerySet[Any], deed: Deed
) -> HttpResponse | None:
    """The page that asks for the words, or None when they were typed and the deed is to be done.

    Works for an action of a list and for a button on a row's own page, whose form is then sent
    to the list. A second click on the same page does nothing and says so.
    """
    if not rows.exists():
        admin.message_user(
            request, f"{deed.title}: none of these rows qualifies.", messages.WARNING
        )
        return HttpResponseRedirect(_list_of(admin, request))
    if "ticket" not in request.POST:
        form = WordsForm(deed.words, initial={"ticket": secrets.token_urlsafe(16)})
        return _page(admin, request, rows, deed, form)
    form = WordsForm(deed.words, request.POST)
    if not form.is_valid():
        return _page(admin, request, rows, deed, form)
    if not throttle.allow(ONCE, form.cleaned_data["ticket"], now()):
        admin.message_user(request, f"{deed.title}: this was done already.", messages.INFO)
        return HttpResponseRedirect(_list_of(admin, request))
    return None


def _page(
    admin: ListAdmin, request: HttpRequest, rows: QuerySet[Any], deed: Deed, form: WordsForm
) -> TemplateResponse:
    across = request.POST.get("select_across") == "1"
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME) or [str(pk) for pk in _keys(rows)]
    shown: list[Model] = list(rows[:SHOWN])
    context = {
        **admin.admin_site.each_context(request),
        "title": deed.title,
        "opts": admin.opts,
        "deed": deed,
        "form": form,
        "shown": shown,
        "more": rows.count() - len(shown),
        "fields": [
            ("action", deed.action),
            ("select_across", "1" if across else "0"),
            *((ACTION_CHECKBOX_NAME, pk) for pk in (chosen[:1] if across else chosen)),
        ],
        "list_url": _list_of(admin, request),
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def _keys(rows: QuerySet[Any]) -> list[object]:
    return list(rows.values_list("pk", flat=True))


def _list_of(admin: ListAdmin, request: HttpRequest) -> str:
    """The list as it was narrowed when the action was chosen there."""
    return request.get_full_path() if request.method == "POST" else url_of_list(admin.model)
