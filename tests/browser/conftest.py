"""A running service and a real browser in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

from tests.service import Service, manage

PASSWORD = "open sesame 42"
MAKE = f"""
from django.contrib.auth.models import Group, User
from django.utils.timezone import now
from newsletter.models import Consent, DeliveryEvent, Digest, Notice, Subscriber, Suppression
from newsletter.process import daily
from newsletter.security import audit, groups
from newsletter.subscriptions import list_imports
from papers.models import Paper, Source
groups.create_missing()
for name in ("editor", "support", "operator"):
    user = User.objects.create_user(name, name + "@example.org", "{PASSWORD}", is_staff=True)
    user.groups.add(Group.objects.get(name=name))
User.objects.create_superuser("owner", "owner@example.org", "{PASSWORD}")
ada = Subscriber.objects.create(email="ada@example.org", email_key="ada@example.org",
    status="active")
bob = Subscriber.objects.create(email="bob@example.org", email_key="bob@example.org",
    status="suppressed")
Suppression.objects.create(address_hash="b" * 64, email_key=bob.email_key, reason="hard_bounce",
    detail="550 5.1.1 no such user")
for number, action in enumerate(("sign_up", "confirm")):
    Consent.objects.create(subscriber=ada, action=action, form="sign-up", text_version="1")
Source.objects.create(name="arxiv", kind="arxiv-rss", last_result="Nothing new.")
paper = Paper.objects.first()
sent = Digest.objects.create(subscriber=ada, state="sent", due_at=now(), due_on=now().date(),
    sent_at=now(), subject="One paper", message_id="<1@example.org>", provider_id="p-1",
    items=[dict(paper=paper.canonical_id, reason="new", slot="trending", score=1.0, part="new")])
Notice.objects.create(subscriber=ada, kind="manage", state="sent", sent_at=now())
DeliveryEvent.objects.create(provider="postmark", event_key="1", type="delivered", digest=sent,
    recipient=ada.email, email_key=ada.email_key, occurred_at=now(), processed_at=now())
rows = "email,confirmed_at,consent_source\\nnew@example.org,2026-01-05T08:00Z,form\\nnone,,\\n"
list_imports.store([rows.encode()], name="people.csv", kind="subscribers", preset="auto",
    uploaded_by="owner")
list_imports.run_due()
audit.record(audit.COMMAND_LINE, "sent=1", "send_digests")
daily.count_days(now())
"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service on a fresh database, mail in its folder."""
    var: Path = tmp_path_factory.mktemp("service") / "var"
    with Service(var) as service:
        service.wait_for("/readyz")
        yield service


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with an account in each group and an owner, a reader with a story, an import."""
    var: Path = tmp_path_factory.mktemp("desk") / "var"
    with Service(var) as service:
        service.wait_for("/readyz")
        made = manage("shell", "-c", MAKE, env=service.env)
        assert made.returncode == 0, made.stderr
        yield service


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page that reaches the service and nothing else; a script error fails the test."""
    context = browser.new_context(base_url=service.url)
    context.set_default_timeout(20_000)
    context.route("**/*", lambda route, request: only_to(service, route, request))
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def only_to(service: Service, route: Route, request: Request) -> None:
    if request.url.startswith(service.url):
        route.continue_()
    else:
        route.abort()
