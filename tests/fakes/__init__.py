"""Fakes: one per port, trusted because the contract suites run on them too."""
