"""A morning that a provider limits, and what a second worker adds.

    python -m benchmarks.morning [READERS [READERS_OF_WORKERS [MILLISECONDS]]]

Everybody is due at the same moment, the provider takes 50 mails a second, and each of its answers
comes 5 ms late, or so many MILLISECONDS. READERS stand for 50,000; the factor is printed. The web
server, one worker and, on PostgreSQL, Redis run as in production. Printed are when the first mail
left, the share of the limit that was used until the last, the times of the home page meanwhile,
and the peak memory of each process.

Then one and two workers, without a limit, assemble the digests of READERS_OF_WORKERS and send them:
to the relay that answers late, and to a sink that answers at once, where two have the same ten
connections in total as one. DATABASE_URL may name an empty PostgreSQL database; a SQLite file, the
default, has one worker and no such table.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from benchmarks import relay
from benchmarks.delivery import environment, sink
from benchmarks.readers import ROOT, python, settle
from tests.sink import free_port

MORNING: Final = 50_000
LIMIT: Final = 50
ANSWER_MS: Final = 5
SAMPLE: Final = 500
"""Readers in the sample of ``make bench``: ten seconds of the limit."""
WAIT_SECONDS: Final = 6.0
"""From the start of the worker to the due time."""
START_SECONDS: Final = 60.0
TURNS: Final = 3
CONNECTIONS: Final = 10
"""Of all workers together, to the sink that answers at once."""
PAGE_INTERVAL: Final = 0.25
DUE: Final = (
    "from datetime import timedelta; from django.utils.timezone import now; "
    "from newsletter.models import Digest, Subscriber; "
    "Digest.objects.all().delete(); at = now() + timedelta(seconds={seconds}); "
    "Subscriber.objects.update(next_digest_at=at, assembling_until=None); print(at.timestamp())"
)
PAUSE: Final = "from newsletter.delivery import streams; streams.{act}('digests'{reason})"
WAIT: Final = """
import time
from newsletter.models import Digest
while Digest.objects.count() < {readers}:
    time.sleep(0.1)
print(time.time())
"""
SENT: Final = """
import time
from django.db.models import Max, Min
from newsletter.models import Digest
while Digest.objects.filter(state__in=("queued", "claimed", "sending")).exists():
    time.sleep(0.1)
