"""The library's desk: papers, what was measured about them, and where they come from."""

from papers.admin import editions, papers, sources

__all__ = ["editions", "papers", "sources"]
