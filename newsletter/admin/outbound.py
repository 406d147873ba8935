"""What digests and notices share on the desk: their state, its reason, and whose they are."""

from __future__ import annotations

from unfold.decorators import display

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
    """A queue of mail. Its states move through services alone, so every field is read-only."""

    list_select_related = ("subscriber",)
    search_fields = ("subscriber__email_key", "=message_id", "=provider_id")
    search_help_text = "An address, a Message-ID or the provider's id."

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def state_label(self, row: Digest | Notice) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description="subscriber", ordering="subscriber__email_key")
    def subscriber_link(self, row: Digest | Notice) -> str:
        return link(url_of(row.subscriber), row.subscriber)
