"""Classify the result of a send attempt: the only reader of providers' and servers' errors."""

from __future__ import annotations

import errno
import smtplib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
)
from anymail.message import AnymailStatus
from django.core.exceptions import ImproperlyConfigured
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from newsletter.mail import smtp_replies
from newsletter.mail.smtp_replies import Concern

ACCEPTED: Final = frozenset({"sent", "queued"})
REFUSED_RECIPIENT: Final = frozenset({"invalid", "rejected"})
REFUSED: Final = REFUSED_RECIPIENT | {"failed"}
# Every other message would get the same answer until the operator has acted.
STOP_STATUS: Final = {
    401: "Check its API key.",
    402: "Check the account's credit.",
    403: "Check its API key.",
    404: "Check its address and sending domain in the settings.",
}
# Neither yes nor no: a message repeated after one of these may arrive twice.
DOUBTFUL_STATUS: Final = frozenset({408, 409, 425, *range(500, 600)})
CONFLICT: Final = 409
# Errors of this machine's disk, whatever the message.
DISK_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES})
DISK_SECONDS: Final = 15.0
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503
# Providers that recognise a repeated message by a key for a whole day: a repeat is harmless.
# Brevo keeps its keys for 15 minutes only, less than a hold of the stream may last.
IDEMPOTENT_PROVIDERS: Final = frozenset({"Resend"})
UNREACHED_SECONDS: Final = 15.0
LONGEST_HOLD: Final = 3600.0
TOO_MANY_SECONDS: Final = 30.0
# Error codes of Amazon SES (API version 2) and the common errors of AWS.
SES_TOO_MANY: Final = frozenset(
    {
        "LimitExceededException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
SES_STOP: Final = frozenset(
    {
        "AccessDeniedException",
        "AccountSuspendedException",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "MailFromDomainNotVerifiedException",
        "SendingPausedException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
# Exceptions of botocore that are raised before anything was sent.
SES_UNREACHED: Final = frozenset(
    {"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"}
)
SES_NO_CREDENTIALS: Final = frozenset(
    {"CredentialRetrievalError", "NoCredentialsError", "NoRegionError", "PartialCredentialsError"}
)
REASON_LENGTH: Final = 300


class SendStatus(StrEnum):
    """Whether a message was accepted, may be tried again, is refused for good, or is in doubt."""

    SENT = "sent"
    RETRY = "retry"
    FINAL = "final"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class SendResult:
    """The result of one attempt.

    Attributes:
        status: What the state machine of the outbox acts on.
        reason: One sentence for the operator, without secrets.
        provider_id: The provider's id of an accepted message.
        hold_seconds: How long the whole stream has to wait (429 with Retry-After).
        stop: Every other message would get the same answer (credentials refused).
        connection_lost: The next message needs a new connection.
        retry_now: The connection was only too old; the message may be sent again at once.
        reject_reason: Anymail's word for why a mail server refused the recipient for good.
        personal: A provider refused the recipient and reports the reason in an event.
        about_sender: The refusal is one that many recipients would meet.
        temporary: The refusal is one for now, repeated until the row expires.
        server_error: A provider in trouble answered 408 or 5xx.
    """

    status: SendStatus
    reason: str = ""
    provider_id: str = ""
    hold_seconds: float = 0.0
    stop: bool = False
    connection_lost: bool = False
    retry_now: bool = False
    reject_reason: str = ""
    personal: bool = False
    about_sender: bool = False
    temporary: bool = False
    server_error: bool = False

    @property
    def may_meet_all(self) -> bool:
        """Return whether this is a refusal that says nothing about the recipient."""
        refused = self.status == SendStatus.FINAL and not (self.reject_reason or self.personal)
        return refused or self.about_sender


UNREACHED: Final = SendResult(
    SendStatus.RETRY,
    "The provider cannot be reached.",
    hold_seconds=UNREACHED_SECONDS,
    temporary=True,
)


def classify_status(status: AnymailStatus, address: str, accepted: int) -> SendResult:
    """Classify what a backend returned: Anymail's status of the recipient, or Django's count."""
    recipient = (status.recipients or {}).get(address)
    if status.recipients is not None and status.recipients and recipient is None:
        return SendResult(
            SendStatus.UNCERTAIN, "The provider did not say what became of this address."
        )
    if recipient is None:
        if accepted:
            return SendResult(SendStatus.SENT)
        return SendResult(SendStatus.RETRY, "The mail backend accepted nothing and gave no reason.")
    provider_id = str(recipient.message_id or "")
    if recipient.status in ACCEPTED:
        return SendResult(SendStatus.SENT, provider_id=provider_id)
    if recipient.status in REFUSED:
        return SendResult(
            SendStatus.FINAL,
            f"The provider answered {recipient.status!r}.",
            provider_id,
            personal=recipient.status in REFUSED_RECIPIENT,
        )
    return SendResult(
        SendStatus.UNCERTAIN, f"The provider answered {recipient.status!r}.", provider_id
    )


def classify_connection_error(error: Exception) -> SendResult:
    """Classify the error of opening a connection: nothing was sent, so a retry is safe."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _of_log_in(error)
    if isinstance(error, ImproperlyConfigured):
        return SendResult(
            SendStatus.RETRY, _brief("The mail settings are not complete", error), stop=True
        )
    return SendResult(SendStatus.RETRY, _brief("The mail server cannot be reached", error))


def classify_error(error: Exception, *, handed_over: bool) -> SendResult:
    """Classify what a backend raised while it was sending one message.

    ``handed_over`` is true when an SMTP client had written the final dot and not read the reply.
    """
    if isinstance(error, ImproperlyConfigured):
        return classify_connection_error(error)
    if isinstance(error, AnymailError):
        return _of_anymail(error)
    if isinstance(error, smtplib.SMTPException):
        return _of_smtp(error, handed_over=handed_over)
    if isinstance(error, ValueError | TypeError | UnicodeError):
        return SendResult(SendStatus.FINAL, _brief("The message could not be written", error))
    if isinstance(error, OSError):
        return _of_broken_connection(error, handed_over=handed_over)
    return SendResult(SendStatus.UNCERTAIN, _brief("The mail backend broke off", error))


def _of_broken_connection(error: Exception, *, handed_over: bool) -> SendResult:
    if handed_over:
        return SendResult(
            SendStatus.UNCERTAIN, _brief("Cut off after the message was handed over", error)
        )
    if getattr(error, "errno", None) in DISK_ERRORS:
        return SendResult(SendStatus.RETRY, str(error)[:REASON_LENGTH], hold_seconds=DISK_SECONDS)
    return SendResult(SendStatus.RETRY, _brief("Cut off before the message was handed over", error))


def _of_smtp(error: smtplib.SMTPException, *, handed_over: bool) -> SendResult:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        recipient, (code, text) = next(iter(error.recipients.items()))
        return _by_smtp_code(code, text, "recipient", recipient)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _of_log_in(error)
    if isinstance(error, smtplib.SMTPResponseException):
        phase = {smtplib.SMTPSenderRefused: "sender", smtplib.SMTPDataError: "message"}
        return _by_smtp_code(error.smtp_code, error.smtp_error, phase.get(type(error), "command"))
    return _of_broken_connection(error, handed_over=handed_over)


def _of_log_in(error: smtplib.SMTPAuthenticationError) -> SendResult:
    """Stop the stream for refused credentials; a temporary failure is retried."""
    reason = _smtp(error.smtp_code, error.smtp_error, "log-in")
    return SendResult(SendStatus.RETRY, reason, stop=500 <= error.smtp_code < 600)


def _by_smtp_code(code: int, text: bytes | str, phase: str, recipient: str = "") -> SendResult:
    reason = _smtp(code, text, phase)
    refused = 500 <= code < 600
    if refused and phase == "sender":  # The same for every message.
        return SendResult(SendStatus.RETRY, f"{reason}. Check DEFAULT_FROM_EMAIL.", stop=True)
    reply = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    concern = smtp_replies.concern_of(code, reply, recipient)
    if concern == Concern.QUOTA:
        return SendResult(SendStatus.RETRY, reason, hold_seconds=LONGEST_HOLD, temporary=True)
    if not refused:
        scores = 400 <= code < 500 and phase == "recipient" and smtp_replies.may_score(reply)
        return SendResult(
            SendStatus.RETRY, reason, temporary=True, reject_reason="other" if scores else ""
        )
    match concern:
        case Concern.ABSENT:
            return SendResult(SendStatus.FINAL, reason, reject_reason="bounced")
        case Concern.MAILBOX:
            return SendResult(SendStatus.FINAL, reason, reject_reason="other")
    return SendResult(
        SendStatus.RETRY, reason, about_sender=True, temporary=True, reject_reason="blocked"
    )


def _of_anymail(error: AnymailError) -> SendResult:
    status = error.status_code
    if status is None:
        return _of_anymail_without_answer(error)
    reason = f"The provider answered HTTP {status}."
    if status in STOP_STATUS:
        return SendResult(SendStatus.RETRY, f"{reason} {STOP_STATUS[status]}", stop=True)
    asked = retry_after(error.response)
    if status == TOO_MANY or (status == UNAVAILABLE and asked):
        return SendResult(
            SendStatus.RETRY, reason, hold_seconds=asked or TOO_MANY_SECONDS, temporary=True
        )
    if status in DOUBTFUL_STATUS:
        return _of_server_error(error, reason, asked)
    if 200 <= status < 300:
        return SendResult(SendStatus.UNCERTAIN, f"{reason} Its text cannot be read.")
    return SendResult(SendStatus.SENT if _was_taken_before(error) else SendStatus.FINAL, reason)


def _of_server_error(error: AnymailError, reason: str, asked: float) -> SendResult:
    """Repeat the message only where the provider knows it by its key."""
    known = error.esp_name in IDEMPOTENT_PROVIDERS and error.status_code != CONFLICT
    return SendResult(
        SendStatus.RETRY if known else SendStatus.UNCERTAIN,
        reason if known else f"{reason} It may have the message.",
        hold_seconds=asked,
        server_error=error.status_code != CONFLICT,
    )


def _was_taken_before(error: AnymailError) -> bool:
    """Return whether Brevo knows the idempotency key, so that an earlier attempt was accepted."""
    if error.esp_name != "Brevo":
        return False
    try:
        answer = error.response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("code") == "duplicate_parameter"


def _of_anymail_without_answer(error: AnymailError) -> SendResult:
    if isinstance(error, AnymailRequestsAPIError):
        return _of_requests(error)
    if isinstance(error, AnymailRecipientsRefused):
        return SendResult(SendStatus.FINAL, "The provider refused the recipient.", personal=True)
    if isinstance(error, AnymailAPIError):
        return _of_ses(error)
    # Serialization and feature errors are raised before anything is sent.
    return SendResult(SendStatus.FINAL, _brief("The message could not be written", error))


def _of_requests(error: AnymailRequestsAPIError) -> SendResult:
    """Classify a request without an answer: repeatable only when no connection was made."""
    cause = error.__cause__
    unreached = isinstance(cause, requests.ConnectTimeout) or "NewConnectionError" in repr(cause)
    if unreached:
        return UNREACHED
    return SendResult(
        SendStatus.UNCERTAIN, _brief("The provider took the request and did not answer", cause)
    )


def _of_ses(error: AnymailAPIError) -> SendResult:
    """Classify an error of Amazon SES: botocore's exceptions hold an answer or only a name."""
    if isinstance(error.response, dict):
        return _of_ses_answer(error.response)
    cause = type(error.__cause__).__name__
    if cause in SES_NO_CREDENTIALS:
        return SendResult(
            SendStatus.RETRY, f"The mail settings are not complete: {cause}.", stop=True
        )
    if cause in SES_UNREACHED:
        return UNREACHED
    return SendResult(
        SendStatus.UNCERTAIN, f"The provider took the request and did not answer: {cause}."
    )


def _of_ses_answer(response: dict[str, Any]) -> SendResult:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    reason = f"The provider answered {code or status}."
    if code in SES_TOO_MANY:
        return SendResult(SendStatus.RETRY, reason, hold_seconds=TOO_MANY_SECONDS, temporary=True)
    if code in SES_STOP or status in STOP_STATUS:
        return SendResult(SendStatus.RETRY, f"{reason} Check the account.", stop=True)
    if status >= 500:
        return SendResult(
            SendStatus.UNCERTAIN, f"{reason} It may have the message.", server_error=True
        )
    return SendResult(SendStatus.FINAL, reason)


def retry_after(response: Any) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, section 10.2.3), 0 without one.

    At most LONGEST_HOLD: some providers write a Unix time where seconds belong.
    """
    value = (getattr(response, "headers", None) or {}).get("Retry-After", "")
    try:
        return min(float(Retry().parse_retry_after(value)), LONGEST_HOLD)
    except OverflowError:
        return LONGEST_HOLD
    except (InvalidHeader, ValueError):
        return 0.0


def _smtp(code: int, text: bytes | str, phase: str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"The mail server answered the {phase} with {code} {' '.join(words.split())}"[
        :REASON_LENGTH
    ]


def _brief(what: str, error: BaseException | None) -> str:
    """Return the error without the provider's payload, which may hold an API key."""
    if isinstance(error, AnymailError):
        detail = type(error).__name__
    else:
        detail = " ".join(str(error).split()) or type(error).__name__
    return f"{what}: {detail}."[:REASON_LENGTH]
