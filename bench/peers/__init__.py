"""One module for each runner that can be compared: how to get it, and how to give it our work.

A runner does what comes naturally to it and nothing more; what it does not keep (a log, a
record, a work area for each test) it is not made to keep.  No module here measures anything.
"""
