"""Fixtures of the post office's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from newsletter.digests import preview
from tests import smtpd
from tests.newsletter.mail.backends.test_smtp import point_at
from tests.sink import Sink, running_sink


@pytest.fixture(autouse=True)
def no_papers_of_previews() -> None:
    """The catalogue of one test is none of another's."""
    preview.forget()


@pytest.fixture
def reader() -> Client:
    """A mail program's browser: no cookie, and Django insists on CSRF where it applies."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    """A real SMTP server that the settings point at."""
    with running_sink() as sink:
        settings.EMAIL_BACKEND = "newsletter.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = sink.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_TIMEOUT = 10
        yield sink


@pytest.fixture
def server(settings: Settings) -> Iterator[smtpd.Server]:
    """One whose answers a test can choose."""
    with smtpd.running() as server:
        point_at(server.port, settings)
        yield server
