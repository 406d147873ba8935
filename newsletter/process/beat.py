"""The beat's scheduler, which also reports that it is running."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from typing import Any, Final

from celery.beat import Scheduler as CeleryScheduler
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils.timezone import now

log = logging.getLogger(__name__)

REPORT_SECONDS: Final = 15.0
LONG_AGO: Final = timedelta(days=1)
AT_ONCE: Final = "ingest"
"""The entry of the schedule that is due at the start: a fresh site waits for its first papers."""


class Scheduler(CeleryScheduler):
    """Celery's scheduler in memory: the schedule is in the tables, so that nothing is stored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reported = float("-inf")
        if settings.REDIS_URL:  # Otherwise a thread of the worker, which watches for itself.
            from newsletter.process.alerts import start_watching

            start_watching(threading.Event())

    def setup_schedule(self) -> None:
        """Read the schedule; sources are asked at the start, all else after its first interval."""
        super().setup_schedule()
        entry = self.schedule[AT_ONCE]
        entry.last_run_at = now() - LONG_AGO

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Enqueue what is due, and report now and then; return the seconds until the next tick."""
        if time.monotonic() - self.reported >= REPORT_SECONDS:
            self.reported = time.monotonic()
            self._report()
        return min(super().tick(*args, **kwargs), REPORT_SECONDS)

    def _report(self) -> None:
        from newsletter.jobs import record_heartbeat
        from newsletter.process.status import BEAT

        close_old_connections()
        try:
            record_heartbeat(BEAT)
        except DatabaseError as error:
            log.warning("The beat cannot report that it is alive: %s", error)
