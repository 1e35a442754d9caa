"""Tests of the engines, without a Docker daemon."""
