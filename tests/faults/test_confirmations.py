"""A confirmation mail does not wait behind thousands of digests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests import smtpd
from tests.faults.conftest import FULL
from tests.faults.world import a_world, kill

DIGESTS = 50_000 if FULL else 3000
REQUESTS = 20
SECONDS = 5.0
SIGN_UP = """
import time
from newsletter.security import email_addresses
from newsletter.subscriptions import service
from newsletter.subscriptions.consent_log import ActionOrigin
for number in range({count}):
    address = email_addresses.parse(f"new{{number}}@town{{number}}.example.org")
    service.sign_up(address, address.email, {{}}, ActionOrigin("test"))
    print(time.time(), flush=True)
    time.sleep(0.3)
"""


def answered(server: smtpd.Server, number: int) -> float:
    """When the confirmation of that request was taken."""
    wanted = f"new{number}@"
    for _ in range(300):
        for (recipient, _), moment in zip(server.taken, server.moments, strict=False):
            if recipient.startswith(wanted):
                return moment
        time.sleep(0.1)
    raise AssertionError(f"no answer to {wanted}")


def test_a_confirmation_leaves_within_five_seconds_while_digests_run(
    tmp_path: Path, database_url: str, figures: Callable[..., None]
) -> None:
    with a_world(tmp_path / "var", database_url, DIGESTS) as world:
        world.server.delay = 0.05  # So that the digests are still leaving at the end.
        world.make_due()
        worker = world.worker()
        try:
            world.wait_until_at_work()
            world.server.wait_for(1, 60)
            printed = world.must("shell", "-v", "0", "-c", SIGN_UP.format(count=REQUESTS))
            asked = [float(line) for line in printed.split()]
            waits = sorted(answered(world.server, number) - at for number, at in enumerate(asked))
            digests_left = world.states()["queued"]
        finally:
            kill(worker)
        p95 = waits[int(len(waits) * 0.95) - 1]
        figures(digests=DIGESTS, still_queued=digests_left, p95_s=round(p95, 2))
        assert digests_left > 0
        assert p95 < SECONDS
