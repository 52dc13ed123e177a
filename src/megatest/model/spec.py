"""What the user's files ask for: the area, its tests, and what one test requires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from megatest.model.error import Diagnostic, Location, Severity
from megatest.model.job import Resources
from megatest.model.slotted import dataclass, field

NO_COMMENT: Final = "there are no comments behind a value; a comment is a line of its own"
"""The hint about a value with a ``#`` in it."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


def _nothing() -> Mapping[str, str]:
    """Return the one empty mapping; dataclasses refuse it as a plain default."""
    return _NOTHING


@dataclass(frozen=True, slots=True)
class Variable:
    """One assignment, in the order in which the files make it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the target: a column of the runs table.

    `sql_type` is one of the known column types (``TEXT`` unless the file says otherwise).
    """

    name: str
    sql_type: str = "TEXT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A place for run directories."""

    name: str
    path: str
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A command that runs when a test reaches a state or status; an empty part matches any."""

    state: str
    status: str
    command: str
    location: Location | None = None


class Mode(StrEnum):
    """What of its prerequisites a test waits for."""

    NORMAL = "normal"  # the whole upstream test ended well
    TOPLEVEL = "toplevel"  # it ended, however
    ITEMMATCH = "itemmatch"  # the item of it that matches mine ended well
    EXCLUSIVE = "exclusive"  # and no other of my name runs, in any run


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMap:
    """Rewrites my item path into the upstream's: lines of (regular expression, replacement).

    `upstream` is a test-name pattern; ``%`` for the map of ``[requirements]``.
    """

    upstream: str
    lines: tuple[tuple[str, str], ...]
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiton:
    """One prerequisite, by test name, with the place that names it (word, not line)."""

    test: str
    location: Location | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolWish:
    """How much of a pool a test takes, with the place of the number in its file."""

    name: str
    amount: int
    location: Location | None = None
    source: str | None = None
    length: int = 1

    def finding(self, test: str, size: int) -> Diagnostic:
        """Return the finding that a pool of this size can never serve it."""
        return Diagnostic(
            severity=Severity.ERROR,
            message=f"test {test!r} can never start: {too_many(self.name, self.amount, size)}",
            location=self.location,
            source=self.source,
            length=self.length,
            hint=f"ask for {size} at most, or enlarge the pool in [pools]"
            if size
            else "enlarge it in [pools]",
        )


def pool_variable(pool: str) -> str:
    """Return the name of the variable that tells a test which units of a pool it has."""
    return f"MT_POOL_{re.sub('[^A-Za-z0-9_]', '_', pool).upper()}"


def too_many(pool: str, amount: int, size: int) -> str:
    """Return why a test that asks for more of a pool than there is can never start."""
    return f"it asks for {amount} of pool {pool!r}, which has {size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of ``[ezsteps]``.

    Attributes:
        name: the step.
        command: the shell line, without the parameter block.
        parameters: the ``{name=value;...}`` block before the command; ``subrun=true`` keeps the test's
            ``MT_...`` variables from it.
        logpro: text of the rules that ``[logpro]`` has for it; None without.
    """

    name: str
    command: str
    parameters: Mapping[str, str] = field(default_factory=_nothing)
    logpro: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemVariable:
    """One line of ``[items]`` or ``[itemstable]``: a variable, its values, and where they stand."""

    name: str
    values: tuple[str, ...]
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """``[requirements]`` of a test."""

    waitons: tuple[Waiton, ...] = ()
    modes: frozenset[Mode] = frozenset()
    itemmaps: tuple[ItemMap, ...] = ()
    priority: float = 0
    priority_given: bool = False
    run_limit_s: float | None = None
    retries: int = 0
    resources: Resources = Resources()
    pools: tuple[PoolWish, ...] = ()

    @property
    def item_match(self) -> bool:
        """Whether items wait for the matching item only."""
        return Mode.ITEMMATCH in self.modes

    @property
    def toplevel(self) -> bool:
        """Whether it is enough that a prerequisite ended."""
        return Mode.TOPLEVEL in self.modes

    @property
    def exclusive(self) -> bool:
        """Whether only one of this test or item may run, over all runs."""
        return Mode.EXCLUSIVE in self.modes


