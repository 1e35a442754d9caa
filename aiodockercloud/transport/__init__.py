"""The connection to a server: session, credentials, retries, streams, settings."""
