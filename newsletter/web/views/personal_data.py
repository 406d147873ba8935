"""The page for exporting and erasing personal data, whose link comes by mail."""

from __future__ import annotations

import json

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from newsletter.models import Subscriber
from newsletter.security import tokens
from newsletter.subscriptions import privacy
from newsletter.web.views.token_page import token_page


@token_page
def personal_data(request: HttpRequest, token: str) -> HttpResponse:
    """Offer export and erasure; carry out the ``action`` of a POST."""
    subscriber = tokens.subscriber_of_privacy_token(token)
    action = request.POST.get("action", "") if request.method == "POST" else ""
    if action == "export":
        return _export(subscriber)
    if action == "erase" and request.POST.get("sure"):
        privacy.erase(subscriber)
        return render(request, "subscriber/erased.html")
    unsure = action == "erase"
    context = {"subscriber": subscriber, "unsure": unsure}
    status = 400 if unsure else 200
    return render(request, "subscriber/personal_data.html", context, status=status)


def _export(subscriber: Subscriber) -> HttpResponse:
    data = json.dumps(
        privacy.export(subscriber), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False
    )
    return HttpResponse(
        data,
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )
