"""Fixtures that every room of the house uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(__file__).resolve().parent / "data"
SEED_LISTING = ROOT / "seeds" / "trending-papers-listing.txt"


@pytest.fixture(autouse=True)
def private_folders(settings: Settings, tmp_path: Path) -> None:
    """Mail written by a test stays in the test's own folder."""
    settings.MAIL_DIR = tmp_path / "mail"
