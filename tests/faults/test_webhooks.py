"""PostgreSQL goes away and comes back while a provider reports events: none is lost."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.faults.conftest import FULL
from tests.faults.postgres import Cluster
from tests.faults.world import World, a_world, kill
from tests.sink import free_port

EVENTS: Final = 4000 if FULL else 800
RESTARTS: Final = 12 if FULL else 4
SECRET: Final = "postmark:secret"
CLIENTS: Final = 6
TIMEOUT_SECONDS: Final = 10.0
LONGEST_SECONDS: Final = 120.0


class Postmark:
    """Reports every event again until it is answered with 200, as providers do."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/anymail/postmark/tracking/"
        self.answers: Counter[str] = Counter()
        self.done = 0
        self.lock = threading.Lock()

    def report(self, number: int) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while (answer := self._post(number)) != "200":
            assert time.monotonic() < deadline, f"event {number} is never taken: {self.answers}"
            self._count(answer)
            time.sleep(0.3)
        self._count("200")

    def _count(self, answer: str) -> None:
        with self.lock:
            self.answers[answer] += 1
            self.done += answer == "200"

    def _post(self, number: int) -> str:
        event = {
            "RecordType": "Delivery",
            "MessageID": f"message-{number}",
            "Recipient": f"reader{number}@example.org",
            "DeliveredAt": "2026-03-11T08:00:00Z",
        }
        login = base64.b64encode(SECRET.encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url, json.dumps(event).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return str(answer.status)
        except urllib.error.HTTPError as error:
            return str(error.code)
        except OSError as error:
            return type(error).__name__


def wait_for_site(world: World, url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(world.log)


def test_no_event_is_lost_while_the_database_is_restarted(
    tmp_path: Path, cluster: Cluster, postgres_url: str, figures: Callable[..., None]
) -> None:
    port = free_port()
    extra = {"ANYMAIL_WEBHOOK_SECRET": SECRET, "WEBHOOK_PROVIDERS": "postmark"}
    with a_world(tmp_path / "var", postgres_url, 1, None, **extra) as world:
        web = world.start("-m", "newsletter.process.web_server", "--bind", f"127.0.0.1:{port}")
        provider = Postmark(f"http://127.0.0.1:{port}")
        try:
            wait_for_site(world, f"http://127.0.0.1:{port}")
            with ThreadPoolExecutor(CLIENTS) as pool:
                reports = [pool.submit(provider.report, number) for number in range(EVENTS)]
                for restart in range(RESTARTS):
                    while provider.done < EVENTS * (restart + 1) // (RESTARTS + 1):
                        assert web.poll() is None, world.log
                        time.sleep(0.01)
                    cluster.stop("immediate" if restart % 2 else "fast")
                    time.sleep(1)
                    cluster.start()
                for report in reports:
                    report.result()
        finally:
            kill(web)
        rows = world.sql("SELECT provider_id, COUNT(*) FROM newsletter_deliveryevent GROUP BY 1")
        assert dict(rows) == {f"message-{number}": 1 for number in range(EVENTS)}
        assert provider.answers.keys() <= {"200", "503"}, provider.answers
        assert provider.answers["503"] >= RESTARTS
        assert "Traceback" not in world.log
        figures(events=EVENTS, restarts=RESTARTS, lost=0, refused_at_first=provider.answers["503"])
