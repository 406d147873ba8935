"""A refusal suppresses an address only when it says that the mailbox is not there."""

from __future__ import annotations

import pytest

from newsletter.mail.smtp_replies import Concern, concern_of, may_score

ABSENT = [
    "550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown in local table",
    "550 5.1.2 bad destination system",
    "550 5.1.3 bad address syntax",
    "550 5.1.6 the mailbox has moved",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550 5.2.1 The email account that you tried to reach is disabled",
    "550 no such user",
    "550 No such user here",
    "550 unknown user",
    "550 Unknown recipient",
    "551 user not found",
    "553 sorry, no mailbox here by that name (#5.1.1)",
    "554 delivery error: dd This user doesn't have a yahoo.com account (ada@yahoo.com) [0]",
    "550 5.0.0 the mailbox does not exist",
    "550 5.1.1 The email account does not exist, see https://support.example/blocked?p=NoSuchUser",
    "550 <relay@spam.example>: no such user",
    "550 sender-policy: no such user",
]
ABOUT_US = [
    "550 5.1.8 <news@example.org>: Sender address rejected: Domain not found",
    "550 5.1.7 <news@example.org>: Sender address rejected",
    "550 relay not permitted",
    "550 Sender verify failed",
    "550 rejected because 192.0.2.1 is in a black list",
    "554 5.7.1 <ada@example.org>: Relay access denied",
    "550 5.7.1 message refused by policy",
    "550 <no.such.user@example.org>: Relay access denied",
    "550 5.1.1 your IP has been blocked",
    "550 Mailbox unavailable",
    "550 Administrative prohibition",
    "550 5.4.4 unable to route",
    "552 5.3.4 message too big",
    "554 5.6.0 not like this",
    "501 syntax error",
    "550 unknown sender, no such user",
    "550 the account is temporarily disabled",
]


@pytest.mark.parametrize("reply", ABSENT)
def test_a_mailbox_that_does_not_exist_is_distinguished_from_everything_else(reply: str) -> None:
    code, _, text = reply.partition(" ")
    assert concern_of(int(code), text, "sender-policy@example.org") == Concern.ABSENT


@pytest.mark.parametrize("reply", ABOUT_US)
def test_what_every_recipient_would_meet_says_nothing_about_one(reply: str) -> None:
    code, _, text = reply.partition(" ")
    assert concern_of(int(code), text) == Concern.SENDER


@pytest.mark.parametrize(
    "reply", ["552 5.2.2 mailbox full", "552 exceeded storage allocation", "550 User over quota"]
)
def test_a_full_mailbox_is_a_matter_of_its_owner(reply: str) -> None:
    code, _, text = reply.partition(" ")
    assert concern_of(int(code), text) == Concern.MAILBOX


def test_a_used_up_sending_quota_is_a_matter_of_time() -> None:
    assert concern_of(550, "5.4.5 Daily user sending quota exceeded.") == Concern.QUOTA


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("4.2.2 mailbox full", True),
        ("mailbox busy", True),
        ("4.7.1 greylisted", False),
        ("4.3.2 shutting down", False),
        ("too many connections from your IP", False),
    ],
)
def test_only_a_refusal_for_now_that_is_about_the_mailbox_may_count_against_it(
    text: str, scores: bool
) -> None:
    assert may_score(text) is scores
