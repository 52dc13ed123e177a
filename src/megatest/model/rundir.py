"""The names of files in a run directory, relative to it, as far as more than one room knows them."""

from __future__ import annotations

from typing import Final

OURS: Final = ".megatest"
"""The directory for what is ours; everything else in a run directory is the test's."""

SCRIPT_NAME: Final = "job.sh"
SCRIPT: Final = f"{OURS}/{SCRIPT_NAME}"
"""The job script; its head says whose directory it is."""

JOURNAL: Final = f"{OURS}/journal"
"""What the test says of itself; see ``docs/journal.md``."""

AWAY: Final = f"{OURS}/away"
"""While the test runs on a host that does not share the directory: what is remembered of that."""

JOB_LOG: Final = "mt_launch.log"
"""What the job script and the test print."""

NO_LOG: Final = "logs/final.log"
"""What the database says of a test that has named no log to open; there is no such file."""