@dataclass(frozen=True, slots=True, kw_only=True)
class TestMeta:
    """``[test_meta]``: what the files say about a test for people."""

    author: str = ""
    owner: str = ""
    description: str = ""
    reviewed: str = ""
    tags: tuple[str, ...] = ()
    jobgroup: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """``[skip]``: when not to run; the first key of the file that is present counts."""

    prevrunning: bool = False
    fileexists: str = ""
    rundelay_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSpec:
    """One test as its testconfig describes it.

    Attributes:
        name: the directory's name.
        directory: absolute path of the source directory.
        config_file: the testconfig.
        runscript: `[setup] runscript`; empty without.
        steps: ``[ezsteps]`` in order.
        items: ``[items]``, the product; None when there is no such section.
        itemstable: ``[itemstable]``, the table; None when there is no such section.
        items_need_upstream: what the item lists say came from a command or a file, so a
            prerequisite may still change it; expand only when the prerequisites are met.
        depends_on_items: the file uses helpers, so its steps and settings must be read again
            with the item's variables set.
        requirements: see there.
        meta: see there.
        disks: overrides the area's disks when not empty.
        environment: ``[pre-launch-env-vars]``, as expanded.
        launch_environment: ``[pre-launch-env-overrides]``: of the process that is launched.
        skip: see there.
        triggers: in the file's order.
        subrun: ``[subrun]`` as given; empty without.
        resolved: every section with its expanded values, for the job script and ``config show``.  What a
            failure is judged by (`retry-on`, ``[waivers]``) is read from the script, with or without a plan.
    """

    name: str
    directory: str
    config_file: str
    runscript: str = ""
    steps: tuple[Step, ...] = ()
    items: tuple[ItemVariable, ...] | None = None
    itemstable: tuple[ItemVariable, ...] | None = None
    items_need_upstream: bool = False
    depends_on_items: bool = False
    requirements: Requirements = Requirements()
    meta: TestMeta = TestMeta()
    disks: tuple[Disk, ...] = ()
    environment: tuple[Variable, ...] = ()
    launch_environment: tuple[Variable, ...] = ()
    skip: Skip = Skip()
    triggers: tuple[Trigger, ...] = ()
    subrun: Mapping[str, str] = field(default_factory=_nothing)
    resolved: Mapping[str, tuple[Variable, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSlots:
    """One ssh host of ``[hosts]``.

    Attributes:
        name: as ssh knows it.
        slots: how many tests it takes at once.
        directory: where run directories are copied to over there; empty for a host that has ours.
    """

    name: str
    slots: int
    directory: str = ""


USUALLY_HIDDEN: Final = (
    "USER",
    "HOME",
    "DISPLAY",
    "LS_COLORS",
    "XKEYSYMDB",
    "EDITOR",
    "MAKEFLAGS",
    "MAKEF",
    "MAKEOVERRIDES",
)
"""Variables that a file of an environment comments out: they are the user's, or of one call of make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """``megatest.config``, typed.

    Attributes:
        home: absolute path of the area.
        config_file: the file it came from.
        name: `[setup] area-name` or the directory's name.
        fields: of the target, in order; never empty.
        linktree: absolute path of the link tree.
        disks: ``[disks]``; empty means the run area (``HOME/runs``).
        tests_paths: absolute directories that hold tests, in search order; ends with HOME/tests.
        min_space_kib: a disk must have more free space than this.
        free_space_script: prints the free KiB of its argument; empty means ask the kernel.
        test_copy_command: `testcopycmd` with its tokens; empty means our own copying.
        max_concurrent_jobs: limit over all runs; None where the file does not say.
        jobgroups: ``[jobgroups]``: limit per group.
        pools: ``[pools]``: named counted resources.
        pool_units: names of the units of those pools that have any.
        launch_delay_s: least time between launches.
        run_limit_s: default `runtimelim`; None without.
        dead_time_s: `deadtime`: how long an unknown launcher's job may be silent.
        kill_grace_s: between TERM and KILL.
        keep_attempts: how many earlier attempts' directories are kept.
        script_exit_table: a runscript's exit code is read by the table of log rules.
        env_override: ``[env-override]`` as expanded.
        exported: variables that reading the file set in the environment (fields, overrides,
            bare keys, `setenv`); name -> value, None for unset.
        launcher: `[jobtools] launcher`; empty without.
        executor: `[jobtools] executor`, the name of one; empty without.
        use_shell: `[jobtools] useshell`.
        max_load: `[jobtools] maxload` per processor; None without.
        flexi_launcher: whether `launchers` and `host_types` count.
        launchers: ``[launchers]``: (pattern, host type) in order.
        host_types: ``[host-types]``: name -> command.
        hosts: ``[hosts]`` that are ssh hosts with slots.
        executors: ``[executor NAME]`` sections: NAME -> key -> value.
        default_target: `[setup] target`; empty without.
        valid_states, valid_statuses: ``[validvalues]``; empty without.
        clean_rerun_states, clean_rerun_statuses: for ``-rerun-clean``.
        auto_rerun: `allow-auto-rerun`: STATE or STATE/STATUS that run again.
        hidden_variables: names left out of megatest.sh and megatest.csh.
        run_pre_hook, run_post_hook: ``[runs]`` commands; empty without.
        triggers: ``[triggers]``.
        testrollup: ``[testrollup]`` TEST -> command.
        resolved: every section with its expanded values.
    """

    home: str
    config_file: str
    name: str
    fields: tuple[Field, ...]
    linktree: str
    disks: tuple[Disk, ...] = ()
    tests_paths: tuple[str, ...] = ()
    min_space_kib: int = 10000
    free_space_script: str = ""
    test_copy_command: str = ""
    max_concurrent_jobs: int | None = None
    jobgroups: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    pool_units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    launch_delay_s: float = 0
    run_limit_s: float | None = None
    dead_time_s: float = 7200
    kill_grace_s: float = 5
    keep_attempts: int = 2
    script_exit_table: bool = False
    env_override: tuple[Variable, ...] = ()
    exported: Mapping[str, str | None] = field(default_factory=dict)
    launcher: str = ""
    executor: str = ""
    use_shell: bool = True
    max_load: float | None = None
    flexi_launcher: bool = False
    launchers: tuple[tuple[str, str], ...] = ()
    host_types: Mapping[str, str] = field(default_factory=_nothing)
    hosts: tuple[HostSlots, ...] = ()
    executors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    default_target: str = ""
    valid_states: tuple[str, ...] = ()
    valid_statuses: tuple[str, ...] = ()
    clean_rerun_states: tuple[str, ...] = (
        "KILLREQ",
        "KILLED",
        "UNKNOWN",
        "INCOMPLETE",
        "STUCK",
        "NOT_STARTED",
    )
    clean_rerun_statuses: tuple[str, ...] = (
        "FAIL",
        "INCOMPLETE",
        "ABORT",
        "CHECK",
        "DEAD",
        "PREQ_FAIL",
        "PREQ_DISCARDED",
    )
    auto_rerun: tuple[str, ...] = ()
    hidden_variables: tuple[str, ...] = USUALLY_HIDDEN
    run_pre_hook: str = ""
    run_post_hook: str = ""
    triggers: tuple[Trigger, ...] = ()
    testrollup: Mapping[str, str] = field(default_factory=_nothing)
    resolved: Mapping[str, tuple[Variable, ...]] = field(default_factory=dict)

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(f.name for f in self.fields)