times = Digest.objects.aggregate(first=Min("sent_at"), last=Max("sent_at"))
print((times["last"] - times["first"]).total_seconds())
"""
WORKER: Final = (
    *("-m", "celery", "--quiet", "-A", "newsletter", "worker", "--loglevel", "warning"),
    *("--pool", "threads", "--concurrency", "4"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


@contextmanager
def process(env: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python program beside this one, and end it."""
    running = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=env)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def broker(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the setting of a Redis of its own; empty for SQLite and where there is none."""
    program = shutil.which("redis-server")
    if program is None or env["DATABASE_URL"].startswith("sqlite"):
        yield {}
        return
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning")
    running = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        wait_until_open(port)
        yield {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    finally:
        running.kill()
        running.wait()


def wait_until_open(port: int) -> None:
    """Wait until a program listens at the port, on a busy machine too."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"Nothing listens at port {port} after {START_SECONDS:.0f} s.")


def shell(env: Mapping[str, str], code: str) -> str:
    """Run a line of Python in the service and return what it prints."""
    return python("manage.py", "shell", "-v", "0", "-c", code, env=env).strip()


def page_seconds(url: str) -> float:
    """Return how long the page took."""
    start = time.perf_counter()
    with urllib.request.urlopen(url, timeout=30) as answer:
        answer.read()
    return time.perf_counter() - start


def peak_mb(pid: int) -> float:
    """Return the peak memory of a process in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def busiest_second(times: list[float]) -> int:
    """Return the largest number of messages within one second."""
    most = first = 0
    for place, moment in enumerate(times):
        while moment - times[first] >= 1:
            first += 1
        most = max(most, place - first + 1)
    return most


def morning(readers: int, env: Mapping[str, str], taken: Path) -> None:
    """Let everybody be due at one moment, and print how the mail left."""
    port = free_port()
    web = ("-m", "newsletter.process.web_server", "--bind", f"127.0.0.1:{port}")
    pages: list[float] = []
    with process(env, *web) as site, process(env, *WORKER) as worker:
        wait_until_open(port)
        page_seconds(f"http://127.0.0.1:{port}/")  # It reads its templates once.
        due = float(shell(env, DUE.format(seconds=WAIT_SECONDS)))
        deadline = due + 60 + 2 * readers / LIMIT
        while len(relay.moments(taken)) < readers and time.time() < deadline:
            if time.time() > due:
                pages.append(page_seconds(f"http://127.0.0.1:{port}/"))
            time.sleep(PAGE_INTERVAL)
        memory = {"web": peak_mb(site.pid), "worker": peak_mb(worker.pid)}
    times = relay.moments(taken)
    used = (len(times) - 1) / (times[-1] - times[0]) / LIMIT
    p95 = quantiles(pages, n=20)[-1] * 1000
    print(
        f"a morning of {MORNING:,} shortened {MORNING / readers:.0f} times: {len(times)} of "
        f"{readers} mails, the first after {times[0] - due:.1f} s, {used:.1%} of {LIMIT}/s used "
        f"from the first to the last, {busiest_second(times)} in the busiest second, home page "
        f"p50 {median(pages) * 1000:.0f} p95 {p95:.0f} ms, "
        + ", ".join(f"{name} {peak:.0f} MB" for name, peak in memory.items()),
        flush=True,
    )


def assembled_in(readers: int, env: Mapping[str, str]) -> float:
    """Return the seconds from the due time to the last digest, while none may be sent."""
    shell(env, PAUSE.format(act="pause", reason=", 'benchmark'"))
    due = float(shell(env, DUE.format(seconds=WAIT_SECONDS)))
    return float(shell(env, WAIT.format(readers=readers))) - due


def sent_in(env: Mapping[str, str]) -> float:
    """Return the seconds from the first of the queued digests that was sent to the last."""
    shell(env, PAUSE.format(act="resume", reason=""))
    return float(shell(env, SENT))


def workers(name: str, readers: int, envs: Mapping[int, Mapping[str, str]]) -> None:
    """Print what one and two workers assemble and send, in turn; ``envs`` by their number."""
    turns: dict[int, list[tuple[float, float]]] = {count: [] for count in envs}
    for _ in range(TURNS):
        for count, env in envs.items():
            with ExitStack() as stack:
                for _ in range(count):
                    stack.enter_context(process(env, *WORKER))
                time.sleep(WAIT_SECONDS)
                turns[count].append((assembled_in(readers, env), sent_in(env)))
    print(f"{readers} digests, {name}, medians of {TURNS} turns")
    print(f"{'workers':>8}{'assembled/s':>14}{'sent/s':>10}")
    rates = {
        count: [median(readers / turn[place] for turn in results) for place in range(2)]
        for count, results in turns.items()
    }
    for count, (assembled, sent) in rates.items():
        print(f"{count:8}{assembled:14.0f}{sent:10.0f}")
    gains = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    print(f"two against one: assembling {gains[0]:.2f}, sending {gains[1]:.2f}", flush=True)


def main(readers: int = SAMPLE, of_workers: int = SAMPLE, late_ms: int = ANSWER_MS) -> None:
    """Fill a database and run both."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name, ExitStack() as stack:
        folder, taken = Path(name), Path(name) / "taken"
        port = stack.enter_context(relay.running(late_ms, taken))
        env = environment(folder, port, OFFLINE="true")
        env |= stack.enter_context(broker(env))
        settle(folder, max(readers, of_workers), env)
        if readers:
            morning(readers, env | {"MAIL_RATE": str(LIMIT)}, taken)
        if env["DATABASE_URL"].startswith("sqlite"):
            print("SQLite has one worker: what a second adds shows on PostgreSQL.")
        else:
            workers(f"every answer {late_ms} ms late", of_workers, dict.fromkeys((1, 2), env))
            at_once = env | {"EMAIL_URL": f"smtp://127.0.0.1:{stack.enter_context(sink())}"}
            shared = {
                count: at_once | {"MAIL_CONNECTIONS": str(CONNECTIONS // count)} for count in (1, 2)
            }
            workers("every answer at once", of_workers, shared)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
