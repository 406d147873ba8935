"""The meaning of reported bounces for an address: one table of words for each provider.

Each table holds the provider's own words as they stand in its webhooks, and the page that explains
them. An enhanced status code (RFC 3463) in the text of the mail server is read as well: it shows
refusals of the sender, which say nothing about the address, and full mailboxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from newsletter.delivery.outbox import SMTP_ANSWER
from newsletter.mail import smtp_replies
from newsletter.mail.smtp_replies import Concern
from newsletter.models import DeliveryEvent

BOUNCE_MAILBOX: Final = "Bounce mailbox"
REFUSED_FOR_GOOD: Final = 550  # The reply code that a status code 5.x.x stands for.
# Subjects of status codes that are about the message or its sender: protocol, content, policy.
SENDER_SUBJECTS: Final = frozenset({"5", "6", "7"})
# Reject reasons of Anymail, where a provider has no table or its event lacks the words.
HARD_REJECT_REASONS: Final = frozenset({"bounced", "invalid"})
LEAVING_REJECT_REASON: Final = "unsubscribed"


class Meaning(StrEnum):
    """The meaning of a bounce for the address."""

    HARD = "hard"  # The address does not exist: suppress it.
    SOFT = "soft"  # The address cannot be reached for now: count it.
    POLICY = "policy"  # The sender, the message or the provider is refused, not the address.
    LEAVING = "leaving"  # The owner asked the provider for no more mail: unsubscribe.


MEANING_OF_CONCERN: Final = {
    Concern.ABSENT: Meaning.HARD,
    Concern.MAILBOX: Meaning.SOFT,
    Concern.QUOTA: Meaning.POLICY,
    Concern.SENDER: Meaning.POLICY,
}


@dataclass(frozen=True)
class Vocabulary:
    """A provider's words by meaning, in lower case.

    ``fields`` are paths into the payload, the most specific first; the first field whose value is
    in a table decides. The word of a Boolean field is its name and value: ``hard_bounce=true``.
    """

    source: str
    fields: tuple[str, ...]
    words: Mapping[Meaning, frozenset[str]] = field(default_factory=dict)


def _words(**meanings: str) -> dict[Meaning, frozenset[str]]:
    """Return words by meaning from texts in which ``;`` separates words."""
    return {
        Meaning(name): frozenset(word.strip() for word in text.split(";"))
        for name, text in meanings.items()
    }


VOCABULARIES: Final[Mapping[str, Vocabulary]] = {
    "Amazon SES": Vocabulary(
        "https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types",
        ("bounce.bounceSubType", "bounce.bounceType"),
        _words(
            hard="permanent; noemail; suppressed; onaccountsuppressionlist",
            soft="transient; undetermined; mailboxfull; messagetoolarge; customtimeoutexceeded",
            policy="contentrejected; attachmentrejected",
            leaving="unsubscribedrecipient",
        ),
    ),
    "Brevo": Vocabulary(
        "https://developers.brevo.com/docs/transactional-webhooks",
        ("event",),
        _words(
            hard="hard_bounce; invalid_email",
            soft="soft_bounce; deferred; blocked",
            policy="error",
            leaving="unsubscribed; unsubscribe",
        ),
    ),
    "MailerSend": Vocabulary(
        "https://developers.mailersend.com/api/v1/webhooks.html",
        ("data.morph.object", "data.type"),
        _words(hard="hard_bounced", soft="soft_bounced", leaving="recipient_unsubscribe"),
    ),
    "Mailgun": Vocabulary(
        "https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure",
        ("event-data.reason", "event-data.severity"),
        _words(
            hard="bounce; suppress-bounce; permanent",
            soft="generic; greylisted; old; temporary",
            policy="espblock",
            leaving="suppress-unsubscribe; suppress-complaint",
        ),
    ),
    "Mailjet": Vocabulary(
        "https://dev.mailjet.com/email/guides/webhooks/#possible-values-for-errors",
        ("error", "hard_bounce"),
        _words(
            hard="hard_bounce=true",
            soft="hard_bounce=false; greylisted; quota exceeded; preblocked; blacklisted"
            "; system issue; connection issue",
            policy="relay/access denied; sender blocked; content blocked; policy issue"
            "; protocol issue; duplicate in campaign",
            leaving="spam reporter",
        ),
    ),
    "Mailtrap": Vocabulary(
        "https://docs.mailtrap.io/email-api-smtp/advanced/webhooks",
        ("event",),
        _words(hard="bounce", soft="soft bounce; suspension", policy="reject"),
    ),
    "Mandrill": Vocabulary(
        "https://mailchimp.com/developer/transactional/docs/webhooks/#message-events",
        ("reject.reason", "msg.reject.reason", "msg.bounce_description", "event", "type"),
        _words(
            hard="hard-bounce; bad_mailbox; invalid_domain; invalid; hard_bounce",
            soft="soft-bounce; mailbox_full; soft_bounce; general",
            policy="custom; rule; invalid-sender; test-mode-limit; unsigned; spam_block",
            leaving="unsub; spam",
        ),
    ),
    "Postal": Vocabulary(
        # Postal forwards the mail server's text, which is all that tells hard from soft.
        "https://docs.postalserver.io/developer/webhooks",
        ("payload.status",),
        _words(soft="softfail; held"),
    ),
    "Postmark": Vocabulary(
        "https://postmarkapp.com/developer/api/bounce-api#bounce-types",
        ("Type", "SuppressionReason"),
        _words(
            hard="hardbounce; bademailaddress",
            soft="softbounce; transient; dnserror; unknown; unconfirmed; manuallydeactivated",
            policy="blocked; dmarcpolicy; virusnotification; smtpapierror; openrelaytest"
            "; templaterenderingfailed",
            leaving="unsubscribe; manualsuppression",
        ),
    ),
    "Resend": Vocabulary(
        "https://resend.com/docs/dashboard/emails/email-bounces",
        ("data.bounce.subType", "data.bounce.type"),
        _words(
            hard="permanent; noemail; suppressed; onaccountsuppressionlist",
            soft="transient; undetermined; mailboxfull; messagetoolarge",
            policy="contentrejected; attachmentrejected",
        ),
    ),
    "SendGrid": Vocabulary(
        "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
        ("bounce_classification", "reason", "type"),
        _words(
            hard="invalid address; bounced address; invalid; bounce",
            soft="technical; mailbox unavailable; blocked; expired",
            policy="content; reputation; frequency or volume too high; invalid smtpapi header"
            "; recipient list over package quota; spam content (if spam checker app is enabled)",
            leaving="unsubscribed address; spam reporting address",
        ),
    ),
    "SparkPost": Vocabulary(
        "https://support.sparkpost.com/docs/deliverability/bounce-classification-codes",
        ("msys.*.bounce_class",),
        _words(
            hard="10; 30",
            soft="1; 20; 21; 22; 23; 24; 40; 70",
            policy="25; 50; 51; 52; 53; 54",
            leaving="90",
        ),
    ),
    "Unisender Go": Vocabulary(
        "https://godocs.unisender.ru/web-api-ref#event-dump-status",
        ("delivery_info.delivery_status",),
        _words(
            hard="err_user_unknown; err_user_inactive; err_mailbox_discarded; err_domain_inactive",
            soft="err_mailbox_full; err_too_large; err_unreachable; err_skip_letter; err_lost"
            "; err_destination_misconfigured; err_delivery_failed; err_will_retry",
            policy="err_spam_rejected; err_blacklisted; err_spam_skipped",
            leaving="err_unsubscribed",
        ),
    ),
    BOUNCE_MAILBOX: Vocabulary(
        "RFC 3464, section 2.3.3",
        ("action",),
        _words(soft="delayed"),
    ),
}


def meaning_of(event: DeliveryEvent) -> Meaning:
    """Return the meaning of a bounce, a rejection or a failure for the address.

    A refusal of the sender wins over the provider's word; its words for what is not hard win over
    a status code, and the status code 5.2.x of a full or closed mailbox wins over its word hard.
    """
    if event.provider == SMTP_ANSWER:
        return _of_smtp_answer(event)
    status = status_meaning(event.description, event.recipient)
    if status == Meaning.POLICY:
        return status
    word = word_meaning(event.provider, event.payload)
    if word is not None and word != Meaning.HARD:
        return word
    return status or word or _of_reject_reason(event)


def status_meaning(text: str, recipient: str) -> Meaning | None:
    """Return the meaning of the enhanced status code in a text; None without a specific one.

    X.1.7 and X.1.8 are about the sender; systems and networks (X.3, X.4) leave it open.
    """
    status = smtp_replies.ENHANCED_STATUS.search(text)
    if status is None:
        return None
    if status["subject"] in SENDER_SUBJECTS:
        return Meaning.POLICY
    if status[0].startswith("4"):
        return Meaning.SOFT
    concern = smtp_replies.concern_of(REFUSED_FOR_GOOD, text, recipient)
    if concern == Concern.SENDER and status["subject"] != "1":
        return None
    return MEANING_OF_CONCERN[concern]


def word_meaning(provider: str, payload: Mapping[str, object]) -> Meaning | None:
    """Return the meaning of the provider's own words; None without a table or a known word."""
    vocabulary = VOCABULARIES.get(provider)
    if vocabulary is None:
        return None
    for path in vocabulary.fields:
        word = _word_at(payload, path)
        for meaning, words in vocabulary.words.items():
            if word in words:
                return meaning
    return None


