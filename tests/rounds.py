"""One round of the worker over the digests, in this process."""

from __future__ import annotations

from collections import Counter

from newsletter import jobs


def digest_round() -> Counter[str]:
    """Process events, assemble what is due and send it; the states that rows reached."""
    jobs.process_events()
    jobs.prepare_digests()
    jobs.assemble_digests()
    return jobs.send_digests()
