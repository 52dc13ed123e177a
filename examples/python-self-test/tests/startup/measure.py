"""Print the median seconds of N starts of this interpreter with these flags: measure.py N FLAG..."""

import statistics
import subprocess
import sys
import time


def start_s(flags: list[str]) -> float:
    """Return the seconds from starting the interpreter to its end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *flags, "-c", "pass"], check=True)
    return time.perf_counter() - begin


print(round(statistics.median(start_s(sys.argv[2:]) for _ in range(int(sys.argv[1]))), 4))
