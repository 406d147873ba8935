"""A host of its own on this machine: a network namespace with one cable, which can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

IP: Final = shutil.which("ip") or shutil.which("/usr/sbin/ip")


def ip(*arguments: str) -> bool:
    """Run ``ip``; return whether the kernel did it."""
    if IP is None or os.geteuid():
        return False
    done = subprocess.run([IP, *arguments], stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


class Namespace:
    """``address`` is this machine as the namespace sees it."""

    def __init__(self) -> None:
        number = os.getpid() % 250 + 1
        self.name = f"faults{number}"
        self.cable = f"fault{number}"
        self.address = f"10.213.{number}.1"
        self.there = f"10.213.{number}.2"

    def create(self) -> bool:
        """Return whether the kernel allows it."""
        peer = f"{self.cable}n"
        return (
            ip("netns", "add", self.name)
            and ip("link", "add", self.cable, "type", "veth", "peer", "name", peer)
            and ip("link", "set", peer, "netns", self.name)
            and ip("addr", "add", f"{self.address}/24", "dev", self.cable)
            and ip("-n", self.name, "addr", "add", f"{self.there}/24", "dev", peer)
            and ip("-n", self.name, "link", "set", "lo", "up")
            and ip("-n", self.name, "link", "set", peer, "up")
            and ip("link", "set", self.cable, "up")
        )

    def remove(self) -> None:
        ip("link", "del", self.cable)
        ip("netns", "del", self.name)

    def pull(self) -> None:
        """What both sides say is lost, and neither is told."""
        assert ip("link", "set", self.cable, "down")

    def plug(self) -> None:
        assert ip("link", "set", self.cable, "up")

    @property
    def command(self) -> list[str]:
        """The words before a command that is to run there."""
        return [str(IP), "netns", "exec", self.name]


@contextmanager
def a_namespace() -> Iterator[Namespace | None]:
    namespace = Namespace()
    try:
        yield namespace if namespace.create() else None
    finally:
        namespace.remove()
