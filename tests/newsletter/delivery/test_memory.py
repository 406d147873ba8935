"""What a sender keeps the garbage collector from."""

from __future__ import annotations

import gc
import weakref

import pytest

from newsletter.delivery import rendering, sender

pytestmark = pytest.mark.django_db


class Node:
    """An object that only the garbage collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_start_up_objects_are_frozen_once_and_later_ones_are_still_freed() -> None:
    sender.deliver(rendering.DIGESTS)
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    later = weakref.ref(Node())
    sender.deliver(rendering.DIGESTS)
    assert gc.get_freeze_count() <= frozen
    gc.collect()
    assert later() is None
