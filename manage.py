#!/usr/bin/env python3
"""Paperboy's command line: ``python manage.py help`` lists what it can do."""

import os
import sys


def main() -> None:
    """Run one command; errors of settings and database become one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import OperationalError

        try:
            execute_from_command_line(sys.argv)
        except ImproperlyConfigured as error:
            sys.exit(f"CommandError: {error}")
        except OperationalError as error:
            if "--traceback" in sys.argv:
                raise
            sys.exit(
                f"CommandError: The database cannot be used: {' '.join(str(error).split())}. "
                "If it is new or older than the program: python manage.py migrate"
            )
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reading program, such as head, has ended; the flush at exit would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


if __name__ == "__main__":
    main()
