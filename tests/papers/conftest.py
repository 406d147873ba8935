"""Fixtures of the library's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.papers.source_server import SourceServer, source_server


@pytest.fixture
def server() -> Iterator[SourceServer]:
    """A local server in the place of a source."""
    with source_server() as found:
        yield found
