"""The audit log beyond the pages of the admin: commands, log-ins, and what stops by itself.

Django's own log of the admin holds them, so that there is one list. Who did it is an account there;
the command line and the service have one each, with which nobody can log in.
"""

from __future__ import annotations

from typing import Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

COMMAND_LINE: Final = "command line"
SERVICE: Final = "service"
ACTORS: Final = (COMMAND_LINE, SERVICE)


def record(actor: str, message: str, subject: Model | str) -> None:
    """Add a line to the audit log.

    Args:
        actor: A user name, or one of ``ACTORS``; an account that is gone counts as the service.
        message: What was done.
        subject: The row that it was done to, or what to call it.
    """
    account = User.objects.filter(username=actor).first()
    if account is None:
        name = actor if actor in ACTORS else SERVICE
        account, _ = User.objects.get_or_create(
            username=name, defaults={"is_active": False, "password": "!"}
        )
    row = None if isinstance(subject, str) else subject
    LogEntry.objects.create(
        user=account,
        content_type=ContentType.objects.get_for_model(row) if row is not None else None,
        object_id=str(row.pk) if row is not None else None,
        object_repr=str(subject)[:200],
        action_flag=CHANGE,
        change_message=message,
    )
