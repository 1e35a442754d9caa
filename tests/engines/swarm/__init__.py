"""Unit tests of the Swarm engine, without a Docker daemon."""
