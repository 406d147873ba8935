"""No page of the admin makes more than 15 queries, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import DjangoAssertNumQueries, DjangoDbBlocker, Settings

from newsletter.digests import preview
from newsletter.models import Subscriber
from papers.admin.base import url_of, url_of_list
from tests.newsletter import crowd

MOST_QUERIES = 15
MOST_QUERIES_OF_FIRST_PAGE = 19
DELETABLE = {Subscriber, User, Group, TOTPDevice}
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture(scope="module")
def clerk(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Client]:
    """A thousand rows of everything, and a clerk with every permission among them.

    Made once for this file, in a transaction that is rolled back.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        crowd.make()
        user = User.objects.create_user("clerk", is_staff=True)
        user.user_permissions.set(Permission.objects.all())
        client = Client()
        client.force_login(user)
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = TOTPDevice.objects.create(user=user).persistent_id
        session.save()
        yield client
        transaction.set_rollback(True)


@pytest.fixture
def admin_client(clerk: Client, db: None, settings: Settings) -> Client:
    """The admin past the second factor and without superuser's short cuts: the dearest way."""
    settings.LOCAL = False
    return clerk


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_a_list_of_a_thousand_rows_makes_few_queries(
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    model: type[Model],
) -> None:
    assert model._default_manager.count() >= crowd.SIZE

    with django_assert_max_num_queries(MOST_QUERIES):
        assert admin_client.get(url_of_list(model)).status_code == 200


@pytest.mark.parametrize("page", ["change", "history", "delete"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_the_pages_of_a_row_with_a_thousand_others_make_few_queries(
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    model: type[Model],
    page: str,
) -> None:
    row = model._default_manager.order_by("pk")[0]
    url = f"{url_of(row).removesuffix('change/')}{page}/"

    with django_assert_max_num_queries(MOST_QUERIES):
        status = admin_client.get(url).status_code

    assert status == 200 or (page == "delete" and model not in DELETABLE and status == 403)


def test_the_dashboard_makes_few_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(MOST_QUERIES_OF_FIRST_PAGE):
        assert admin_client.get("/admin/").status_code == 200


def test_the_preview_of_a_digest_makes_few_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    reader = Subscriber.objects.order_by("pk")[0]
    preview.kept_papers()  # Read once for the process.

    with django_assert_max_num_queries(MOST_QUERIES):
        page = admin_client.get(f"{url_of(reader).removesuffix('change/')}preview/")

    assert b"srcdoc" in page.content
