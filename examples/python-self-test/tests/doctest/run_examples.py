"""Run the doctests of one module; print facts about them, exit 1 if one fails or there are none."""

import contextlib
import doctest
import importlib
import sys

module = importlib.import_module(sys.argv[1])
with contextlib.redirect_stdout(sys.stderr):
    result = doctest.testmod(module)
print("examples", result.attempted)
sys.exit(result.failed > 0 or result.attempted == 0)
