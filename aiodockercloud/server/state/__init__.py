"""What the server knows: records, their states, durable storage, events."""
