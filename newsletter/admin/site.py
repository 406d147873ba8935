"""The staff entrance: who may sit at the admin's desk, and what its pages may load."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import django_otp
from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django import forms
from django.conf import settings
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite
from unfold.widgets import UnfoldAdminTextInputWidget

from newsletter.security import throttle
from newsletter.security.two_factor import KeyOffer, enrol, enrolled

# Unfold runs on Alpine.js, which evaluates expressions in attributes, and on inline styles.
POLICY: Final = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}

QUARTER: Final = timedelta(minutes=15)
# Counted for each name and network together, so that a stranger cannot lock an operator out.
LOG_INS_PER_NAME: Final = throttle.Limit("log-in name", 10, QUARTER)
LOG_INS_PER_NETWORK: Final = throttle.Limit("log-in network", 50, QUARTER)


class LogInForm(AuthenticationForm):
    """Name and password, as often as the limits allow."""

    def clean(self) -> dict[str, Any]:
        meta = self.request.META
        ip = throttle.client_ip(meta["REMOTE_ADDR"], meta.get("HTTP_X_FORWARDED_FOR", ""))
        network = throttle.network_of(ip)
        name = f"{network} {self.cleaned_data.get('username', '').casefold()}"
        tries = [(LOG_INS_PER_NAME, name), (LOG_INS_PER_NETWORK, network)]
        if not throttle.allow_all(tries, now()):
            raise forms.ValidationError("Too many tries to log in. Wait a quarter of an hour.")
        cleaned: dict[str, Any] = super().clean()
        return cleaned


class CodeForm(forms.Form):
    """A code of the second factor, and with it the key it was made with when that is new."""

    code = forms.CharField(
        max_length=16,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": ""}
        ),
    )
    offer = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_code(self) -> str:
        return "".join(str(self.cleaned_data["code"]).split())


@method_decorator(csp_replace(POLICY), name="login")
class StaffSite(UnfoldAdminSite):
    """The admin site. Outside a laptop, staff show a second factor before they see anything."""

    login_form = LogInForm
    index_title = "Today"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and (
            settings.LOCAL or request.user.is_verified()  # type: ignore[union-attr]
        )

    def admin_view(
        self, view: Callable[..., HttpResponse], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        return csp_replace(POLICY)(super().admin_view(view, cacheable))

    def extra_urls(self) -> list[URLPattern]:
        view = csp_replace(POLICY)(never_cache(self.second_factor))
        return [path("second-factor/", view, name="second_factor")]

    @method_decorator(never_cache)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "GET" and self._lacks_only_the_code(request):
            query = urlencode({REDIRECT_FIELD_NAME: self._next_page(request)})
            return redirect(f"{reverse('admin:second_factor')}?{query}")
        page: HttpResponse = super().login(request, extra_context)
        return page

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Ask for a code; for a first one, show the key that it is to be made with."""
        if not self._lacks_only_the_code(request):
            return redirect("admin:index")
        if "leave" in request.POST:
            logout(request)
            return redirect("admin:login")
        user = User.objects.get(username=request.user.get_username())
        form = CodeForm(request.POST or None)
        offer = None if enrolled(user) else KeyOffer.read(user, request.POST.get("offer", ""))
        if form.is_valid():
            code = form.cleaned_data["code"]
            if self._accept(request, user, offer, code):
                return HttpResponseRedirect(self._next_page(request))
            form.add_error("code", "This code is wrong or was used before. Enter the next one.")
        context = {**self.each_context(request), "form": form, "offer": offer, "title": "Log in"}
        return TemplateResponse(request, "admin/second_factor.html", context)

    def _accept(self, request: HttpRequest, user: User, offer: KeyOffer | None, code: str) -> bool:
        device = enrol(offer, code) if offer else django_otp.match_token(user, code)
        if device is None:
            return False
        if offer:
            LogEntry.objects.log_actions(
                user.pk, [device], ADDITION, "set up a second factor", single_object=True
            )
        django_otp.login(request, device)
        return True

    def _lacks_only_the_code(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not self.has_permission(request)

    def _next_page(self, request: HttpRequest) -> str:
        page = request.GET.get(REDIRECT_FIELD_NAME, "")
        safe = url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure())
        return page if safe else reverse("admin:index")
