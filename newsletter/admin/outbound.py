"""The columns and filters that the lists of digests and notices share."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from unfold.decorators import display

from newsletter.admin import searches
from newsletter.models import Digest, Notice, Outbound
from papers.admin.base import ReadOnlyAdmin, link, url_of

State = Outbound.State
STATE_COLOURS = {
    State.QUEUED: "info",
    State.CLAIMED: "info",
    State.SENDING: "info",
    State.SENT: "success",
    State.FAILED: "danger",
    State.UNCERTAIN: "warning",
}


class OutboundAdmin(ReadOnlyAdmin):
    """A queue of mail, read-only: states are changed by services and by actions."""

    list_select_related = ("subscriber",)
    search_fields = ("subscriber__email_key",)
    search_help_text = "An address or a part of it, a Message-ID or the provider's id."

    def find_whole(self, rows: QuerySet[Any], typed: str) -> QuerySet[Any]:
        """Return the row with this id, or the rows of the people with this address."""
        found = searches.of_message(rows, typed) if " " not in typed else None
        return searches.of_people(rows, typed) if found is None else found

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def state_label(self, row: Digest | Notice) -> tuple[str, str]:
        """Return the state and its label, coloured."""
        return row.state, row.get_state_display()

    @display(description="subscriber", ordering="subscriber__email_key")
    def subscriber_link(self, row: Digest | Notice) -> str:
        """Return a link to the recipient."""
        return link(url_of(row.subscriber), row.subscriber)
