"""Throw-away services for tests: scripts that start them, and `service` that calls the scripts."""
