"""A network between a program and a server: it may drop, delay, half-close and cut."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

BYTES = 65536
LOOK_SECONDS = 0.01


class Proxy:
    """Passes on connections to a server, and misbehaves as it is told.

    While it is ``frozen`` nothing arrives on either side, as when a network has lost one of them;
    ``delay`` is how many seconds each piece takes; ``ports`` are those from which the server sees
    the connections.
    """

    def __init__(self, host: str, port: int, listen: str = "127.0.0.1") -> None:
        self.target = (host, port)
        self.frozen = threading.Event()
        self.delay = 0.0
        self.server = socket.create_server((listen, 0))
        self.port = self.server.getsockname()[1]
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def ports(self) -> list[int]:
        """The ports of the connections to the server that are open."""
        return [server.getsockname()[1] for _, server in self.pairs if server.fileno() >= 0]

    def thaw(self) -> None:
        """End every conversation that was cut off, as a server does that is started again."""
        self.cut()
        self.frozen.clear()

    def cut(self) -> None:
        """End every conversation, with both."""
        for pair in self.pairs:
            for one in pair:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def half_close(self) -> None:
        """End what the server says, while it still listens."""
        for client, _ in self.pairs:
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.server.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        self.pairs.append((client, server))
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(BYTES):
                time.sleep(self.delay)
                while self.frozen.is_set():
                    time.sleep(LOOK_SECONDS)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
