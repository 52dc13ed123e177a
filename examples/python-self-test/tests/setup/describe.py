"""Print facts about this interpreter, a name and a value on each line."""

import platform
import sys

print("version", platform.python_version())
print("implementation", platform.python_implementation())
print("compiler", platform.python_compiler())
print("executable", sys.executable)
print("optimize", sys.flags.optimize)
print("dev_mode", sys.flags.dev_mode)
print("modules", len(sys.stdlib_module_names))
