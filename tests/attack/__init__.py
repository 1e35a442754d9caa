"""Attacks on a server: each test fails where an attack succeeds."""
