"""Megatest: a run manager for large suites of long tests.

The rooms of the house and the life of one test are described in ARCHITECTURE.md.
"""

__version__ = "2.0.0a1"
