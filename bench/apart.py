"""What does it cost to copy run directories to an ssh host and back?  ``python bench/apart.py [JOBS]``

No-op jobs a second through one session on loopback, with sixteen slots: each directory is sent,
its job run, everything brought back and the copy removed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench.executors import make_jobs
from services.executor_place import SshPlaces, Watch
from services.service import service


def main() -> None:
    """Run it and print the figure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        directory.chmod(0o755)
        with service("ssh-up", directory / "service", ports=2) as environment:
            executor = SshPlaces(environment, directory=str(directory / "far")).make(16)
            watch = Watch(executor)
            first = make_jobs(directory / "first", 1)
            executor.submit(first)
            watch.until_ended(first)  # the connection is made, and what tests call is there
            watch.final.clear()
            jobs = make_jobs(directory / "ours", count)
            begun = time.monotonic()
            executor.submit(jobs)
            watch.until(lambda: len(watch.final) == count, timeout_s=600)
            taken_s = time.monotonic() - begun
            executor.finish()
            executor.close()
            assert all(change.code == 0 for change in watch.final.values())
            print(f"{count} no-op jobs copied there and back in {taken_s:.1f} s: {count / taken_s:.0f}/s")


if __name__ == "__main__":
    main()
