"""Every error of a provider is sorted into retry, final or uncertain."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailRequestsAPIError,
    AnymailSerializationError,
)
from anymail.message import AnymailRecipientStatus, AnymailStatus

from newsletter.mail import errors
from newsletter.mail.errors import SendStatus


def answered(status: int, **headers: str) -> AnymailRequestsAPIError:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    return AnymailRequestsAPIError("no", response=response, payload={"api_key": "SECRET"})


def unanswered(cause: Exception) -> AnymailRequestsAPIError:
    error = AnymailRequestsAPIError("Error posting", payload={"api_key": "SECRET"})
    error.__cause__ = cause
    return error


def answered_by_ses(code: str, status: int) -> AnymailAPIError:
    """What Anymail makes of botocore's ClientError."""
    response = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return AnymailAPIError("no", response=response, payload={"api_key": "SECRET"})


def unanswered_by_ses(name: str) -> AnymailAPIError:
    """What Anymail makes of botocore's other exceptions, which carry no answer."""
    error = AnymailAPIError("no", payload={"api_key": "SECRET"})
    error.__cause__ = type(name, (Exception,), {})("no")
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (smtplib.SMTPRecipientsRefused({"a@b.org": (550, b"no such user")}), SendStatus.FINAL),
        (smtplib.SMTPRecipientsRefused({"a@b.org": (452, b"mailbox full")}), SendStatus.RETRY),
        (smtplib.SMTPDataError(554, b"refused"), SendStatus.RETRY),
        (smtplib.SMTPDataError(421, b"closing"), SendStatus.RETRY),
        (smtplib.SMTPSenderRefused(451, b"later", "us@b.org"), SendStatus.RETRY),
        (smtplib.SMTPServerDisconnected("gone"), SendStatus.RETRY),
        (smtplib.SMTPAuthenticationError(535, b"bad password"), SendStatus.RETRY),
        (ConnectionResetError("reset"), SendStatus.RETRY),
        (TimeoutError("timed out"), SendStatus.RETRY),
        (ValueError("bad header"), SendStatus.FINAL),
        (RuntimeError("unheard of"), SendStatus.UNCERTAIN),
        (answered(400), SendStatus.FINAL),
        (answered(422), SendStatus.FINAL),
        (answered(413), SendStatus.FINAL),
        (answered(401), SendStatus.RETRY),
        (answered(429), SendStatus.RETRY),
        (answered(408), SendStatus.UNCERTAIN),
        (answered(500), SendStatus.UNCERTAIN),
        (answered(501), SendStatus.UNCERTAIN),
        (answered(503), SendStatus.UNCERTAIN),
        (answered(503, **{"Retry-After": "5"}), SendStatus.RETRY),
        (answered(502), SendStatus.UNCERTAIN),
        (answered(504), SendStatus.UNCERTAIN),
        (answered(200), SendStatus.UNCERTAIN),
        (unanswered(requests.ReadTimeout("slow")), SendStatus.UNCERTAIN),
        (unanswered(requests.ConnectTimeout("slow")), SendStatus.RETRY),
        (unanswered(requests.ConnectionError("Connection reset by peer")), SendStatus.UNCERTAIN),
        (unanswered(requests.ConnectionError("NewConnectionError: refused")), SendStatus.RETRY),
        (AnymailConfigurationError("no key"), SendStatus.RETRY),
        (AnymailSerializationError("no JSON"), SendStatus.FINAL),
        (answered_by_ses("MessageRejected", 400), SendStatus.FINAL),
        (answered_by_ses("TooManyRequestsException", 429), SendStatus.RETRY),
        (answered_by_ses("ThrottlingException", 400), SendStatus.RETRY),
        (answered_by_ses("InternalFailure", 500), SendStatus.UNCERTAIN),
        (unanswered_by_ses("EndpointConnectionError"), SendStatus.RETRY),
        (unanswered_by_ses("ReadTimeoutError"), SendStatus.UNCERTAIN),
        (unanswered_by_ses("ConnectionClosedError"), SendStatus.UNCERTAIN),
    ],
)
def test_an_error_has_one_verdict(error: Exception, status: SendStatus) -> None:
    assert errors.classify_error(error, handed_over=False).status == status


@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected("gone"), ConnectionResetError(), TimeoutError()]
)
def test_a_connection_lost_after_the_final_dot_is_uncertain(error: Exception) -> None:
    assert errors.classify_error(error, handed_over=True).status == SendStatus.UNCERTAIN


