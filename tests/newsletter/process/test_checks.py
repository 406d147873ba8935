"""What ``manage.py check --deploy`` says about an environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from anymail.exceptions import AnymailImproperlyInstalled, _LazyError
from django.conf import settings
from django.core.checks import run_checks
from pytest_django import Settings

from tests.conftest import ROOT

PRODUCTION = {
    "SITE_URL": "https://papers.example.org",
    "SECRET_KEY": "a-key-of-sixty-letters-that-no-other-site-has-0123456789-abc",
    "EMAIL_URL": "smtp+tls://paperboy:password@smtp.example.org:587",
    "DEFAULT_FROM_EMAIL": "Paperboy <digest@papers.example.org>",
    "POSTAL_ADDRESS": "1 Example Street, 12345 Example, Utopia",
    "TRUSTED_PROXIES": "127.0.0.1",
}


def check_deploy(tmp_path: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """``check --deploy`` in a process that sees only this environment."""
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def ids() -> set[str]:
    """Our own findings about the settings as they are now."""
    found = run_checks(include_deployment_checks=True)
    return {message.id for message in found if (message.id or "").startswith("paperboy.")}  # type: ignore[misc]


@pytest.fixture
def production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a healthy production, ready to be broken in one place."""
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    settings.LOCAL = False
    settings.HTTPS = True
    settings.SITE_URL = PRODUCTION["SITE_URL"]
    settings.SITE_HOST = "papers.example.org"
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = 60
    settings.DEFAULT_FROM_EMAIL = settings.NOTICE_FROM_EMAIL = PRODUCTION["DEFAULT_FROM_EMAIL"]
    assert ids() == set()
    return settings


def test_a_complete_production_environment_is_clean(tmp_path: Path) -> None:
    outcome = check_deploy(tmp_path, PRODUCTION)
    assert outcome.returncode == 0, outcome.stderr
    assert "no issues" in outcome.stdout


def test_a_laptop_is_told_everything_that_is_missing_for_production(tmp_path: Path) -> None:
    outcome = check_deploy(tmp_path, {})
    assert outcome.returncode == 1
    for number in range(1, 6):
        assert f"paperboy.E00{number}" in outcome.stderr


def test_production_without_a_secret_key_does_not_even_start(tmp_path: Path) -> None:
    outcome = check_deploy(tmp_path, PRODUCTION | {"SECRET_KEY": ""})
    assert outcome.returncode == 1
    assert "SECRET_KEY is not set" in outcome.stderr


def test_a_site_without_https_is_an_error(production: Settings) -> None:
    production.HTTPS = False
    assert ids() == {"paperboy.E001"}


def test_an_address_too_long_for_the_unsubscribe_header_is_a_warning(production: Settings) -> None:
    production.SITE_URL = f"https://{'p' * 13}.example.org:80"
    assert len(production.SITE_URL) == 34 + 2
    assert ids() == {"paperboy.W003"}
    production.SITE_URL = production.SITE_URL[:-2]
    assert ids() == set()


@pytest.mark.parametrize(
    ("variable", "finding"),
    [
        ("SECRET_KEY", "paperboy.E002"),
        ("POSTAL_ADDRESS", "paperboy.E003"),
        ("DEFAULT_FROM_EMAIL", "paperboy.E004"),
    ],
)
def test_a_missing_variable_is_an_error(
    production: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, finding: str
) -> None:
    monkeypatch.setenv(variable, " ")
    assert ids() == {finding}


def test_mail_that_would_stay_in_a_folder_is_an_error(production: Settings) -> None:
    production.EMAIL_BACKEND = "newsletter.mail.backends.file.EmailBackend"
    assert ids() == {"paperboy.E005"}


