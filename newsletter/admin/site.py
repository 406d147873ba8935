"""The admin site: log-in with a second factor, and the content security policy of its pages."""

from __future__ import annotations

import logging
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

from newsletter.security import audit, throttle
from newsletter.security.two_factor import KeyOffer, enrol, enrolled

log = logging.getLogger(__name__)

# Unfold runs on Alpine.js, which evaluates expressions in attributes, and on inline styles.
POLICY: Final = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}

QUARTER: Final = timedelta(minutes=15)
# Counted for each name and network together, so that a stranger cannot lock an operator out.
LOG_INS_PER_NAME: Final = throttle.Limit("log-in name", 10, QUARTER)
LOG_INS_PER_NETWORK: Final = throttle.Limit("log-in network", 50, QUARTER)
# Of failed log-ins, so many an hour stand in the audit log; the service's own log has them all.
RECORDED_FAILURES: Final = throttle.Limit("log-in failure recorded", 60, throttle.HOUR)


class LogInForm(AuthenticationForm):
    """User name and password, limited by name and by network."""

    def clean(self) -> dict[str, Any]:
        """Refuse the attempt when the limits are used up, before the password is checked."""
        ip = _ip_of(self.request)
        network = throttle.network_of(ip)
        name = f"{network} {self.cleaned_data.get('username', '').casefold()}"
        tries = [(LOG_INS_PER_NAME, name), (LOG_INS_PER_NETWORK, network)]
        if not throttle.allow_all(tries, now()):
            log.warning("Log-in refused from %s: too many tries.", ip)
            _record_failure("log-in refused: too many tries", ip)
            raise forms.ValidationError("Too many tries to log in. Wait a quarter of an hour.")
        try:
            cleaned: dict[str, Any] = super().clean()
        except forms.ValidationError:
            log.warning("Log-in failed from %s.", ip)  # The words that fail2ban looks for.
            _record_failure("log-in failed", ip)
            raise
        return cleaned


def _ip_of(request: HttpRequest) -> str:
    meta = request.META
    return throttle.client_ip(meta["REMOTE_ADDR"], meta.get("HTTP_X_FORWARDED_FOR", ""))


def _record_failure(message: str, ip: str) -> None:
    """Add a failed log-in to the audit log, without its name: people type passwords there."""
    if throttle.allow(RECORDED_FAILURES, "", now()):
        audit.record(audit.SERVICE, message, f"from {throttle.truncated(ip)}")


class CodeForm(forms.Form):
    """A code of the second factor; ``offer`` carries a new key during enrolment."""

    code = forms.CharField(
        max_length=16,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": ""}
        ),
    )
    offer = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_code(self) -> str:
        """Return the code without the spaces that authenticator apps show."""
        return "".join(str(self.cleaned_data["code"]).split())


@method_decorator(csp_replace(POLICY), name="login")
class PaperboyAdminSite(UnfoldAdminSite):
    """The admin site. Outside a laptop it requires a second factor."""

    login_form = LogInForm
    index_title = "Today"

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether this session may see the admin: staff, verified outside a laptop."""
        return super().has_permission(request) and (
            settings.LOCAL or request.user.is_verified()  # type: ignore[union-attr]
        )

    def admin_view(
        self, view: Callable[..., HttpResponse], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        """Wrap an admin view with the content security policy that Unfold needs."""
        return csp_replace(POLICY)(super().admin_view(view, cacheable))

    def extra_urls(self) -> list[URLPattern]:
        """Add the page of the second factor."""
        view = csp_replace(POLICY)(never_cache(self.second_factor))
        return [path("second-factor/", view, name="second_factor")]

    @method_decorator(never_cache)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Log in; a session that lacks only the code is sent to the second factor."""
        if request.method == "GET" and self._lacks_only_the_code(request):
            query = urlencode({REDIRECT_FIELD_NAME: self._next_page(request)})
            return redirect(f"{reverse('admin:second_factor')}?{query}")
        page: HttpResponse = super().login(request, extra_context)
        if request.method == "POST" and request.user.is_authenticated:
            name = request.user.get_username()
            audit.record(name, f"logged in from {throttle.truncated(_ip_of(request))}", name)
        return page

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Ask for a code; during enrolment, show the key it is generated from."""
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
            _record_failure(f"second factor of {user.get_username()} failed", _ip_of(request))
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
