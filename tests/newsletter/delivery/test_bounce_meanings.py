"""What providers call hard, soft, refused by policy, and leaving."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent
from anymail.webhooks import (
    amazon_ses,
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendgrid,
    sparkpost,
    unisender_go,
)
from django.test import RequestFactory

from newsletter.delivery import bounces
from newsletter.delivery.bounce_meanings import VOCABULARIES, Meaning, meaning_of
from newsletter.delivery.outbox import SMTP_ANSWER
from newsletter.models import DeliveryEvent, Digest, Subscriber, Suppression
from newsletter.web import webhooks
from tests.conftest import DATA
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db
Payload = dict[str, Any]
ADA = "ada@example.org"
READERS: dict[str, tuple[Any, str]] = {
    "amazon_ses": (amazon_ses.AmazonSESTrackingWebhookView, "esp_to_anymail_events"),
    "brevo": (brevo.BrevoTrackingWebhookView, "esp_to_anymail_event"),
    "mailersend": (mailersend.MailerSendTrackingWebhookView, "esp_to_anymail_event"),
    "mailgun": (mailgun.MailgunTrackingWebhookView, "esp_to_anymail_event"),
    "mailjet": (mailjet.MailjetTrackingWebhookView, "esp_to_anymail_event"),
    "mailtrap": (mailtrap.MailtrapTrackingWebhookView, "esp_to_anymail_event"),
    "mandrill": (mandrill.MandrillCombinedWebhookView, "mandrill_tracking_to_anymail_event"),
    "postal": (postal.PostalTrackingWebhookView, "parse_events"),
    "postmark": (postmark.PostmarkTrackingWebhookView, "esp_to_anymail_event"),
    "resend": (resend.ResendTrackingWebhookView, "esp_to_anymail_event"),
    "sendgrid": (sendgrid.SendGridTrackingWebhookView, "esp_to_anymail_event"),
    "sparkpost": (sparkpost.SparkPostTrackingWebhookView, "esp_to_anymail_event"),
    "unisender_go": (unisender_go.UnisenderGoTrackingWebhookView, "esp_to_anymail_event"),
}


class Headers:
    """A request of which only the headers are read."""

    headers: dict[str, str] = {}


def event_of(provider: str, payload: Payload) -> DeliveryEvent:
    """The payload of a provider's webhook as the row that is stored."""
    view, method = READERS[provider]
    more: tuple[Any, ...] = ()
    if provider == "resend":
        more = (Headers(),)
    if provider == "amazon_ses":
        more = ({"MessageId": "m", "Timestamp": "2026-03-11T08:00:00Z"},)
    if provider == "sparkpost":
        raw = {"msys": {"message_event": payload}}
        found = view.esp_to_anymail_event(view.__new__(view), "message_event", payload, raw)
    elif provider == "postal":
        request = RequestFactory().post("/", json.dumps(payload), content_type="application/json")
        found = view.parse_events(view.__new__(view), request)
    else:
        found = getattr(view, method)(view.__new__(view), payload, *more)
    event: AnymailTrackingEvent = found[0] if isinstance(found, list) else found
    return webhooks.parse(event, view.esp_name).row


def ses(kind: str, sub: str, code: str = "") -> Payload:
    bounced = [{"emailAddress": ADA, "diagnosticCode": code}]
    mail = {"messageId": "m", "destination": [ADA], "timestamp": "2026-03-11T08:00:00Z"}
    bounce = {
        "bounceType": kind,
        "bounceSubType": sub,
        "bouncedRecipients": bounced,
        "timestamp": "2026-03-11T08:00:00Z",
    }
    return {"eventType": "Bounce", "notificationType": "Bounce", "mail": mail, "bounce": bounce}


def brevo_event(event: str, reason: str = "") -> Payload:
    return {"event": event, "email": ADA, "ts_epoch": 1770000000000, "reason": reason}


def mailersend_event(kind: str, morph: str = "recipient_bounce", reason: str = "") -> Payload:
    return {
        "data": {
            "type": kind,
            "created_at": "2026-03-11T08:00:00Z",
            "email": {"message": {"id": "m"}, "recipient": {"email": ADA}},
            "morph": {"object": morph, "reason": reason},
        }
    }