def _word_at(payload: Mapping[str, object], path: str) -> str:
    """Return the word at a path in lower case, empty where there is none; ``*`` is any key."""
    found: object = payload
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return ""
        found = next(iter(found.values()), None) if name == "*" else found.get(name)
    if isinstance(found, bool):
        return f"{path}={str(found).lower()}"
    return " ".join(str(found or "").lower().split())


def _of_smtp_answer(event: DeliveryEvent) -> Meaning:
    """Return the meaning of a refusal to us, which ``newsletter.mail.errors`` has classified."""
    match event.reject_reason:
        case "bounced":
            return Meaning.HARD
        case "blocked":
            return Meaning.POLICY
    return Meaning.SOFT


def _of_reject_reason(event: DeliveryEvent) -> Meaning:
    """Return the meaning of Anymail's reject reason.

    Anymail gives ``bounced`` for hard and soft bounces alike, so that of a provider with a table
    whose words are missing only ``invalid`` is hard.
    """
    if event.reject_reason == LEAVING_REJECT_REASON:
        return Meaning.LEAVING
    if event.provider in VOCABULARIES:
        return Meaning.HARD if event.reject_reason == "invalid" else Meaning.SOFT
    return Meaning.HARD if event.reject_reason in HARD_REJECT_REASONS else Meaning.SOFT
