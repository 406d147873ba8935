"""The mail folder in the browser, on a laptop only: what would have been sent, as it would look.

A mail is foreign HTML. It is served from an address of its own, sandboxed by its own policy, and
shown inside a frame; its links open in the whole window.
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
MESSAGES_A_PAGE: Final = 50
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

# Pixels: what a mail of ours takes beside its lines, each line, and the tallest frame.
FRAME: Final = 240
FRAME_LINE: Final = 22
TALLEST_FRAME: Final = 1275

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def on_a_laptop(view: View[P]) -> View[P]:
    """Answer 404 unless this is the laptop world and mail goes into the folder."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not settings.LOCAL or settings.EMAIL_BACKEND != BACKEND:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@never_cache
@on_a_laptop
def inbox(request: HttpRequest) -> HttpResponse:
    """Every mail in the folder, newest first."""
    page = Paginator(file.names(), MESSAGES_A_PAGE).get_page(request.GET.get("page"))
    messages = []
    for name in page:
        with suppress(OSError):  # It was deleted a moment ago.
            messages.append(file.read(name))
    return render(request, "inbox/list.html", {"page": page, "mails": messages})


@require_safe
@never_cache
@on_a_laptop
def message(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: its headers, its HTML in a frame, its text."""
    stored = _stored(name)
    headers = [(name, stored.headers[name]) for name in SHOWN_HEADERS if name in stored.headers]
    context = {"mail": stored, "headers": headers, "height": _height(stored)}
    return render(request, "inbox/message.html", context)


@require_safe
@never_cache
@on_a_laptop
def html_part(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML of a mail, for the frame."""
    headers = {"Content-Security-Policy": POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return HttpResponse(_leaving_the_frame(_stored(name).html), headers=headers)


@require_safe
@never_cache
@on_a_laptop
def raw(request: HttpRequest, name: str) -> HttpResponse:
    """The file itself, to be saved or opened in a mail program."""
    stored = _stored(name)
    headers = {"Content-Disposition": f'attachment; filename="{stored.name}"'}
    return HttpResponse(stored.raw, content_type="message/rfc822", headers=headers)


def _stored(name: str) -> StoredMessage:
    try:
        return file.read(name)
    except OSError as error:
        raise Http404("There is no such mail in the folder.") from error


def _height(mail: StoredMessage) -> int:
    """How tall the frame is, guessed from the text that says the same.

    Nobody may look into the frame to measure it: no script runs there, and it has no origin.
    """
    if not mail.text:
        return TALLEST_FRAME
    return min(FRAME + FRAME_LINE * mail.text.count("\n"), TALLEST_FRAME)


def _leaving_the_frame(html: str) -> str:
    """The same page with links that open in the whole window."""
    head = re.search(r"<head[^>]*>", html, re.IGNORECASE)
    place = head.end() if head else 0
    return f'{html[:place]}<base target="_top">{html[place:]}'
