"""Its presence makes `tests` an import root, for `fakes` and `services`."""
