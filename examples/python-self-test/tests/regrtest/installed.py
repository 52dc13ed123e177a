"""Print whether the module named can be found, `yes` or `no`, without running it."""

import importlib.util
import sys

try:
    spec = importlib.util.find_spec(sys.argv[1])
except ModuleNotFoundError:  # a package above it is missing
    spec = None
print("no" if spec is None else "yes")
