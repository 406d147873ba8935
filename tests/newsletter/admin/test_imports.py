"""The importer in the admin: upload, dry run, confirmation, import; lists out again."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from newsletter.models import ListImport, Notice, Subscriber, Suppression
from newsletter.security import groups
from newsletter.subscriptions import list_imports, suppressions
from newsletter.subscriptions.consent_log import ActionOrigin
from papers.admin.base import url_of, url_of_list
from tests.factories import a_subscriber

pytestmark = pytest.mark.django_db
State = ListImport.State
UPLOAD = "/admin/newsletter/listimport/upload/"
SUBSTACK = "Email,email_disabled,created_at\na@example.org,false,\nb@example.org,true,\nnobody,,\n"


@pytest.fixture
def operator(client: Client) -> Client:
    groups.create_missing()
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    return client


def words(html: bytes) -> str:
    content = html.decode()
    content = content[content.index("<body") :]
    return " ".join(re.sub(r"<[^>]*>", " ", content).split())


def upload(client: Client, text: str = SUBSTACK, **fields: str) -> ListImport:
    file = SimpleUploadedFile("people.csv", text.encode(), "text/csv")
    form = {"file": file, "kind": "subscribers", "preset": "auto"} | fields
    answer = client.post(UPLOAD, form)
    stored = ListImport.objects.get()
    assert answer.headers["Location"] == url_of(stored)
    return stored


def post(client: Client, stored: ListImport, action: str, **form: str) -> str:
    url = reverse(f"admin:newsletter_listimport_{action}", args=[stored.pk])
    return words(client.post(url, form, follow=True).content)


def test_an_upload_shows_what_would_happen_and_imports_nothing(operator: Client) -> None:
    stored = upload(operator)
    assert "Being checked" in words(operator.get(url_of(stored)).content)
    list_imports.run_due()

    page = words(operator.get(url_of(stored)).content)

    assert "Nothing is imported yet. This is what would happen to the 3 rows." in page
    assert "Subscribers, read as made by Substack." in page
    assert "email → email" not in page
    assert "email_disabled → status" in page
    assert "1 created" in page
    assert "1 suppressed" in page
    assert "4 nobody " in page
    assert page.index("To go on, type: import 3") < page.index("4 nobody ")
    shown = words(operator.get(f"{url_of(stored)}?result=suppressed").content)
    assert "3 b@example.org email disabled at Substack" in shown
    assert not Subscriber.objects.exists()


def test_an_import_needs_its_words_and_keeps_the_choice_of_confirmations(operator: Client) -> None:
    stored = upload(operator)
    list_imports.run_due()
    assert "Nothing was imported. To go on, type: import 3" in post(
        operator, stored, "start", typed="yes"
    )
    assert not Subscriber.objects.exists()

    page = post(operator, stored, "start", typed="import 3", send_confirmations="on")
    assert "Being imported" in page
    assert "with a mail to everybody who has to confirm" in page
    list_imports.run_due()

    assert Subscriber.objects.get().status == Subscriber.Status.PENDING
    assert Notice.objects.count() == 1
    assert suppressions.is_suppressed("b@example.org")
    assert "Imported: 3 rows." in words(operator.get(url_of(stored)).content)
    told = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert told == [
        "uploaded",
        "started: import 3",
        "imported: created=1 updated=0 unchanged=0 suppressed=1 refused=1",
    ]


def test_a_second_click_starts_nothing(operator: Client) -> None:
    stored = upload(operator)
    list_imports.run_due()
    post(operator, stored, "start", typed="import 3")
    assert "This import was started already." in post(operator, stored, "start", typed="import 3")
    assert LogEntry.objects.filter(change_message="started: import 3").count() == 1


def test_many_rows_are_shown_a_page_at_a_time(operator: Client) -> None:
    stored = upload(operator, "email\n" + "".join(f"r{n}@example.org\n" for n in range(250)))
    list_imports.run_due()
    first = words(operator.get(url_of(stored)).content)
    assert "1 to 100 of 250 Later rows" in first
    last = words(operator.get(f"{url_of(stored)}?result=created&p=99").content)
    assert "201 to 250 of 250 Earlier rows" in last
    assert "r249@example.org" in last
    assert "r0@example.org" not in last


def test_a_file_that_was_not_recognised_is_read_as_the_operator_says(operator: Client) -> None:
    stored = upload(operator, "email,status\na@example.org,blocklisted\n")
    list_imports.run_due()
    post(operator, stored, "check", preset="listmonk")
    list_imports.run_due()
    assert "1 suppressed" in words(operator.get(url_of(stored)).content)


def test_a_file_can_be_removed_with_what_was_said_of_its_rows(operator: Client) -> None:
    stored = upload(operator)
    list_imports.run_due()
    post(operator, stored, "remove")
    assert not ListImport.objects.exists()


def test_a_cell_of_the_file_is_shown_as_text(operator: Client) -> None:
    stored = upload(operator, "email\n<script>alert(1)</script>\n")
    list_imports.run_due()
    page = operator.get(url_of(stored)).content
    assert b"<script>alert" not in page
    assert b"&lt;script&gt;" in page


@pytest.mark.parametrize("group", ["editor", "support"])
def test_others_can_neither_upload_nor_see_imports(client: Client, group: str) -> None:
    groups.create_missing()
    user = User.objects.create_user("sue", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    stored = list_imports.store(
        [b"email\n"], name="x.csv", kind="subscribers", preset="auto", uploaded_by="olga"
    )
    file = SimpleUploadedFile("people.csv", b"email\n")
    answers = [
        client.post(UPLOAD, {"file": file, "kind": "subscribers", "preset": "auto"}),
        client.get(url_of(stored)),
        client.get(url_of_list(ListImport)),
        *(
            client.post(reverse(f"admin:newsletter_listimport_{name}", args=[stored.pk]))
            for name in ("start", "check", "remove")
        ),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert ListImport.objects.count() == 1


def test_both_lists_lead_to_the_form_for_their_kind(operator: Client) -> None:
    for model, kind in ((Subscriber, "subscribers"), (Suppression, "suppressions")):
        page = operator.get(url_of_list(model)).content.decode()
        button = re.search(r'href="([^"]*import_list[^"]*)"', page)
        assert button, model
        assert operator.get(button[1]).headers["Location"] == f"{UPLOAD}?kind={kind}"
    form = operator.get(f"{UPLOAD}?kind=suppressions").content.decode()
    assert re.search(r'value="suppressions"\s+selected', form)


def test_suppressions_go_out_as_a_file_that_comes_in_again(operator: Client) -> None:
    a_subscriber(email="a@example.org")
    suppressions.suppress("a@example.org", Suppression.Reason.COMPLAINT, "=cmd()")
    row = Suppression.objects.get()
    form = {"action": "export", "_selected_action": [str(row.pk)]}
    answer = operator.post(url_of_list(Suppression), form)
    text = b"".join(answer).decode()
    assert text.splitlines()[0] == "email,reason,created_at,detail,address_hash"
    assert "a@example.org,complaint," in text
    assert "'=cmd()" in text
    assert LogEntry.objects.get().change_message == "exported"
    suppressions.lift(Suppression.objects.all(), ActionOrigin("test"))
    stored = upload(operator, text, kind="suppressions")
    list_imports.run_due()
    post(operator, stored, "start", typed="import 1")
    list_imports.run_due()
    assert suppressions.is_suppressed("a@example.org")
