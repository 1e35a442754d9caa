"""Tests of the project itself: docs, examples, packaging, the plan of the modules."""
