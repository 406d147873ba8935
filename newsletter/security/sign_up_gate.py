"""Which requests of the sign-up form are served, repeated, challenged or refused."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from newsletter.security import proof_of_work, throttle
from newsletter.security.email_addresses import Address
from newsletter.security.throttle import Limit

STAMP_USED: Final = Limit("form stamp", 1, throttle.HOUR)
SOLUTION_USED: Final = Limit("proof of work", 1, throttle.HOUR)


class Decision(StrEnum):
    """What is done with a request."""

    SERVE = "serve"
    REPEATED = "repeated"
    """It was served before, such as the second click of a double click: answered alike."""
    CHALLENGE = "challenge"
    REFUSE = "refuse"


def decide(address: Address, ip: str, at: datetime, *, stamp: str, solution: str) -> Decision:
    """Decide on one request, and count it against the limits.

    Args:
        address: The address to be subscribed.
        ip: Where the request came from.
        at: The time of the request.
        stamp: The nonce of the form's valid time-stamp, or nothing.
        solution: The solution of a proof of work, or nothing.
    """
    solved = proof_of_work.is_solved(solution, address, at)
    proof, used = (solution, SOLUTION_USED) if solved else (stamp, STAMP_USED)
    first = bool(proof)
    if proof and throttle.is_used(used, proof, at):
        if throttle.is_used(used, f"{proof} {address.key}", at):
            return Decision.REPEATED
        first = False
    if not throttle.allow_sign_up(address, ip, at, is_stamped=first, is_solved=solved and first):
        return Decision.REFUSE if solved else Decision.CHALLENGE
    if first:
        throttle.allow_all([(used, proof), (used, f"{proof} {address.key}")], at)
    return Decision.SERVE
