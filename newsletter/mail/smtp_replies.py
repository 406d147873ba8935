"""Decide from an SMTP reply whom a refusal concerns: this recipient, or the sender of all mail.

Only a reply about the recipient may suppress an address. The enhanced status code decides where it
is specific (RFC 3463; X.1.10 is RFC 7505); a bare reply, or an unspecific status, is read by its
words. The wording is that of Postfix, Exim, Sendmail, Exchange, Gmail and Yahoo.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

# X.Y.Z without the class, where it names one meaning.
ABSENT_STATUS: Final = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
# The status of these subjects says nothing more than the reply code does.
UNSPECIFIC_STATUS: Final = frozenset({"0.0", "1.0", "5.0"})
QUOTA_STATUS: Final = "4.5"
MAILBOX_SUBJECT: Final = "2"
# The subjects of temporary replies that speak of systems, networks, protocols and policy.
GENERAL_SUBJECTS: Final = frozenset({"3", "4", "5", "6", "7"})
ENHANCED_STATUS: Final = re.compile(
    r"(?<![\d.])[245]\.(?P<subject>\d{1,3})\.(?P<detail>\d{1,3})(?![\d.])"
)
# An address or a link repeated in the reply may hold any word.
ADDRESS: Final = re.compile(r"<[^<>]*>|\S+@\S+|https?://\S+", re.I)

ABOUT_SENDER: Final = re.compile(
    r"relay|sender|mail from|block|black[\s-]?list|deny[\s-]?list|dnsbl|\brbl\b|spam|reputation"
    r"|polic(y|ies)|authenticat|\bspf\b|\bdkim\b|\bdmarc\b|\bhelo\b|\behlo\b|reverse dns"
    r"|\bptr\b|banned|not (permitted|allowed|authori[sz]ed)|access denied|verify failed"
    r"|\bips?\b|client host|rate limit|too (many|fast)",
    re.I,
)
ABOUT_RECIPIENT: Final = re.compile(
    r"no such (\w+ )?(user|recipient|mailbox|address|account|person)"
    r"|(user|recipient|mailbox|address|account)( is)? (unknown|not found|not known)"
    r"|unknown (local )?(user|recipient|mailbox|address|account)"
    r"|(doesn'?t|does not) (exist|have an? \S+ account)|not exist|non-?existent"
    r"|(invalid|bad|illegal) (recipient|mailbox|user)"
    r"|not a valid (recipient|mailbox|user|address)|no mailbox (here )?by that name"
    r"|(account|mailbox|user)( is| has been)? (disabled|deactivated|closed|terminated|deleted)"
    r"|no longer (exists|valid|available|active|on server)|recipientnotfound",
    re.I,
)

MAILBOX_FULL: Final = re.compile(
    r"(mailbox|inbox|user) (is )?(full|over quota)|over ?quota|quota exceeded|exceeded storage",
    re.I,
)


class Concern(Enum):
    """Whom or what a refusal concerns."""

    ABSENT = "the mailbox does not exist"
    MAILBOX = "the mailbox does not take this message"
    QUOTA = "the sending quota is used up"
    SENDER = "the sender, or every message"


def concern_of(code: int, text: str, recipient: str = "") -> Concern:
    """Return whom a refusal (4xx or 5xx) of a recipient or of a message concerns.

    Args:
        code: The reply code (RFC 5321 section 4.2).
        text: The text of the reply with its enhanced status code, if any.
        recipient: The address that was refused; its name may be repeated in the text.
    """
    status = ENHANCED_STATUS.search(text)
    words = ADDRESS.sub(" ", text)
    if name := recipient.strip("<>").rpartition("@")[0]:
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", words, flags=re.I)
    found = f"{status['subject']}.{status['detail']}" if status else ""
    if found == QUOTA_STATUS:
        return Concern.QUOTA
    if found in ABSENT_STATUS:
        return Concern.SENDER if ABOUT_SENDER.search(words) else Concern.ABSENT
    if status and status["subject"] == MAILBOX_SUBJECT:
        return Concern.MAILBOX
    if found and found not in UNSPECIFIC_STATUS:
        return Concern.SENDER
    return _concern_of_words(code, words)


def _concern_of_words(code: int, words: str) -> Concern:
    """Return whom a reply concerns that has no enhanced status code, or an unspecific one."""
    if not 550 <= code <= 559 or ABOUT_SENDER.search(words):
        return Concern.SENDER
    if MAILBOX_FULL.search(words):
        return Concern.MAILBOX
    return Concern.ABSENT if ABOUT_RECIPIENT.search(words) else Concern.SENDER


def may_score(text: str) -> bool:
    """Return whether a temporary refusal (4xx) that never ended counts as a soft bounce."""
    status = ENHANCED_STATUS.search(text)
    general = status is not None and status["subject"] in GENERAL_SUBJECTS
    return not (general or ABOUT_SENDER.search(ADDRESS.sub(" ", text)))
