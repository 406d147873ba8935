"""The readers of the environment say in one sentence what is wrong with a value."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from celery import Celery
from django.core.exceptions import ImproperlyConfigured

from newsletter.conf import env
from tests.conftest import ROOT
from tests.service import environment, manage


@pytest.fixture(params=["  ", ""])
def blank(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", request.param)


def test_an_empty_value_counts_as_unset(blank: None) -> None:
    assert env.text("X", "default") == "default"
    assert env.flag("X", default=True) is True
    assert env.words("X") == []
    assert env.url("X") == ""


@pytest.mark.parametrize(("value", "meant"), [("Yes", True), ("1", True), ("off", False)])
def test_a_flag_is_read_in_any_spelling(
    monkeypatch: pytest.MonkeyPatch, value: str, meant: bool
) -> None:
    monkeypatch.setenv("X", value)
    assert env.flag("X", default=not meant) is meant


def test_a_flag_that_is_neither_yes_nor_no_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "maybe")
    with pytest.raises(ImproperlyConfigured, match="X is 'maybe'; write true or false"):
        env.flag("X", default=True)


@pytest.mark.parametrize("value", ["papers.example.org", "ftp://example.org", "https://"])
def test_an_address_without_http_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="write a full address"):
        env.url("X")


def test_an_address_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "https://papers.example.org/")
    assert env.url("X") == "https://papers.example.org"


def test_a_database_we_do_not_run_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "mysql://root@127.0.0.1/paperboy")
    with pytest.raises(ImproperlyConfigured, match="begins with 'mysql'"):
        env.database("X", "sqlite:///unused")


def test_a_mail_server_with_a_password_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "smtp+tls://me%40example.org:p%2Fss@smtp.example.org?timeout=20")
    assert env.email("X") == {
        "EMAIL_HOST": "smtp.example.org",
        "EMAIL_PORT": 587,
        "EMAIL_HOST_USER": "me@example.org",
        "EMAIL_HOST_PASSWORD": "p/ss",
        "EMAIL_USE_TLS": True,
        "EMAIL_USE_SSL": False,
        "EMAIL_TIMEOUT": 20,
    }


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("http://smtp.example.org", "begins with 'http'"),
        ("smtp://", "write smtp://host:25"),
        ("smtp://host:mail", "no number"),
        ("smtp://host?timeout=soon", "no number"),
    ],
)
def test_a_mail_server_that_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str, sentence: str
) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=sentence):
        env.email("X")


def test_trusted_proxies_must_be_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "10.0.0.0/8, 2001:db8::1")
    assert env.networks("X") == ["10.0.0.0/8", "2001:db8::1"]
    monkeypatch.setenv("X", "10.0.0.0/8, proxy.internal")
    with pytest.raises(ImproperlyConfigured, match=r"X holds 'proxy\.internal'; write addresses"):
        env.networks("X")


@pytest.mark.parametrize("value", ["127.0.0.1:6379", "memory://", "redis://"])
def test_a_broker_that_is_no_redis_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="write redis://host:6379/0"):
        env.redis("X")


def test_a_log_level_that_python_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "warning")
    assert env.log_level("X", "INFO") == "WARNING"
    monkeypatch.setenv("X", "loud")
    with pytest.raises(ImproperlyConfigured, match="X is 'LOUD'; write DEBUG, INFO"):
        env.log_level("X", "INFO")


def test_a_folder_that_cannot_be_made_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("X", str(tmp_path / "file" / "var"))
    with pytest.raises(ImproperlyConfigured, match=r"cannot be made.*set X to one that can"):
        env.folder("X", tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "mysql://root@127.0.0.1/paperboy", "begins with 'mysql'"),
        ("LIKE_HALF_LIFE_DAYS", "0", "is '0'; write 1 or more"),
    ],
)
def test_a_command_says_in_one_line_what_is_wrong_with_a_setting(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    run = manage("check", env=environment(tmp_path, **{name: value}))
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1
    assert f"{name} {sentence}" in run.stderr


@pytest.mark.parametrize("url", ["", "postgres://postgres@127.0.0.1:1/paperboy"])
def test_a_command_says_in_one_line_that_the_database_is_not_there(
    tmp_path: Path, url: str
) -> None:
    run = manage("send_digests", env=environment(tmp_path, DATABASE_URL=url))
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1
    assert "The database cannot be used: " in run.stderr
    assert "python manage.py migrate" in run.stderr


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(tmp_path: Path) -> None:
    command = subprocess.Popen(
        [sys.executable, "manage.py", "help"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout
    assert command.stderr
    command.stdout.close()
    assert command.stderr.read() == ""
    assert command.wait() == 141
    command.stderr.close()


@pytest.mark.parametrize(
    ("url", "reqs"),
    [
        ("rediss://user:word@127.0.0.1:6399/0", "required"),
        ("rediss://127.0.0.1:6399/0?ssl_ca_certs=/etc/ca.pem", "required"),
        ("rediss://127.0.0.1:6399/0?ssl_cert_reqs=none", "none"),
    ],
)
def test_a_broker_over_tls_must_show_its_certificate(
    monkeypatch: pytest.MonkeyPatch, url: str, reqs: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    given = env.redis("REDIS_URL")
    broker = Celery(broker=given, set_as_current=False).connection_for_write()
    expected = {"required": ssl.CERT_REQUIRED, "none": ssl.CERT_NONE}[reqs]
    assert isinstance(broker.ssl, dict)
    assert broker.ssl["ssl_cert_reqs"] == expected
    pool = redis.Redis.from_url(given).connection_pool
    assert pool.connection_kwargs["ssl_cert_reqs"] == reqs


def test_an_exact_address_keeps_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "https://chat.example.org/hooks/")
    assert env.url("X", exact=True) == "https://chat.example.org/hooks/"


@pytest.mark.parametrize("value", ["secret", "whsec_c2hvcnQ=", "whsec_" + "A" * 100])
def test_a_secret_of_webhooks_that_is_no_base_64_or_short_or_long_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="X is not whsec_ with the base 64 of 24 to 64"):
        env.webhook_secret("X")


def test_the_command_that_the_message_names_makes_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    command = env.WEBHOOK_KEY_COMMAND.replace("python3", sys.executable, 1)
    made = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    monkeypatch.setenv("X", made)
    assert env.webhook_secret("X") == made.strip()


def test_a_webhook_without_a_secret_is_refused(tmp_path: Path) -> None:
    told = manage("check", env=environment(tmp_path, OPERATOR_WEBHOOK="https://x.example.org/"))
    assert told.returncode != 0
    assert "OPERATOR_WEBHOOK_SECRET is not set, and OPERATOR_WEBHOOK needs it." in told.stderr


@pytest.mark.parametrize("address", ["http://127.0.0.1:9000", "http://127.0.0.1:9000/"])
def test_a_mirror_of_the_sources_is_a_server_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("X", address)
    assert env.local_server("X") == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    "address",
    ["http://example.org:9000", "https://127.0.0.1:9000", "http://127.0.0.1", "127.0.0.1:9000",
     "http://127.0.0.1:9000/there", "http://localhost:9000", "http://127.0.0.1:port"],
)  # fmt: skip
def test_a_mirror_elsewhere_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("X", address)
    with pytest.raises(ImproperlyConfigured, match=r"X is .*; write one such as http://127"):
        env.local_server("X")


def test_production_reads_no_mirror(tmp_path: Path) -> None:
    production = environment(
        tmp_path, SITE_URL="https://papers.example.org", SECRET_KEY="x" * 50,
        SOURCES_MIRROR="http://127.0.0.1:9000",
    )  # fmt: skip
    answer = manage("check", env=production)
    assert answer.returncode != 0
    assert "unset it in production" in answer.stderr
