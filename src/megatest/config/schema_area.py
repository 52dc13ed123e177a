"""What `megatest.config` and `runconfigs.config` may say."""

from __future__ import annotations

from typing import Final

from megatest.config.kind import Kind
from megatest.config.schema import FileSchema, Section, Setting

_SETUP: Final = Section(
    name="setup",
    doc="the area as a whole",
    settings=(
        Setting(
            key="linktree",
            kind=Kind.PATH,
            default="lt",
            aliases=("runsdir",),
            doc="top of the tree of links to run directories; relative to the area; `MT_LINKTREE` "
            "wins over it; a run makes the link `lt` in the area to a tree elsewhere",
        ),
        Setting(
            key="area-name",
            kind=Kind.TEXT,
            aliases=("testsuite",),
            doc="name of the area; without it, the name of its directory; `MT_TESTSUITE_NAME` wins over it",
        ),
        Setting(
            key="target",
            kind=Kind.TEXT,
            doc="target of commands that are given none, one value a field with `/` between them",
        ),
        Setting(
            key="max_concurrent_jobs",
            kind=Kind.COUNT,
            doc="most tests that run at once, over all runs; without it, the number of processors "
            "for tests on "
            "this machine and no limit for batch systems",
        ),
        Setting(
            key="launch-delay",
            kind=Kind.SECONDS,
            default="0",
            aliases=("launch_delay",),
            doc="least time between two launches",
        ),
        Setting(key="runtimelim", kind=Kind.TIME,
            doc="tests that run longer are killed, unless they set their "
            "own",
        ),
        Setting(
            key="deadtime",
            kind=Kind.SECONDS,
            default="7200",
            doc="how long a test may be silent where a launcher cannot be asked about it",
        ),
        Setting(
            key="kill-grace",
            kind=Kind.SECONDS,
            default="5",
            doc="time between asking a test's processes to end and ending them",
        ),
        Setting(
            key="keep-attempts",
            kind=Kind.INTEGER,
            default="2",
            doc="how many earlier attempts' run directories are kept when a test runs again",
        ),
        Setting(
            key="minspace", kind=Kind.SIZE, default="10000",
                doc="a disk is used only if it has more free "
                "space"
        ),
        Setting(
            key="free-space-script",
            kind=Kind.COMMAND,
            doc="prints the free KiB of the path that it is given, in place of asking the system",
        ),
        Setting(
            key="testcopycmd",
            kind=Kind.COMMAND,
            doc="copies a test's files, with TEST_SRC_PATH and TEST_TARG_PATH replaced, in place of "
            "our own copying",
        ),
        Setting(
            key="script-exit-table",
            kind=Kind.FLAG,
            default="no",
            doc="read a runscript's exit code like that of log rules: 2 warn, 3 check, 4 waived, 5 "
            "abort, 6 skip",
        ),
        Setting(
            key="allow-auto-rerun",
            kind=Kind.WORDS,
            doc="words STATE or STATE/STATUS; of the tests that a command asks for, those recorded so "
            "run again",
        ),
        Setting(
            key="blacklistvars",
            kind=Kind.WORDS,
            default="USER HOME DISPLAY LS_COLORS XKEYSYMDB EDITOR MAKEFLAGS MAKEF MAKEOVERRIDES",
            doc="variables left out of `megatest.sh` and `megatest.csh`",
        ),
        Setting(key="waivercommentpatt", kind=Kind.TEXT,
            doc="regular expression that a waiver's comment must "
            "match",
        ),
        Setting(key="run-wait", kind=Kind.FLAG, doc="accepted: a run always waits", ignored=True),
        *(
            Setting(key=key, kind=Kind.TEXT, doc="accepted for files of the original", ignored=True)
            for key in (
                "launchwait", "runqueue", "maxretries", "give-up-waiting", "reruns", "incomplete-timeout",
                "dbdir-space-required", "executable", "use-cache", "htmlviewercmd", "editor", "editor-regex",
                "nodot", "num-tests-to-get", "do-not-use-db-file-timestamps", "do-not-use-query-timestamps",
                "log-expire-days", "pktsdirs", "pdbpath", "dbdir", "monitordir", "sychronous", "use-wal",
                "inter-test-delay", "test-stats-update-period", "transport", "logviewer", "timeout",
            )
        ),
    ),
)  # fmt: skip

_JOBTOOLS: Final = Section(
    name="jobtools",
    doc="how tests are started",
    settings=(
        Setting(
            key="launcher",
            kind=Kind.COMMAND,
            doc="command line that starts a job script; without it tests run on this machine",
        ),
        Setting(
            key="executor",
            kind=Kind.TEXT,
            doc="where tests run: `local`, `command` (the launcher line), `ssh` (`[hosts]`), `slurm`, "
            "`gridengine`, `lsf`, `pbs`, `torque`, `flux`, or the NAME of an `[executor NAME]` section; "
            "without it the launcher decides",
        ),
        Setting(
            key="useshell",
            kind=Kind.FLAG,
            default="yes",
            doc="the shell reads the launcher line; with `no`, its words are taken as they are",
        ),
        Setting(
            key="maxload",
            kind=Kind.NUMBER,
            doc="launch nothing while this machine's load per processor is higher; without it, no such limit",
        ),
        Setting(
            key="flexi-launcher",
            kind=Kind.FLAG,
            default="no",
            doc="choose launchers by `[launchers]`, test by test",
        ),
        *(
            Setting(key=key, kind=Kind.TEXT, doc="accepted for files of the original", ignored=True)
            for key in ("waitdelay", "maxhomehostload", "workhosts", "runscript")
        ),
    ),
)

