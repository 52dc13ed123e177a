"""Benchmarks that others can repeat: the same work for us and for our peers.

Here live generators of work, runners of peers, measuring, the budget.  Nothing here is imported
by the program; no figure is printed of a run that was not seen to do all its work.
"""
