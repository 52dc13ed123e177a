"""The original's command line, carried out by the functions of `megatest.app`.

Actions of one line are done in a fixed order, whatever theirs on the line, so that
``-set-state-status NOT_STARTED,n/a -run ...`` resets and then runs.  Exit statuses are the
original's where scripts may rely on them: a run ends with 0 even if tests fail, a missing
``-testpatt`` is 3; whatever else is wrong with a line is 2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from megatest import __version__
from megatest.cli.classic_call import FAILED, RUN_FAMILY, Call
from megatest.cli.grammar import help_text, parse
from megatest.cli.main import EXIT_INTERRUPTED, load, print_error, working_directory
from megatest.cli.options import OPTIONS, Kind
from megatest.cli.stream import go_on_without_output
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.slotted import dataclass

Action = Callable[[Call], int]
"""Does one thing; returns an exit status."""


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line of the original's options.

    Returns:
        The exit status: the first one of its actions that is not 0.

    Raises:
        MegatestError: something is wrong with the line, the area or the machine.
    """
    line = parse(arguments)
    if line.has("h"):
        print(help_text())
        return 0
    if line.has("version"):
        print(f"megatest {__version__}")
        return 0
    _refuse_missing(line.given)
    actions = [action for names, action in ORDER if any(line.has(name) for name in names)]
    if not actions:
        print(help_text())
        return 0
    _go_to(line.value("start-dir"))
    _redirect_messages(line.value("log"))
    if not all(action in _QUERIES for action in actions):
        go_on_without_output()
    return _do_all(actions, Call(line=line, start=working_directory(), environ=dict(os.environ)))


def _do_all(actions: Sequence[Action], call: Call) -> int:
    """Do the actions one after the other, also after one that could not do everything."""
    code = 0
    try:
        for action in actions:
            result = action(call)
            code = code or result
            if result == EXIT_INTERRUPTED:
                break
    finally:
        call.close()
    return code


def _refuse_missing(given: Mapping[str, str]) -> None:
    for name in given:
        option = OPTIONS.get(f"-{name}")
        if name == "value" and "show-cmdinfo" in given:
            continue
        if option is None and name not in ("state", "status", "runname"):
            raise UserError(f":{name} belongs to a measured value", hint="add -set-values, inside a test")
        if option is not None and option.kind is Kind.MISSING:
            instead = f"; what comes near it: megatest {option.modern}" if option.modern else ""
            raise UserError(f"-{name} is not in this program: {option.text}{instead}")


def _go_to(directory: str) -> None:
    if not directory:
        return
    try:
        os.chdir(directory)
    except OSError as error:
        raise UserError(f"-start-dir {directory}: {error.strerror}", exit_code=FAILED) from error


def _redirect_messages(path: str) -> None:
    """Let everything that is meant for people's eyes go to a file."""
    if not path:
        return
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise EnvironmentFault(f"-log {path}: {error.strerror}", exit_code=FAILED) from error
    sys.stderr.flush()
    os.dup2(file, sys.stderr.fileno())
    os.close(file)


def _run_tests(call: Call) -> int:
    """-run and its kin."""
    from megatest.app.planning import select_tests
    from megatest.app.run import run_tests
    from megatest.cli.live import ClassicWatcher
    from megatest.engine.interrupt import Interrupts, Level

    job = select_tests(call.run_request())
    if not call.quiet:
        for text in dict.fromkeys(finding.render() for finding in job.findings):
            print_error(text)
    area = job.session.area
    linktree = area.linktree.removeprefix(f"{area.home}/")
    watcher = ClassicWatcher(sys.stdout, directory=f"{linktree}/{job.session.target}/{job.runname}")
    with Interrupts() as interrupts:
        try:
            report = run_tests(job, watcher=watcher, interrupts=interrupts)
        finally:
            watcher.close()
    return 0 if report.outcome.interrupted is Level.NONE else EXIT_INTERRUPTED


def accept(_: Call) -> int:
    """An action that has no effect here."""
    return 0


@dataclass(frozen=True, slots=True)
class Later:
    """An action of a module that is loaded when it is needed: a line has one action, and most need little."""

    module: str
    name: str

    def __call__(self, call: Call) -> int:
        """Do it."""
        return self.load()(call)

    def load(self) -> Action:
        """Return the action itself."""
        action: Action = load(self.module, self.name)
        return action


def _query(name: str) -> Later:
    return Later("classic_query", name)


def _environment(name: str) -> Later:
    return Later("classic_environment", name)


def _change(name: str) -> Later:
    return Later("classic_change", name)


def _upkeep(name: str) -> Later:
    return Later("classic_upkeep", name)


ORDER: Final[tuple[tuple[tuple[str, ...], Action], ...]] = (
    (("clean-cache", "list-servers", "kill-servers", "server"), accept),
    (("env2file",), _environment("environment_files")),
    (("list-disks",), _query("list_disks")),
    (("envcap",), _environment("keep_environment")),
    (("envdelta",), _environment("environment_delta")),
    (("list-targets",), _query("list_targets")),
    (("show-runconfig",), _query("show_runconfig")),
    (("show-config",), _query("show_config")),
    (("show-cmdinfo",), _environment("show_command_info")),
    (("remove-runs",), _change("remove_runs")),
    (("remove-keep",), _change("remove_keep")),
    (("set-state-status",), _change("set_state_status")),
    (("set-run-status",), _change("set_run_status")),
    (("get-run-status",), _query("get_run_status")),
    (("testdata-csv",), _query("testdata_csv")),
    (("list-runs",), _query("list_runs")),
    (("list-db-targets",), _query("list_db_targets")),
    (("list-run-time",), _query("list_run_time")),
    (("list-test-time",), _query("list_test_time")),
    (RUN_FAMILY, _run_tests),
    (("rollup",), accept),
    (("lock",), _change("lock")),
    (("unlock",), _change("unlock")),
    (("test-files",), _query("test_files")),
    (("test-paths",), _query("test_paths")),
    (("summarize-items",), _change("summarize_items")),
    (("showkeys",), _query("show_keys")),
    (("create-megatest-area",), _change("create_area")),
    (("create-test",), _change("create_test")),
    (("rebuild-db",), _upkeep("rebuild_db")),
    (("cleanup-db",), _upkeep("cleanup_db")),
    (("mark-incompletes",), _upkeep("mark_incompletes")),
    (("update-meta",), _change("update_meta")),
    (("run-wait",), _change("run_wait")),
)
"""What each action does, in the order in which the actions of one line are done."""

_QUERIES: Final = frozenset(
    action for _, action in ORDER if isinstance(action, Later) and action.module == "classic_query"
)
"""What only tells, and has nothing to do where nobody can be told."""