_VALIDVALUES: Final = Section(
    name="validvalues",
    doc="words that tests may report, and which of them a clean rerun resets",
    settings=(
        Setting(key="state", kind=Kind.WORDS, doc="states that are no surprise; without it, any"),
        Setting(key="status", kind=Kind.WORDS, doc="statuses that are no surprise; without it, any"),
        Setting(
            key="cleanrerun-states",
            kind=Kind.WORDS,
            default="KILLREQ KILLED UNKNOWN INCOMPLETE STUCK NOT_STARTED",
            doc="states that `-rerun-clean` resets",
        ),
        Setting(
            key="cleanrerun-statuses",
            kind=Kind.WORDS,
            default="FAIL INCOMPLETE ABORT CHECK DEAD PREQ_FAIL PREQ_DISCARDED",
            doc="statuses that `-rerun-clean` resets",
        ),
    ),
)

_RUNS: Final = Section(
    name="runs",
    doc="commands round a run",
    settings=(
        Setting(key="pre-hook", kind=Kind.COMMAND, doc="runs once, before the first tests of a run exist"),
        Setting(key="post-hook", kind=Kind.COMMAND, doc="runs when a run has nothing more to do"),
    ),
)

EXECUTOR: Final = Section(
    name="executor NAME",
    doc="a batch system or another way to start tests; see the manual's pages on executors",
    entry="KEY VALUE",
    entry_doc="as the executor documents them",
)


def _accepted(name: str, doc: str) -> Section:
    return Section(
        name=name,
        doc=doc + "; accepted for files of the original",
        entry="KEY VALUE",
        entry_doc="accepted",
        ignored=True,
    )


AREA: Final = FileSchema(
    name="megatest.config",
    doc="the area: fields of the target, where tests run, limits, launchers",
    sections=(
        Section(
            name="fields",
            doc="the fields of a target, in order; at least one",
            entry="NAME TYPE",
            entry_doc="a field (letters, digits and `_`, at most 63) and its column type: TEXT, INTEGER, "
            "REAL or NUMERIC; TEXT without a type",
        ),
        _SETUP,
        Section(
            name="disks",
            doc="where run directories are made; the one with most free space is taken; without it, "
            "`runs` in the area; a run ends at once if none is there and can be written, but waits for room",
            entry="NAME PATH",
            entry_doc="an existing directory; `~` is expanded, a relative path is relative to the area",
        ),
        Section(
            name="tests-paths",
            doc="more directories that hold tests, searched in order before `tests` of the area",
            entry="NAME PATH",
            entry_doc="a directory; `~` is expanded, a relative path is relative to the area",
        ),
        Section(
            name="env-override",
            doc="variables for tests and for the rest of the file; values pass through the shell's echo",
            entry="NAME VALUE",
            entry_doc="a variable",
        ),
        _JOBTOOLS,
        Section(
            name="jobgroups",
            doc="limits of groups of tests (`[test_meta] jobgroup`)",
            entry="GROUP N",
            entry_doc="most tests of the group that run at once, over all runs",
        ),
        Section(
            name="pools",
            doc="counted resources that tests take a number of (`[requirements] POOL N`)",
            entry="POOL N",
            entry_doc="how many there are; or `units NAME...`: what each is called, which a test that "
            "takes some is told in `MT_POOL_` and the pool's name",
        ),
        Section(
            name="launchers",
            doc="which host type starts which tests, with `[jobtools] flexi-launcher`; the first "
            "match counts",
            entry="PATTERN HOSTTYPE",
            entry_doc="a test pattern and a name of `[host-types]`; a line with another name is passed over, "
            "with a warning",
        ),
        Section(
            name="host-types",
            doc="launchers by name, for `[launchers]`",
            entry="NAME COMMAND",
            entry_doc="a launcher line, or `executor:NAME` for an executor",
        ),
        Section(
            name="hosts",
            doc="hosts that run tests over ssh; other lines are data for `#{get hosts ...}`",
            entry="HOST slots N [DIR]",
            entry_doc="how many tests at once (`4` is short for `slots 4`), and a work directory "
            "on a host that does not share the directories of runs",
        ),
        EXECUTOR,
        _VALIDVALUES,
        _RUNS,
        Section(
            name="triggers",
            doc="commands that run when any test reaches a state or status",
            entry="STATE/STATUS COMMAND",
            entry_doc="`STATE/STATUS`, `STATE/` or `/STATUS`",
        ),
        Section(
            name="testrollup",
            doc="commands whose output replaces the summary page of a test's items",
            entry="TEST COMMAND",
            entry_doc="a test and a command",
        ),
        _accepted("server", "the original's server"),
        _accepted("client", "the original's server"),
        _accepted("sync", "the original's server"),
        _accepted("ext-sync", "the original's database copies"),
        _accepted("dashboard", "the original's dashboard"),
        _accepted("graph", "the original's dashboard"),
        _accepted("flavors", "data for `#{get}`"),
        _accepted("archive", "archiving"),
        _accepted("archive-disks", "archiving"),
        _accepted("areas", "runs over several areas"),
        _accepted("contours", "runs over several areas"),
        _accepted("listeners", "runs over several areas"),
        _accepted("default", "values before the first section"),
    ),
)

RUNCONFIGS: Final = FileSchema(
    name="runconfigs.config",
    doc="variables of runs: those of every target, then those of one",
    sections=(
        Section(
            name="default",
            doc="variables of every run",
            settings=(
                Setting(
                    key="TESTPATT",
                    kind=Kind.TEXT,
                    doc="the tests that a run selects if it is given no pattern",
                ),
            ),
            entry="NAME VALUE",
            entry_doc="a variable; inside tests the value passes through the shell's echo",
        ),
    ),
)
