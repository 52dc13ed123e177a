"""One module for each runner that can be compared: how to get it, and how to give it our work.

A runner does what comes naturally to it; "filing" is said of those that keep nothing of a test
and are told to make a directory and a log for each.  No module here measures anything.
"""
