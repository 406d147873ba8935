"""The staff entrance: who may sit at the admin's desk, and what its pages may load."""

from __future__ import annotations

from unfold.sites import UnfoldAdminSite


class StaffSite(UnfoldAdminSite):
    """The admin site of this service."""
