"""Which tests run, in what order, and why: selection, items, graph, rerun rules, limits, the Plan.

Pure: no file, process, clock, environment or database.  Facts come in as records and events,
decisions go out as values; the engine acts on them.
"""
