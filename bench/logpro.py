"""How fast log rules are: 100 MB of log with 10 and with 50 rules, in seconds and in MiB of memory.

Usage: python bench/logpro.py [MEGABYTES]

Each figure is of a process of its own that does what the command does: it reads the log from a file, writes
the annotated log, the page and the .dat, and judges.  `sparse` is a usual log, one line in 300 counted; in
`dense` every line is; `latin` has bytes in every block that are no UTF-8.  CPU seconds count: the machine may
be busy.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LINES_A_MEGABYTE = 17_700


def make_log(path: Path, megabytes: int, *, latin: bool = False) -> None:
    chance = random.Random(1)
    name = [f"module_{i}" for i in range(200)]
    with path.open("wb") as file:
        for number in range(megabytes * LINES_A_MEGABYTE):
            draw = chance.random()
            if draw < 0.001:
                line = f"[{number:08d}] ERROR in {chance.choice(name)}: went wrong code={number % 1000}"
            elif draw < 0.003:
                line = f"[{number:08d}] WARNING: {chance.choice(name)} deprecated"
            elif draw < 0.0035:
                line = f"[{number:08d}] value={draw * 1000:.3f} ms"
            else:
                names = f"{chance.choice(name)} {chance.choice(name)}"
                line = f"[{number:08d}] info {names} done in {number % 977} us"
            file.write(line.encode() + (b" \xe9\n" if latin and number % 1000 == 0 else b"\n"))


def rules(count: int) -> Iterator[str]:
    yield '(expect:ignore in "LogFileBody" >= 0 "known" #/ERROR in module_7\\d/)'
    yield '(expect:error in "LogFileBody" = 0 "errors" #/ERROR/)'
    yield '(expect:warning in "LogFileBody" = 0 "warnings" #/warning: .*deprecated/i)'
    yield '(expect:value in "LogFileBody" 3 2 "time" #/value=([\\d.]+) ms/)'
    for name in ("Segmentation fault", "core dumped", "^Traceback", "assert.*failed", "fatal|panic", "oom"):
        yield f'(expect:abort in "LogFileBody" = 0 "{name}" #/{name}/i)'
    for number in range(count - 10):
        yield f'(expect:check in "LogFileBody" = 0 "u{number}" #/unit_{number}: (fail|abort).*code {number}/)'


def measure(directory: Path, log: str, rule_text: str) -> tuple[float, float, float]:
    (directory / "r.logpro").write_text(rule_text)
    started = time.monotonic()
    with (directory / log).open("rb") as stdin, (directory / "out.txt").open("wb") as stdout:
        subprocess.run(
            [sys.executable, __file__, "--judge"], cwd=directory, stdin=stdin, stdout=stdout, check=True
        )
    seconds = time.monotonic() - started
    cpu_s, memory = (float(word) for word in (directory / "usage").read_text().split())
    return seconds, cpu_s, memory / 1024


def judge() -> None:
    from megatest.logpro.command import main

    main(["r.logpro", "out.html"], sys.stdin.buffer, sys.stdout.buffer)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    Path("usage").write_text(f"{usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}")


def bench(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make_log(directory / "usual", megabytes)
        make_log(directory / "latin", megabytes, latin=True)
        everything = '(expect:note in "LogFileBody" >= 0 "all" #/us$/)'
        for title, log, extra, count in (
            ("sparse, 10 rules", "usual", "", 10),
            ("sparse, 50 rules", "usual", "", 50),
            ("dense, 10 rules", "usual", everything, 10),
            ("latin, 10 rules", "latin", "", 10),
        ):
            wall_s, cpu_s, memory = measure(directory, log, "\n".join([*rules(count), extra]))
            print(
                f"{title:18} {megabytes} MB {wall_s:6.1f} s {cpu_s:6.1f} CPU s {memory:6.0f} MiB", flush=True
            )


if __name__ == "__main__":
    if sys.argv[1:] == ["--judge"]:
        judge()
    else:
        bench(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
