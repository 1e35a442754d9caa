"""Many clients, random moments, random orders."""
