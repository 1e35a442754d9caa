"""Sessions, credentials, retries, and streams that reconnect."""
