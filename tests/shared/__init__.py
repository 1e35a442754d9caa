"""Tests of what both halves share; no I/O."""
