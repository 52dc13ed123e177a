"""Import the modules named, or all that are built into the interpreter: import_modules.py builtin."""

import importlib
import sys

names = sys.argv[1:]
if names == ["builtin"]:
    names = list(sys.builtin_module_names)
for name in names:
    print(name, importlib.import_module(name))
print("imported", len(names))
