"""The command lines: the modern commands and the original's grammar, both onto `megatest.app`.

What is printed is decided here and in `megatest.reports`; what is done is decided below.
"""
