"""The vocabulary of the house: names, states, specifications, records, errors.

Everything here is frozen or an enum, and nothing here reads a file, a clock, the
environment or a database.  Every other room may import from this one; this one imports
from none.
"""
