"""What the reference, the old clients and the engine protocol ask."""
