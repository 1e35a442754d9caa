"""The state of the server: records, derived states, storage, accounts, events."""
