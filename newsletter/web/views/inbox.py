"""The mail folder in the browser, on a laptop only.

A mail is untrusted HTML: it has an address and a sandboxing policy of its own and is shown inside
a frame; its links open in the whole window.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from newsletter.mail.backends import file
from newsletter.mail.backends.file import StoredMessage

BACKEND: Final = "newsletter.mail.backends.file.EmailBackend"
MESSAGES_PER_PAGE: Final = 50
SHOWN_HEADERS: Final = (
    "From",
    "To",
    "Date",
    "Reply-To",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
)
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups "
    "allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)

# The frame's height is guessed from the number of lines of the text part.
FRAME_BASE_PX: Final = 240
FRAME_LINE_PX: Final = 22
FRAME_MAX_PX: Final = 1275

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def inbox_is_open() -> bool:
    """Return whether the site runs on a laptop and mail goes into the folder."""
    return bool(settings.LOCAL and settings.EMAIL_BACKEND == BACKEND)


def laptop_only(view: View[P]) -> View[P]:
    """Answer 404 unless the site runs on a laptop and mail goes into the folder."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not inbox_is_open():
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@never_cache
@laptop_only
def inbox(request: HttpRequest) -> HttpResponse:
    """List the mails in the folder, newest first."""
    page = Paginator(file.names(), MESSAGES_PER_PAGE).get_page(request.GET.get("page"))
    messages = []
    for name in page:
        with suppress(OSError):  # Deleted since the folder was listed.
            messages.append(file.read(name))
    return render(request, "inbox/list.html", {"page": page, "mails": messages})


@require_safe
@never_cache
@laptop_only
def message(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail: its headers, its HTML in a frame, its text."""
    stored = _stored(name)
    headers = [(name, stored.headers[name]) for name in SHOWN_HEADERS if name in stored.headers]
    context = {"mail": stored, "headers": headers, "height": _height(stored)}
    return render(request, "inbox/message.html", context)


@require_safe
@never_cache
@laptop_only
def html_part(request: HttpRequest, name: str) -> HttpResponse:
    """Return the HTML part of a mail, for the frame."""
    headers = {"Content-Security-Policy": POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return HttpResponse(_with_top_level_links(_stored(name).html), headers=headers)


@require_safe
@never_cache
@laptop_only
def raw(request: HttpRequest, name: str) -> HttpResponse:
    """Return the mail's file as a download."""
    stored = _stored(name)
    headers = {"Content-Disposition": f'attachment; filename="{stored.name}"'}
    return HttpResponse(stored.raw, content_type="message/rfc822", headers=headers)


def _stored(name: str) -> StoredMessage:
    try:
        return file.read(name)
    except OSError as error:
        raise Http404("There is no such mail in the folder.") from error


def _height(mail: StoredMessage) -> int:
    """Return the frame's height in pixels, estimated from the text part.

    The frame is sandboxed, so that no script can measure it.
    """
    if not mail.text:
        return FRAME_MAX_PX
    return min(FRAME_BASE_PX + FRAME_LINE_PX * mail.text.count("\n"), FRAME_MAX_PX)


def _with_top_level_links(html: str) -> str:
    """Return the HTML with links that open in the whole window."""
    head = re.search(r"<head[^>]*>", html, re.IGNORECASE)
    place = head.end() if head else 0
    return f'{html[:place]}<base target="_top">{html[place:]}'
