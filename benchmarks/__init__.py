"""Benchmarks: each row is a ratio to a peer, measured in the same run."""
