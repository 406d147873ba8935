"""The Django admin of subscribers, digests and mail: one file a list or a page."""