def mailgun_event(severity: str, reason: str, message: str = "", event: str = "failed") -> Payload:
    return {
        "event-data": {
            "event": event,
            "severity": severity,
            "reason": reason,
            "recipient": ADA,
            "timestamp": 1770000000,
            "delivery-status": {"message": message, "code": 550},
        }
    }


def mailjet_event(error: str, event: str = "bounce", **more: Any) -> Payload:
    return {"event": event, "time": 1770000000, "MessageID": 1, "email": ADA, "error": error} | more


def mandrill_event(event: str, description: str = "", diag: str = "", reject: str = "") -> Payload:
    msg = {"email": ADA, "diag": diag, "bounce_description": description}
    return {"event": event, "ts": 1770000000, "msg": msg, "reject": {"reason": reject}}


def postal_event(status: str, output: str) -> Payload:
    message = {"id": 1, "token": "t", "message_id": "m", "to": ADA, "tag": None}
    return {
        "event": "MessageDeliveryFailed",
        "timestamp": 1770000000,
        "uuid": "u",
        "payload": {"status": status, "details": "", "output": output, "message": message},
    }


def postmark_event(kind: str, details: str = "", record: str = "Bounce") -> Payload:
    return {
        "RecordType": record,
        "ID": 1,
        "Type": kind,
        "Email": ADA,
        "Details": details,
        "BouncedAt": "2026-03-11T08:00:00Z",
    }


def resend_event(kind: str, sub: str, message: str = "sent a bounce message") -> Payload:
    bounce = {"message": message, "type": kind, "subType": sub}
    return {
        "type": "email.bounced",
        "created_at": "2026-03-11T08:00:00.000Z",
        "data": {"email_id": "m", "to": [ADA], "bounce": bounce},
    }


def sendgrid_event(event: str, reason: str, **more: str) -> Payload:
    return {"event": event, "email": ADA, "timestamp": 1770000000, "reason": reason} | more


def sparkpost_event(bounce_class: str, reason: str = "x", kind: str = "bounce") -> Payload:
    return {
        "type": kind,
        "timestamp": "1770000000",
        "bounce_class": bounce_class,
        "raw_rcpt_to": ADA,
        "event_id": "e",
        "raw_reason": reason,
    }


def unisender_event(delivery: str, status: str = "hard_bounced", answer: str = "") -> Payload:
    return {
        "status": status,
        "email": ADA,
        "event_time": "2026-03-11 08:00:00",
        "delivery_info": {"delivery_status": delivery, "destination_response": answer},
    }


