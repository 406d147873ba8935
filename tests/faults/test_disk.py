"""A disk that is full for a while: nothing is doubled or lost, and a line in the log says why."""

from __future__ import annotations

import email
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.faults.world import World, a_world, kill

PEOPLE: Final = 200
FULL_SECONDS: Final = 4.0


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in this folder; skips where nobody may mount one."""
    folder.mkdir()
    options = f"size={megabytes}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system: run as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Write a file until there is no room left, and return it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 8, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


def wait_for_log(world: World, words: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while words not in world.log:
        assert time.monotonic() < deadline, f"nobody said “{words}”:\n{world.log}"
        time.sleep(0.05)


def test_a_database_without_room_doubles_and_loses_nothing(
    tmp_path: Path, installed: Path, figures: Callable[..., None]
) -> None:
    with small_disk(tmp_path / "disk", 12) as disk:
        url = f"sqlite:///{shutil.copy(installed, disk / 'paperboy.sqlite3')}"
        with a_world(tmp_path / "var", url, PEOPLE) as world:
            world.server.delay = 0.2
            world.make_due()
            worker = world.worker()
            try:
                assert world.server.wait_for(10, 60), world.log
                ballast = fill(disk)
                wait_for_log(world, "The disk is full: make room")
                time.sleep(FULL_SECONDS)
                during = len(world.server.taken)
                assert during < PEOPLE
                ballast.unlink()
                took = world.wait_until_settled(PEOPLE, 60, killed=False)
                assert worker.poll() is None
            finally:
                kill(worker)
            measured = world.assert_nobody_was_wronged(PEOPLE)
            assert measured["uncertain"] <= world.server.most_open
            figures(taken_until_full=during, settled_s=round(took, 1), **measured)


def test_digests_wait_for_a_database_that_had_no_room_for_them(
    tmp_path: Path, installed: Path, figures: Callable[..., None]
) -> None:
    with small_disk(tmp_path / "disk", 12) as disk:
        url = f"sqlite:///{shutil.copy(installed, disk / 'paperboy.sqlite3')}"
        with a_world(tmp_path / "var", url, PEOPLE) as world:
            world.make_due()
            ballast = fill(disk)
            worker = world.worker()
            try:
                wait_for_log(world, "The disk is full: make room", 60)
                assert "Traceback" not in world.log
                assert world.server.taken == []
                ballast.unlink()
                took = world.wait_until_settled(PEOPLE, 60, killed=False)
            finally:
                kill(worker)
            measured = world.assert_nobody_was_wronged(PEOPLE)
            assert measured["sent"] == PEOPLE
            figures(settled_s=round(took, 1), **measured)


def written_to(folder: Path) -> list[str]:
    messages = (email.message_from_bytes(path.read_bytes()) for path in folder.glob("*.eml"))
    return [str(message["To"]) for message in messages]


def test_a_mail_folder_without_room_keeps_the_digests_queued(
    tmp_path: Path, sqlite_url: str, figures: Callable[..., None]
) -> None:
    people = 60
    with (
        small_disk(tmp_path / "disk", 1) as disk,
        a_world(tmp_path / "var", sqlite_url, people, EMAIL_URL="") as world,
    ):
        (world.folder / "mail").symlink_to(disk)
        world.make_due()
        worker = world.worker()
        try:
            wait_for_log(world, "No space left on device", 60)
            assert 0 < len(written_to(disk)) < people
            assert "failed" not in world.states()
            subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
            took = world.wait_until_settled(people, 90, killed=False)
        finally:
            kill(worker)
        recipients = written_to(disk)
        assert world.states() == {"sent": people}
        assert len(set(recipients)) == len(recipients) == people
        assert list(disk.glob(".*")) == []
        figures(digests=people, sent=people, settled_s=round(took, 1))
