"""One attempt of one test: what is put on disk for it, and what its journal says."""

from __future__ import annotations

from collections.abc import Mapping

from megatest.model.ids import Target, TestId
from megatest.model.slotted import dataclass, field
from megatest.model.spec import Disk, Step, Variable

JOURNAL_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSpec:
    """Everything that the work area needs to make an attempt's run directory.

    Attributes:
        run_id, row: rows of the run and the test in the store.
        target, runname, test_id: which test of which run.
        attempt: 1-based number.
        source: absolute path of the test's own files.
        runscript: command of ``[setup] runscript``; empty without.
        steps: ``[ezsteps]``, run after the runscript.
        shared: what the job script exports first, one value a name; the same object for all attempts
            of which this is so, whose text can then be kept.
        variables: what it exports after these, in order; later ones win.
        disks: where it may go; empty means the area's.
        preclean: remove what an earlier attempt left instead of keeping it aside.
        keep: so many earlier attempts are kept at least, whatever the area says: one for each retry.
        on_this_host: started on the engine's own host; otherwise the script also records where
            it runs and what that machine is.
        resolved: the evaluated testconfig, by section.
    """

    run_id: int
    row: int
    target: Target
    runname: str
    test_id: TestId
    attempt: int
    source: str
    runscript: str = ""
    steps: tuple[Step, ...] = ()
    shared: tuple[Variable, ...] = ()
    variables: tuple[Variable, ...] = ()
    disks: tuple[Disk, ...] = ()
    preclean: bool = False
    keep: int = 0
    on_this_host: bool = True
    resolved: Mapping[str, tuple[Variable, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An attempt whose run directory stands.

    Attributes:
        run_dir: real absolute path.
        link: the same through the link tree.
        script: absolute path of job.sh.
        log: absolute path of the file that receives the job script's output.
    """

    run_dir: str
    link: str
    script: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Journal: the job script has begun; written once, by whoever created the journal.

    Attributes:
        pid: of the job script, leader of its session where the executor makes one.
        pid_started: kernel start time of that pid in clock ticks since boot (0: not known).
        boot_id: of the host (empty: not known).
        host: its name.
        uptime_s: seconds since that host's boot; the clock of all later records of this journal.
        uname, cpuload: of the host; empty and -1 where the engine knows them itself.
        time: seconds since the epoch by that host's clock; 0 where the engine knows it itself.
    """

    attempt: int
    pid: int
    pid_started: int = 0
    boot_id: str = ""
    host: str = ""
    uptime_s: float = 0
    uname: str = ""
    cpuload: float = -1.0
    time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Journal: the engine took the attempt back before it could begin; it never will."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSaid:
    """Journal: a step's state and status."""

    step: str
    state: str
    status: str
    comment: str = ""
    log: str = ""
    uptime_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSaid:
    """Journal: the test's own word about itself (``-test-status``)."""

    state: str
    status: str
    comment: str = ""
    uptime_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSaid:
    """Journal: ``-setlog`` (own) or ``-set-toplog`` (parent's)."""

    log: str
    top: bool = False
    uptime_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSaid:
    """Journal: one measured value, as given (``-set-values``, ``-load-test-data``)."""

    category: str = ""
    variable: str = ""
    value: str = ""
    expected: str = ""
    tol: str = ""
    units: str = ""
    comment: str = ""
    status: str = ""
    type: str = ""
    uptime_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Journal: the last record, written by the job script itself.

    Attributes:
        code: exit status of the script or of the first step that failed; 128+n for a signal.
        step: the step that decided; empty for the runscript.
        judged: the code is what the step's log rules say, and is read by their table.
        comment: what the rules complain of.
        signal: by which somebody told the script itself to end; 0 if it ended by itself.
        uptime_s: see `Started`.
    """

    code: int
    step: str = ""
    judged: bool = False
    comment: str = ""
    signal: int = 0
    uptime_s: float = 0


Entry = Started | Revoked | StepSaid | StatusSaid | LogSaid | ValueSaid | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPart:
    """What was read of a journal from one offset on.

    Attributes:
        entries: in order.
        offset: where to read on; never inside a record.
        torn: lines that could not be read (a write cut short, or foreign text).
        exists: whether there is a journal at all.
        trouble: why nothing could be read now; empty if that is not so.
    """

    entries: tuple[Entry, ...] = ()
    offset: int = 0
    torn: int = 0
    exists: bool = True
    trouble: str = ""