@pytest.mark.parametrize(
    "error",
    [
        answered(401),
        answered(402),
        answered(403),
        answered(404),
        answered_by_ses("AccessDeniedException", 400),
        answered_by_ses("SignatureDoesNotMatch", 403),
        unanswered_by_ses("NoCredentialsError"),
        smtplib.SMTPAuthenticationError(535, b"no"),
        smtplib.SMTPSenderRefused(550, b"5.7.1 not your domain", "us@b.org"),
    ],
)
def test_what_every_message_would_meet_stops_the_stream(error: Exception) -> None:
    outcome = errors.classify_error(error, handed_over=False)
    assert (outcome.status, outcome.stop) == (SendStatus.RETRY, True)


def test_a_log_in_that_is_out_of_order_for_now_stops_nothing() -> None:
    error = smtplib.SMTPAuthenticationError(454, b"4.7.0 try again later")
    for outcome in (
        errors.classify_error(error, handed_over=False),
        errors.classify_connection_error(error),
    ):
        assert (outcome.status, outcome.stop) == (SendStatus.RETRY, False)


@pytest.mark.parametrize("status", [500, 501, 503, 504])
def test_a_provider_that_knows_a_repeated_message_by_its_key_may_be_asked_again(
    status: int,
) -> None:
    error = answered(status)
    error.esp_name = "Resend"
    result = errors.classify_error(error, handed_over=False)
    assert (result.status, result.server_error) == (SendStatus.RETRY, True)


@pytest.mark.parametrize("text", [b"5.7.1 blocked", b"5.6.0 bad", b"refused"])
def test_a_refused_message_is_kept_and_says_nothing_about_its_recipient(text: bytes) -> None:
    result = errors.classify_error(smtplib.SMTPDataError(554, text), handed_over=False)
    assert (result.status, result.about_sender) == (SendStatus.RETRY, True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        ("", 30.0),
        ("soon", 30.0),
        ("²", 30.0),
        ("1772668800", errors.LONGEST_HOLD),
        ("9" * 400, errors.LONGEST_HOLD),
        ("Tue, 01 Jan 2999 00:00:00 GMT", errors.LONGEST_HOLD),
        ("Tue, 01 Jan 2999 00:00:00 +" + "9" * 20, 30.0),
    ],
)
def test_a_429_makes_the_stream_wait_as_long_as_it_says(value: str, seconds: float) -> None:
    error = answered(429, **{"Retry-After": value})
    assert errors.classify_error(error, handed_over=False).hold_seconds == seconds


def test_a_429_may_name_a_time_instead_of_seconds() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error = answered(429, **{"Retry-After": later})
    assert 55 < errors.classify_error(error, handed_over=False).hold_seconds <= 60


def test_ses_asks_the_stream_to_wait_too() -> None:
    error = answered_by_ses("ThrottlingException", 400)
    assert errors.classify_error(error, handed_over=False).hold_seconds == errors.TOO_MANY_SECONDS


def test_no_reason_ever_repeats_what_the_provider_was_sent() -> None:
    raised: list[Exception] = [
        answered(400),
        unanswered(requests.ReadTimeout("slow")),
        answered_by_ses("MessageRejected", 400),
        unanswered_by_ses("ReadTimeoutError"),
    ]
    for error in raised:
        assert "SECRET" not in errors.classify_error(error, handed_over=False).reason


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sent", SendStatus.SENT),
        ("queued", SendStatus.SENT),
        ("rejected", SendStatus.FINAL),
        ("invalid", SendStatus.FINAL),
        ("unknown", SendStatus.UNCERTAIN),
    ],
)
def test_the_status_of_the_recipient_decides_and_not_the_count(
    word: Any, expected: SendStatus
) -> None:
    status = AnymailStatus()
    status.set_recipient_status({"a@b.org": AnymailRecipientStatus("id-1", word)})
    outcome = errors.classify_status(status, "a@b.org", accepted=1)
    assert (outcome.status, outcome.provider_id) == (expected, "id-1")


def test_a_plain_backend_s_count_is_believed() -> None:
    assert errors.classify_status(AnymailStatus(), "a@b.org", accepted=1).status == SendStatus.SENT
    assert errors.classify_status(AnymailStatus(), "a@b.org", accepted=0).status == SendStatus.RETRY
