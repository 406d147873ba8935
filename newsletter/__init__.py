"""Paperboy's Django project and the app of subscribers, digests and mail."""

import os

# The ranking multiplies small matrices in several threads of a worker: more threads for each
# product would cost two or three times the CPU and save no time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from newsletter.celery import app as celery_app

__all__ = ["celery_app"]
