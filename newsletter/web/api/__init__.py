"""The JSON API for programs: reading only, described by ``/api/openapi.json``."""
