"""Log rules: a rule file and a log give findings, a status, a page and a ``.dat``.

`load` reads rules, `scan` applies them to a stream of any length, `judge` decides, `run` does it all.
Nothing here knows of tests or runs; no shell is started but through a runner that the caller gives.
"""
