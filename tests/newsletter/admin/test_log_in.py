"""Log-in to the admin: password, second factor, limits, and the content security policy."""

from __future__ import annotations

import re
from base64 import b32decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.lib import add_static_token
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from tests.conftest import ROOT

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

PAGE = "/admin/second-factor/"
SUBSCRIBERS = "/admin/newsletter/subscriber/"


@pytest.fixture
def operator(db: None, settings: Settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_superuser("operator", password="open sesame 42")


@pytest.fixture
def production(settings: Settings) -> None:
    settings.LOCAL = False


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2025, 3, 10, 9, tzinfo=UTC), tick=False) as traveller:
        yield traveller


def log_in(
    client: Client, page: str = "/admin/", password: str = "open sesame 42"
) -> _MonkeyPatchedWSGIResponse:
    form = {"username": "operator", "password": password, "next": page}
    return client.post("/admin/login/", form, follow=True)


def offered(client: Client) -> dict[str, str]:
    """The form of a first visit, filled in as an authenticator app would have it."""
    html = client.get(PAGE).content.decode()
    offer = re.search(r'name="offer" value="([^"]+)"', html)
    secret = re.search(r'id="secret">([^<]+)<', html)
    assert offer
    assert secret
    key = b32decode(secret[1].replace(" ", ""))
    return {"offer": offer[1], "code": f"{totp(key):06}"}


def code_of(device: TOTPDevice) -> str:
    return f"{totp(device.bin_key):06}"


def test_on_a_laptop_the_password_is_enough(client: Client, operator: User) -> None:
    assert log_in(client).redirect_chain == [("/admin/", 302)]


def test_a_log_in_without_a_page_in_mind_leads_to_the_first_page(
    client: Client, operator: User
) -> None:
    form = {"username": "operator", "password": "open sesame 42"}

    assert client.post("/admin/login/", form).headers["Location"] == "/admin/"


def test_a_first_production_log_in_leads_through_enrolment_to_the_page_asked_for(
    client: Client, operator: User, production: None
) -> None:
    response = log_in(client, SUBSCRIBERS)
    assert b"data:image/svg+xml" in response.content

    page = f"{PAGE}?next={SUBSCRIBERS}"
    answer = client.post(page, offered(client))

    assert answer.headers["Location"] == SUBSCRIBERS
    assert client.get(SUBSCRIBERS).status_code == 200
    assert TOTPDevice.objects.get(user=operator).confirmed


def test_without_the_second_factor_no_page_of_the_admin_opens(
    client: Client, operator: User, production: None
) -> None:
    log_in(client)

    assert client.get(SUBSCRIBERS).status_code == 302
    assert client.get("/admin/jsi18n/").status_code == 302


def test_looking_at_the_offered_key_or_mistyping_the_code_stores_no_device(
    client: Client, operator: User, production: None
) -> None:
    log_in(client)
    form = offered(client)

    response = client.post(PAGE, form | {"code": "000000"})

    assert b"This code is wrong" in response.content
    # The same key again; the time in its signature may be a second later.
    assert form["offer"].partition(":")[0].encode() in response.content
    assert not TOTPDevice.objects.exists()


def test_a_key_offered_to_one_account_does_not_open_another(
    client: Client, operator: User, production: None
) -> None:
    log_in(client)
    form = offered(client)
    other = Client()
    other.force_login(User.objects.create_superuser("other"))

    other.post(PAGE, form)

    assert not TOTPDevice.objects.exists()


def test_a_key_offered_more_than_an_hour_ago_is_not_stored(
    client: Client, operator: User, production: None, clock: time_machine.Traveller
) -> None:
    log_in(client)
    form = offered(client)
    clock.shift(timedelta(hours=2))

    client.post(PAGE, form)

    assert not TOTPDevice.objects.exists()


def test_later_log_ins_ask_for_a_code_and_each_works_once(
    client: Client, operator: User, production: None
) -> None:
    device = TOTPDevice.objects.create(user=operator)
    code = code_of(device)
    log_in(client)
    assert client.post(PAGE, {"code": code}).headers["Location"] == "/admin/"
    assert client.get(SUBSCRIBERS).status_code == 200

    stranger = Client()
    log_in(stranger)

    assert b"used before" in stranger.post(PAGE, {"code": code}).content


def test_who_has_a_device_cannot_enrol_another_with_the_password_alone(
    client: Client, operator: User, production: None
) -> None:
    log_in(client)
    form = offered(client)
    TOTPDevice.objects.create(user=operator)

    response = client.post(PAGE, form)

    assert b"This code is wrong" in response.content
    assert TOTPDevice.objects.filter(user=operator).count() == 1


def test_a_code_made_on_the_server_logs_in_once(
    client: Client, operator: User, production: None
) -> None:
    TOTPDevice.objects.create(user=operator)
    code = add_static_token("operator").token
    log_in(client)

    assert client.post(PAGE, {"code": code}).status_code == 302

    again = Client()
    log_in(again)
    assert again.post(PAGE, {"code": code}).status_code == 200


def test_after_the_code_nobody_is_sent_to_another_host(
    client: Client, operator: User, production: None
) -> None:
    device = TOTPDevice.objects.create(user=operator)
    log_in(client)

    response = client.post(f"{PAGE}?next=https://evil.example/", {"code": code_of(device)})

    assert response.headers["Location"] == "/admin/"


def test_who_stands_before_the_second_factor_can_leave(
    client: Client, operator: User, production: None
) -> None:
    log_in(client)

    client.post(PAGE, {"leave": "1"})

    assert "_auth_user_id" not in client.session


def test_after_ten_wrong_passwords_the_right_one_has_to_wait_a_quarter_of_an_hour(
    client: Client, operator: User, clock: time_machine.Traveller
) -> None:
    for _ in range(10):
        log_in(client, password="wrong")

    assert b"Too many tries" in log_in(client).content

    clock.shift(timedelta(minutes=16))
    assert log_in(client).redirect_chain


def test_a_stranger_elsewhere_does_not_lock_an_operator_out(client: Client, operator: User) -> None:
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    for _ in range(11):
        log_in(elsewhere, password="wrong")

    assert log_in(client).redirect_chain


@pytest.mark.parametrize("page", ["/admin/login/", "/admin/", "/admin/newsletter/digest/"])
def test_only_admin_pages_may_evaluate_scripts_and_no_page_may_be_framed(
    client: Client, operator: User, page: str
) -> None:
    if "login" not in page:
        client.force_login(operator)

    policy = client.get(page).headers["Content-Security-Policy"]

    assert "script-src 'self' 'unsafe-eval';" in f"{policy};"
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in client.get("/privacy/").headers["Content-Security-Policy"]


def test_a_failed_log_in_is_logged_with_its_address_for_fail2ban(
    client: Client, operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    log_in(client, password="wrong")
    assert "Log-in failed from 127.0.0.1." in caplog.messages
    log_in(client)
    assert caplog.messages.count("Log-in failed from 127.0.0.1.") == 1


def test_the_filter_of_the_documentation_finds_the_address_of_a_failed_log_in(
    client: Client, operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    page = (ROOT / "docs" / "hosting.md").read_text()
    pattern = re.search(r"^failregex = (.*)$", page, re.MULTILINE)
    assert pattern
    client.post("/admin/login/", {"username": "operator", "password": "guess"})
    found = re.search(pattern[1].replace("<HOST>", r"(?P<host>(?:\d+\.){3}\d+)"), caplog.text)
    assert found
    assert found["host"] == "127.0.0.1"
