"""Scheme, as far as areas use it: a reader with positions and a small, safe evaluator.

`reader` makes forms of text, `evaluate` runs them, `value` holds what they work on.  Nothing here
reads a file, the environment or a clock, or starts a process; a host may bind procedures that do.
"""
