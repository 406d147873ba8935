"""Post what stopped working to OPERATOR_WEBHOOK, signed with OPERATOR_WEBHOOK_SECRET.

The request follows Standard Webhooks 1.0 (standardwebhooks.com): a JSON body and the headers
``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, the last being ``v1,`` and the
base 64 of the HMAC-SHA256 of ``id.timestamp.body``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from datetime import datetime
from typing import Final

import httpx
from django.conf import settings
from django.utils.timezone import now

from newsletter.process.status import Problem

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
# An answer that comes a byte at a time meets no time-out of a single read.
DEADLINE_SECONDS: Final = 20.0


def post(problem: Problem) -> str:
    """Post a problem to the webhook and return why that failed, or nothing. Never raises."""
    reasons: list[str] = []
    body = content(problem, now())
    thread = threading.Thread(
        target=lambda: reasons.append(_post(body)), name="operator webhook", daemon=True
    )
    thread.start()
    thread.join(DEADLINE_SECONDS)
    return reasons[0] if reasons else f"no answer within {DEADLINE_SECONDS:g} seconds"


def content(problem: Problem, moment: datetime) -> bytes:
    """Return the body: ``type``, ``timestamp``, ``text`` for chats, and ``data``."""
    return json.dumps(
        {
            "type": "problem",
            "timestamp": moment.isoformat(),
            "text": f"[{settings.SITE_NAME}] {problem.sentence}",
            "data": {
                "cause": problem.cause,
                "sentence": problem.sentence,
                "since": problem.since.isoformat(),
                "site": settings.SITE_URL,
            },
        }
    ).encode()


def headers(body: bytes, name: str, seconds: int) -> dict[str, str]:
    """Return the headers that sign a body under the id ``name`` at a Unix time."""
    key = base64.b64decode(settings.OPERATOR_WEBHOOK_SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{name}.{seconds}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _post(body: bytes) -> str:
    # The address may hold a key of its own, so that no reason names it.
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    signed = headers(body, f"msg_{uuid.uuid4().hex}", int(time.time()))
    try:
        with httpx.stream(
            "POST", settings.OPERATOR_WEBHOOK, content=body, headers=signed, timeout=timeout
        ) as answer:
            return "" if answer.is_success else f"it answered {answer.status_code}"
    except Exception as error:  # noqa: BLE001 - a webhook stops nothing, whatever it does
        return type(error).__name__