HARD, SOFT, POLICY, LEAVING = Meaning.HARD, Meaning.SOFT, Meaning.POLICY, Meaning.LEAVING
CASES: list[tuple[str, Payload, Meaning]] = [
    ("amazon_ses", ses("Permanent", "General"), HARD),
    ("amazon_ses", ses("Permanent", "NoEmail", "smtp; 550 5.1.1 user unknown"), HARD),
    ("amazon_ses", ses("Permanent", "OnAccountSuppressionList"), HARD),
    ("amazon_ses", ses("Permanent", "UnsubscribedRecipient"), LEAVING),
    ("amazon_ses", ses("Permanent", "General", "smtp; 554 5.7.1 refused by policy"), POLICY),
    ("amazon_ses", ses("Permanent", "General", "smtp; 552 5.2.2 mailbox full"), SOFT),
    ("amazon_ses", ses("Undetermined", "Undetermined"), SOFT),
    ("amazon_ses", ses("Transient", "MailboxFull"), SOFT),
    ("amazon_ses", ses("Transient", "General", "smtp; 550 5.1.1 user unknown"), SOFT),
    ("amazon_ses", ses("Transient", "ContentRejected"), POLICY),
    ("brevo", brevo_event("hard_bounce", "550 5.1.1 unknown user"), HARD),
    ("brevo", brevo_event("hard_bounce", "550-5.7.26 unauthenticated mail"), POLICY),
    ("brevo", brevo_event("invalid_email"), HARD),
    ("brevo", brevo_event("soft_bounce", "452 4.2.2 over quota"), SOFT),
    ("brevo", brevo_event("blocked"), SOFT),
    ("brevo", brevo_event("error"), POLICY),
    ("mailersend", mailersend_event("hard_bounced", reason="550 5.1.1 no such user"), HARD),
    ("mailersend", mailersend_event("soft_bounced"), SOFT),
    ("mailersend", mailersend_event("hard_bounced", "recipient_unsubscribe"), LEAVING),
    ("mailgun", mailgun_event("permanent", "bounce", "5.1.1 no such user"), HARD),
    ("mailgun", mailgun_event("permanent", "suppress-bounce"), HARD),
    ("mailgun", mailgun_event("permanent", "suppress-unsubscribe"), LEAVING),
    ("mailgun", mailgun_event("permanent", "suppress-complaint"), LEAVING),
    ("mailgun", mailgun_event("permanent", "espblock"), POLICY),
    ("mailgun", mailgun_event("permanent", "old", "Too old"), SOFT),
    ("mailgun", mailgun_event("permanent", "bounce", "5.7.1 spam"), POLICY),
    ("mailgun", mailgun_event("permanent", "bounce", "552 5.2.2 mailbox full"), SOFT),
    ("mailjet", mailjet_event("quota exceeded", hard_bounce=False), SOFT),
    ("mailjet", mailjet_event("user unknown", hard_bounce=True), HARD),
    ("mailjet", mailjet_event("user unknown", hard_bounce=False), SOFT),
    ("mailjet", mailjet_event("quota exceeded", hard_bounce=True), SOFT),
    ("mailjet", mailjet_event("relay/access denied", hard_bounce=True), POLICY),
    ("mailjet", mailjet_event("policy issue", hard_bounce=True), POLICY),
    ("mailjet", mailjet_event("preblocked", "blocked"), SOFT),
    ("mailjet", mailjet_event("typofix", "blocked"), HARD),
    ("mailtrap", {"event": "bounce", "timestamp": 1770000000, "message_id": "m"}, HARD),
    ("mailtrap", {"event": "reject", "timestamp": 1770000000, "message_id": "m"}, POLICY),
    ("mandrill", mandrill_event("hard_bounce", "bad_mailbox"), HARD),
    ("mandrill", mandrill_event("hard_bounce", diag="smtp;550 5.7.1 blocked"), POLICY),
    ("mandrill", mandrill_event("soft_bounce", "mailbox_full"), SOFT),
    ("mandrill", mandrill_event("reject", reject="unsub"), LEAVING),
    ("mandrill", mandrill_event("reject", reject="hard-bounce"), HARD),
    ("mandrill", mandrill_event("reject", reject="soft-bounce"), SOFT),
    ("mandrill", mandrill_event("reject", reject="invalid-sender"), POLICY),
    ("postal", postal_event("HardFail", "550 5.1.1 no such user"), HARD),
    ("postal", postal_event("HardFail", "554 5.7.1 rejected"), POLICY),
    ("postal", postal_event("HardFail", "552 5.2.2 over quota"), SOFT),
    ("postal", postal_event("HardFail", "550 refused"), SOFT),
    ("postmark", postmark_event("HardBounce"), HARD),
    ("postmark", postmark_event("BadEmailAddress"), HARD),
    ("postmark", postmark_event("SoftBounce"), SOFT),
    ("postmark", postmark_event("SoftBounce", "smtp;550 5.1.8 sender domain"), POLICY),
    ("postmark", postmark_event("DMARCPolicy"), POLICY),
    ("postmark", postmark_event("Blocked"), POLICY),
    ("postmark", postmark_event("ManuallyDeactivated"), SOFT),
    ("resend", resend_event("Transient", "MailboxFull"), SOFT),
    ("resend", resend_event("Transient", "General"), SOFT),
    ("resend", resend_event("Undetermined", "Undetermined"), SOFT),
    ("resend", resend_event("Permanent", "General", "the address is gone"), HARD),
    ("resend", resend_event("Permanent", "Suppressed", "Resend has suppressed sending"), HARD),
    ("resend", resend_event("Transient", "ContentRejected"), POLICY),
    ("sendgrid", sendgrid_event("bounce", "550 5.1.1 no such user", type="bounce"), HARD),
    ("sendgrid", sendgrid_event("bounce", "550 user is gone", type="bounce"), HARD),
    ("sendgrid", sendgrid_event("bounce", "421 try later", type="blocked"), SOFT),
    ("sendgrid", sendgrid_event("bounce", "550 5.7.1 spam", type="bounce"), POLICY),
    ("sendgrid", sendgrid_event("dropped", "Bounced Address"), HARD),
    ("sendgrid", sendgrid_event("dropped", "Invalid"), HARD),
    ("sendgrid", sendgrid_event("dropped", "Unsubscribed Address"), LEAVING),
    ("sendgrid", sendgrid_event("dropped", "Spam Reporting Address"), LEAVING),
    ("sendgrid", sendgrid_event("dropped", "Recipient List over Package Quota"), POLICY),
    (
        "sendgrid",
        sendgrid_event("bounce", "x", type="bounce", bounce_classification="Reputation"),
        POLICY,
    ),
    *(("sparkpost", sparkpost_event(code), HARD) for code in ("10", "30")),
    *(
        ("sparkpost", sparkpost_event(code), SOFT)
        for code in ("1", "20", "21", "22", "23", "24", "40", "70")
    ),
    *(
        ("sparkpost", sparkpost_event(code), POLICY)
        for code in ("25", "50", "51", "52", "53", "54")
    ),
    ("sparkpost", sparkpost_event("10", kind="out_of_band"), HARD),
    ("unisender_go", unisender_event("err_user_unknown"), HARD),
    ("unisender_go", unisender_event("err_mailbox_full"), SOFT),
    ("unisender_go", unisender_event("err_unsubscribed"), LEAVING),
    ("unisender_go", unisender_event("err_spam_rejected"), POLICY),
]


