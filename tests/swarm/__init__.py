"""Tests on a real Swarm."""
