"""Requests that name odd charsets, and a database that cannot be reached."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from newsletter.models import Subscriber
from newsletter.security import tokens
from tests.factories import a_subscriber

ODD = ["no-such", "zlib", "hex", "idna", "utf-16", "iso-8859-1", "utf-8;x", "\xff"]


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ODD)
def test_one_click_unsubscribe_works_whatever_the_charset(client: Client, charset: str) -> None:
    reader = a_subscriber()
    url = reverse("unsubscribe", args=[tokens.unsubscribe_token(reader)])
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    answer = client.generic("POST", url, "List-Unsubscribe=One-Click", content_type=kind)
    assert answer.status_code == 200
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ODD)
def test_a_form_of_parts_is_read_as_utf8_too(client: Client, charset: str) -> None:
    body = '--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nnobody\r\n--x--\r\n'
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    answer = client.generic("POST", reverse("subscribe"), body, content_type=kind)
    assert answer.status_code == 400


@pytest.mark.django_db
def test_a_database_that_cannot_be_reached_is_a_503(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("newsletter.web.views.site.render", fail)
    client.raise_request_exception = False
    answer = client.get(reverse("home"))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
