import os

# The products of the ranking are small, and several threads of a worker make them side by side:
# more threads for each would cost two or three times the work and end no sooner.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from newsletter.celery import app as celery_app

__all__ = ["celery_app"]
