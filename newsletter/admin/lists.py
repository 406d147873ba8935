"""Import every list of the newsletter, so that Django's admin registers it.

Importing them in ``newsletter.admin`` itself would register them while Django is still looking up
``newsletter.admin.site``, on a site that it throws away.
"""

from newsletter.admin import (
    accounts,
    consents,
    digests,
    events,
    imports,
    notices,
    service_state,
    streams,
    subscribers,
    suppressions,
)

__all__ = [
    "accounts",
    "consents",
    "digests",
    "events",
    "imports",
    "notices",
    "service_state",
    "streams",
    "subscribers",
    "suppressions",
]
