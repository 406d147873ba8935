"""Fixtures of the tests of processes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.process import status


@pytest.fixture
def agreeing_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL's clock travel with this host's, which would else be off by days."""
    monkeypatch.setattr(status, "clock_skew", timedelta)
