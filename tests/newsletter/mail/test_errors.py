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

from newsletter.mail import errors as outcomes
from newsletter.mail.errors import Verdict


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
    ("error", "verdict"),
    [
        (smtplib.SMTPRecipientsRefused({"a@b.org": (550, b"no such user")}), Verdict.FINAL),
        (smtplib.SMTPRecipientsRefused({"a@b.org": (452, b"mailbox full")}), Verdict.RETRY),
        (smtplib.SMTPDataError(554, b"refused"), Verdict.FINAL),
        (smtplib.SMTPDataError(421, b"closing"), Verdict.RETRY),
        (smtplib.SMTPSenderRefused(451, b"later", "us@b.org"), Verdict.RETRY),
        (smtplib.SMTPServerDisconnected("gone"), Verdict.RETRY),
        (smtplib.SMTPAuthenticationError(535, b"bad password"), Verdict.RETRY),
        (ConnectionResetError("reset"), Verdict.RETRY),
        (TimeoutError("timed out"), Verdict.RETRY),
        (ValueError("bad header"), Verdict.FINAL),
        (RuntimeError("unheard of"), Verdict.UNCERTAIN),
        (answered(400), Verdict.FINAL),
        (answered(422), Verdict.FINAL),
        (answered(413), Verdict.FINAL),
        (answered(401), Verdict.RETRY),
        (answered(429), Verdict.RETRY),
        (answered(500), Verdict.RETRY),
        (answered(503), Verdict.RETRY),
        (answered(502), Verdict.UNCERTAIN),
        (answered(504), Verdict.UNCERTAIN),
        (answered(200), Verdict.UNCERTAIN),
        (unanswered(requests.ReadTimeout("slow")), Verdict.UNCERTAIN),
        (unanswered(requests.ConnectTimeout("slow")), Verdict.RETRY),
        (unanswered(requests.ConnectionError("Connection reset by peer")), Verdict.UNCERTAIN),
        (unanswered(requests.ConnectionError("NewConnectionError: refused")), Verdict.RETRY),
        (AnymailConfigurationError("no key"), Verdict.RETRY),
        (AnymailSerializationError("no JSON"), Verdict.FINAL),
        (answered_by_ses("MessageRejected", 400), Verdict.FINAL),
        (answered_by_ses("TooManyRequestsException", 429), Verdict.RETRY),
        (answered_by_ses("ThrottlingException", 400), Verdict.RETRY),
        (answered_by_ses("InternalFailure", 500), Verdict.RETRY),
        (unanswered_by_ses("EndpointConnectionError"), Verdict.RETRY),
        (unanswered_by_ses("ReadTimeoutError"), Verdict.UNCERTAIN),
        (unanswered_by_ses("ConnectionClosedError"), Verdict.UNCERTAIN),
    ],
)
def test_an_error_has_one_verdict(error: Exception, verdict: Verdict) -> None:
    assert outcomes.of_error(error, handed_over=False).verdict == verdict


@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected("gone"), ConnectionResetError(), TimeoutError()]
)
def test_a_connection_lost_after_the_final_dot_is_uncertain(error: Exception) -> None:
    assert outcomes.of_error(error, handed_over=True).verdict == Verdict.UNCERTAIN


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
    outcome = outcomes.of_error(error, handed_over=False)
    assert (outcome.verdict, outcome.stop) == (Verdict.RETRY, True)


def test_a_log_in_that_is_out_of_order_for_now_stops_nothing() -> None:
    error = smtplib.SMTPAuthenticationError(454, b"4.7.0 try again later")
    for outcome in (
        outcomes.of_error(error, handed_over=False),
        outcomes.of_connection_error(error),
    ):
        assert (outcome.verdict, outcome.stop) == (Verdict.RETRY, False)


def test_a_message_refused_by_policy_is_told_from_one_refused_for_itself() -> None:
    policy = outcomes.of_error(smtplib.SMTPDataError(554, b"5.7.1 blocked"), handed_over=False)
    content = outcomes.of_error(smtplib.SMTPDataError(554, b"5.6.0 bad"), handed_over=False)
    assert (policy.reject_reason, content.reject_reason) == ("blocked", "")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        ("", 30.0),
        ("soon", 30.0),
        ("²", 30.0),
        ("1772668800", outcomes.LONGEST_HOLD),
        ("9" * 400, outcomes.LONGEST_HOLD),
        ("Tue, 01 Jan 2999 00:00:00 GMT", outcomes.LONGEST_HOLD),
        ("Tue, 01 Jan 2999 00:00:00 +" + "9" * 20, 30.0),
    ],
)
def test_a_429_makes_the_stream_wait_as_long_as_it_says(value: str, seconds: float) -> None:
    error = answered(429, **{"Retry-After": value})
    assert outcomes.of_error(error, handed_over=False).hold_seconds == seconds


def test_a_429_may_name_a_time_instead_of_seconds() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error = answered(429, **{"Retry-After": later})
    assert 55 < outcomes.of_error(error, handed_over=False).hold_seconds <= 60


def test_ses_asks_the_stream_to_wait_too() -> None:
    error = answered_by_ses("ThrottlingException", 400)
    assert outcomes.of_error(error, handed_over=False).hold_seconds == outcomes.TOO_MANY_SECONDS


def test_no_reason_ever_repeats_what_the_provider_was_sent() -> None:
    errors: list[Exception] = [
        answered(400),
        unanswered(requests.ReadTimeout("slow")),
        answered_by_ses("MessageRejected", 400),
        unanswered_by_ses("ReadTimeoutError"),
    ]
    for error in errors:
        assert "SECRET" not in outcomes.of_error(error, handed_over=False).reason


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("sent", Verdict.SENT),
        ("queued", Verdict.SENT),
        ("rejected", Verdict.FINAL),
        ("invalid", Verdict.FINAL),
        ("unknown", Verdict.UNCERTAIN),
    ],
)
def test_the_status_of_the_recipient_decides_and_not_the_count(word: Any, verdict: Verdict) -> None:
    status = AnymailStatus()
    status.set_recipient_status({"a@b.org": AnymailRecipientStatus("id-1", word)})
    outcome = outcomes.of_success(status, "a@b.org", accepted=1)
    assert (outcome.verdict, outcome.provider_id) == (verdict, "id-1")


def test_a_plain_backend_s_count_is_believed() -> None:
    assert outcomes.of_success(AnymailStatus(), "a@b.org", accepted=1).verdict == Verdict.SENT
    assert outcomes.of_success(AnymailStatus(), "a@b.org", accepted=0).verdict == Verdict.RETRY