@pytest.mark.parametrize(
    "backend", ["no.such.Backend", "anymail.backends.postmark.EmailBackend"], ids=["typo", "no key"]
)
def test_a_mail_backend_that_cannot_start_is_an_error(production: Settings, backend: str) -> None:
    production.ANYMAIL = {"WEBHOOK_SECRET": "me:secret"}
    production.EMAIL_BACKEND = backend
    assert ids() == {"paperboy.E006"}


@pytest.mark.parametrize(
    ("backend", "key"),
    [
        ("anymail.backends.postmark.EmailBackend", "POSTMARK_SERVER_TOKEN"),
        ("newsletter.mail.backends.resend.EmailBackend", "RESEND_API_KEY"),
        ("newsletter.mail.backends.brevo.EmailBackend", "BREVO_API_KEY"),
    ],
    ids=["Postmark", "Resend", "Brevo"],
)
def test_a_provider_whose_reports_cannot_be_believed_is_a_warning(
    production: Settings, backend: str, key: str
) -> None:
    production.EMAIL_BACKEND = backend
    production.ANYMAIL = {key: "token"}
    assert ids() == {"paperboy.W002"}
    production.ANYMAIL = {key: "token", "WEBHOOK_SECRET": "me:secret"}
    assert ids() == set()


def test_a_mail_server_without_a_deadline_is_an_error(production: Settings) -> None:
    production.EMAIL_TIMEOUT = None
    assert ids() == {"paperboy.E007"}


def test_a_sender_without_a_full_domain_is_an_error(production: Settings) -> None:
    production.NOTICE_FROM_EMAIL = "Paperboy <digest@localhost>"
    assert ids() == {"paperboy.E008"}


def test_a_sender_from_another_organisation_is_a_warning(production: Settings) -> None:
    production.DEFAULT_FROM_EMAIL = "Paperboy <digest@mail.example.org>"
    assert ids() == set()
    production.DEFAULT_FROM_EMAIL = "Paperboy <digest@example.net>"
    assert ids() == {"paperboy.W001"}


@pytest.mark.parametrize(
    "change",
    [{"init_command": ""}, {"transaction_mode": "DEFERRED"}, {"timeout": 5}],
    ids=["no WAL", "deferred", "impatient"],
)
def test_sqlite_that_cannot_bear_two_writers_is_an_error(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    good = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;",
    }
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "x.sqlite3", "OPTIONS": good}
    monkeypatch.setitem(settings.DATABASES, "default", database)
    assert "paperboy.E009" not in ids()
    broken = database | {"OPTIONS": good | change}
    monkeypatch.setitem(settings.DATABASES, "default", broken)
    assert "paperboy.E009" in ids()


def test_an_unknown_proxy_is_a_warning(production: Settings) -> None:
    production.TRUSTED_PROXIES = []
    assert ids() == {"paperboy.W004"}


def test_hsts_binds_neither_subdomains_nor_the_preload_list_unless_told(tmp_path: Path) -> None:
    shown = "from django.conf import settings as s; print(s.SECURE_HSTS_SECONDS > 0, "
    shown += "s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD)"
    chosen = {"HSTS_SUBDOMAINS": "true", "HSTS_PRELOAD": "true"}
    for extra, expected in (({}, "True False False"), (chosen, "True True True")):
        outcome = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", shown],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)} | PRODUCTION | extra,
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome.stdout.strip() == expected, outcome.stderr


def test_a_webhook_whose_package_is_missing_is_an_error_that_names_it(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = AnymailImproperlyInstalled("svix", "resend")
    monkeypatch.setattr("anymail.webhooks.resend.SvixWebhook", _LazyError(missing))
    production.EMAIL_BACKEND = "newsletter.mail.backends.resend.EmailBackend"
    production.ANYMAIL = {"RESEND_API_KEY": "key", "RESEND_SIGNING_SECRET": "whsec_c2VjcmV0"}
    assert ids() == {"paperboy.E011"}
    found = [one for one in run_checks(include_deployment_checks=True) if one.id == "paperboy.E011"]
    assert "svix" in found[0].msg