@pytest.mark.parametrize(("provider", "payload", "meaning"), CASES)
def test_a_provider_s_words_mean_what_its_manual_says(
    provider: str, payload: Payload, meaning: Meaning
) -> None:
    event = event_of(provider, payload)
    assert event.type in {"bounced", "rejected", "failed"}
    assert meaning_of(event) == meaning


@pytest.mark.parametrize(
    "row",
    [json.loads(line) for line in (DATA / "bounces.jsonl").read_text().splitlines()],
    ids=lambda row: f"{row['provider']} {row['want']}",
)
def test_bounces_as_they_were_reported(row: dict[str, Any]) -> None:
    assert meaning_of(event_of(row["provider"], row["payload"])) == row["want"]


def test_every_provider_of_anymail_has_a_table_with_its_source() -> None:
    names = {view.esp_name for view, _ in READERS.values()}
    assert names <= VOCABULARIES.keys()
    for vocabulary in VOCABULARIES.values():
        assert vocabulary.source.startswith(("https://", "RFC "))
        words = [word for words in vocabulary.words.values() for word in words]
        assert len(words) == len(set(words))
        assert all(word == word.lower() for word in words)


@pytest.mark.parametrize(
    ("reject_reason", "meaning"),
    [("bounced", HARD), ("blocked", POLICY), ("other", SOFT), ("", SOFT)],
)
def test_what_a_mail_server_answered_us_was_classified_then(
    reject_reason: str, meaning: Meaning
) -> None:
    event = DeliveryEvent(
        provider=SMTP_ANSWER, reject_reason=reject_reason, description="550 5.7.1 x"
    )
    assert meaning_of(event) == meaning


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (sendgrid_event("dropped", "Unsubscribed Address", sg_event_id="1"), "unsubscribed"),
        (sendgrid_event("bounce", "550 5.1.1 no such user", sg_event_id="2"), "suppressed"),
        (sendgrid_event("bounce", "452 full", type="blocked", sg_event_id="3"), "active"),
    ],
)
def test_each_meaning_changes_the_subscriber_accordingly(payload: Payload, status: str) -> None:
    ada = a_subscriber(email=ADA)
    digest = a_digest(subscriber=ada, state=Digest.State.SENT)
    event = event_of("sendgrid", payload)
    event.digest = digest
    event.save()
    bounces.process()
    ada.refresh_from_db()
    assert ada.status == Subscriber.Status(status)
    assert Suppression.objects.exists() == (status == "suppressed")
    assert ada.soft_bounce_score == (0.5 if status == "active" else 0)
