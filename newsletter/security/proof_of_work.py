"""A proof of work in the browser, by the ALTCHA protocol (https://altcha.org), without a server.

A challenge is a SHA-256 of a salt and a secret number; who finds the number has worked. The salt
names the time at which the challenge expires and a hash of the address that it is for, and both
are signed with the challenge.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from django.utils.crypto import salted_hmac

from newsletter.security.email_addresses import Address

ALGORITHM: Final = "SHA-256"
MAX_NUMBER: Final = 100_000
"""Hashes that a challenge takes at most: about a second in a browser."""
CHALLENGE_LIFETIME: Final = timedelta(minutes=10)
MAX_SOLUTION_CHARACTERS: Final = 1000


def challenge_for(address: Address, at: datetime) -> dict[str, Any]:
    """Return a challenge in the words of the protocol."""
    words = {"expires": int((at + CHALLENGE_LIFETIME).timestamp()), "for": _hash_of(address)}
    salt = f"{secrets.token_hex(12)}?{urlencode(words)}"
    challenge = _digest(salt, secrets.randbelow(MAX_NUMBER + 1))
    return {
        "algorithm": ALGORITHM,
        "challenge": challenge,
        "maxnumber": MAX_NUMBER,
        "salt": salt,
        "signature": _sign(challenge),
    }


def is_solved(solution: str, address: Address, at: datetime) -> bool:
    """Return whether this is the solution of a challenge for this address that has not expired.

    ``solution`` is the base 64 of a JSON object, as the protocol has it.
    """
    if not solution or len(solution) > MAX_SOLUTION_CHARACTERS:
        return False
    try:
        found = json.loads(base64.b64decode(solution, validate=True))
        salt, number = str(found["salt"]), int(found["number"])
        challenge, signature = str(found["challenge"]), str(found["signature"])
        words = parse_qs(salt.partition("?")[2])
        expires, owner = int(words["expires"][0]), words["for"][0]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return False
    return (
        found.get("algorithm") == ALGORITHM
        and hmac.compare_digest(_sign(challenge).encode(), signature.encode())
        and hmac.compare_digest(_digest(salt, number).encode(), challenge.encode())
        and owner == _hash_of(address)
        and at.timestamp() <= expires
    )


def _digest(salt: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{number}".encode()).hexdigest()


def _sign(challenge: str) -> str:
    return salted_hmac("newsletter.proof-of-work", challenge, algorithm="sha256").hexdigest()


def _hash_of(address: Address) -> str:
    return hashlib.sha256(address.key.encode()).hexdigest()[:16]
