"""Django mail backends that are safe to retry, one file a provider."""
