"""The web server: ``python -m newsletter.process.web_server --bind 127.0.0.1:8000``.

waitress reads each request completely in one event loop before a thread works on it, so that a
client which sends slowly occupies a socket and no thread. It sets no limit to the time a request
may take to arrive; ``TimedChannel`` does.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import waitress
from waitress.channel import HTTPChannel
from waitress.task import ThreadedTaskDispatcher

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS: Final = 8
CONNECTIONS: Final = 2000
HEADER_BYTES: Final = 32 << 10
BODY_BYTES: Final = 64 << 20
# A request that has not arrived after so long is given up; 64 MB need 0.6 MB/s.
REQUEST_SECONDS: Final = 100
IDLE_SECONDS: Final = 30
CLEANUP_SECONDS: Final = 5


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """A pool of threads with one more for ``/healthz``, which answers when all others are busy."""

    def __init__(self) -> None:
        super().__init__()
        self.set_thread_count(THREADS)
        self.reserved = ThreadedTaskDispatcher()
        self.reserved.set_thread_count(1)

    def add_task(self, task: HTTPChannel) -> None:
        """Queue a request for a thread."""
        # A request that cannot be parsed has no path, and gets its answer from the pool.
        if task.requests and getattr(task.requests[0], "path", "") == "/healthz":
            self.reserved.add_task(task)
        else:
            super().add_task(task)


class TimedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection whose requests must arrive within ``REQUEST_SECONDS``."""

    started = 0.0

    def received(self, data: bytes) -> bool:
        """Parse what arrived, unless its request began too long ago."""
        if self.request is None:
            self.started = time.monotonic()
        elif time.monotonic() - self.started > REQUEST_SECONDS:
            self.will_close = True
            return False
        try:
            return bool(super().received(data))
        except ValueError:  # By urlsplit(), of an address such as http://[.
            self.will_close = True
            return False


def create(application: WSGIApplication, address: str) -> Any:
    """Return a server for ``host:port`` that listens and does not run yet."""
    server = waitress.create_server(
        application,
        _dispatcher=Dispatcher(),
        listen=address,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=CLEANUP_SECONDS,
        max_request_header_size=HEADER_BYTES,
        max_request_body_size=BODY_BYTES,
        asyncore_use_poll=True,
        # X-Forwarded-For and -Proto are believed from TRUSTED_PROXIES, by our own code.
        clear_untrusted_proxy_headers=False,
        ident=None,
    )
    server.channel_class = TimedChannel
    return server


def load_pages() -> None:
    """Import all views, which else the first visitor waits for."""
    from django.urls import get_resolver

    _ = get_resolver().url_patterns


def main() -> None:
    """Serve until SIGTERM or SIGINT; requests in progress may finish."""
    parser = argparse.ArgumentParser(description="Paperboy's web server.")
    parser.add_argument("--bind", metavar="HOST:PORT", default="127.0.0.1:8000")
    address = parser.parse_args().bind
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    from newsletter.digests import preview
    from newsletter.process import alerts, database_watch

    load_pages()
    preview.read_ahead()
    database_watch.start()
    alerts.start_watching(threading.Event())
    create(application, address).run()


if __name__ == "__main__":
    main()
