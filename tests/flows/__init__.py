"""Whole flows: our client against our server."""
