"""The original's changes: removal, states by hand, locks, new areas and tests; and waiting."""

from __future__ import annotations

import sys

from megatest.app import wiring
from megatest.app.attend import Desk
from megatest.app.beside import ring_for
from megatest.app.create import make_area, make_test
from megatest.app.edit import LOCKED, set_lock, set_run, set_tests
from megatest.app.kill import kill_tests, wait_for
from megatest.app.query import RunFilter, TestFilter, find_runs
from megatest.app.removal import RemoveOrder, RemoveReport
from megatest.app.remove import remove_tests
from megatest.app.retention import Retention, age_s, expired
from megatest.app.runjournal import open_run_log
from megatest.cli.classic_call import FAILED, Call
from megatest.cli.live import PlainWatcher
from megatest.cli.main import print_error
from megatest.config.kind import integer
from megatest.model.error import UserError
from megatest.model.pattern import parse_pattern
from megatest.model.record import RunRecord
from megatest.model.status import State
from megatest.reports.classic import old_runs

_PRINT = "print"
_REMOVE = "remove-runs"
_ACTIONS_ON_OLD_RUNS = (_PRINT, _REMOVE)


def remove_runs(call: Call) -> int:
    """-remove-runs: directories and records of tests, then runs without tests."""
    runs = _unlocked_runs(call, "-remove-runs")
    order = RemoveOrder(
        which=call.tests("-remove-runs"),
        keep_records=call.line.has("keep-records"),
        author=call.author,
        reason=call.line.value("m") or "-remove-runs",
    )
    return _tell_removal(remove_tests(_desk(call), runs, order, _watcher()))


def _tell_removal(report: RemoveReport) -> int:
    for gone in report.gone:
        print(f"removed {gone.name}")
    for kept in report.kept:
        print_error(f"warning: {kept.name} stays: {kept.reason}")
    return FAILED if report.kept else 0


def remove_keep(call: Call) -> int:
    """-remove-keep N: print all but the newest N runs of each target; -actions remove-runs removes them."""
    actions = call.line.words("actions") or (_PRINT,)
    for action in actions:
        if action not in _ACTIONS_ON_OLD_RUNS:
            known = ", ".join(_ACTIONS_ON_OLD_RUNS)
            raise UserError(f"-actions {action!r} is not known here", hint=f"known: {known}")
    retention = Retention(newest=_whole_number(call, "remove-keep"), younger_than_s=_age_s(call))
    target = call.target("-remove-keep", partly=True)
    which = RunFilter(target=target, runname=call.line.value("runname"))
    if call.records_if_any is None:
        return 0
    every = find_runs(call.records_if_any, call.session.area.field_names, which)
    runs = expired(every, retention, wiring.SystemClock().now())
    if _PRINT in actions:
        call.write("\n".join(old_runs(runs)))
    if _REMOVE not in actions:
        return 0
    order = RemoveOrder(
        which=call.tests(),
        keep_records=call.line.has("keep-records"),
        only_idle=True,
        author=call.author,
        reason=call.line.value("m") or "-remove-keep",
    )
    return _tell_removal(remove_tests(_desk(call), runs, order, _watcher()))


def _whole_number(call: Call, option: str) -> int:
    number = integer(call.line.value(option))
    if number is None:
        raise UserError(f"-{option} {call.line.value(option)!r} is no whole number", hint="give digits only")
    return number


def _age_s(call: Call) -> float:
    """Return what -age says, in seconds."""
    if not call.line.has("age"):
        return 0
    found = age_s(call.line.value("age"))
    if found is None:
        hint = "write words like 30d, 12h, 10m"
        raise UserError(f"-age {call.line.value('age')!r} is no time", hint=hint)
    return found


def set_state_status(call: Call) -> int:
    """-set-state-status STATE,STATUS: both by hand; KILLREQ ends what runs."""
    action = "-set-state-status"
    words = call.line.words("set-state-status")
    if len(words) < 2:
        raise UserError(
            f"{action} needs a state and a status, not {call.line.value('set-state-status')!r}",
            hint=f"for example: {action} NOT_STARTED,n/a",
        )
    runs, which = _unlocked_runs(call, action), call.tests(action)
    for run in runs:
        if words[0] == State.KILLREQ:
            _kill(call, run, which)
        else:
            _set(call, run, which, words)
    return 0


def _unlocked_runs(call: Call, action: str) -> list[RunRecord]:
    """Return the runs that the line means, but for locked ones: these have no tests for changes."""
    runs = call.runs(action)
    for run in runs:
        if run.state == LOCKED:
            print_error(f"warning: run {run.name} is locked: {action} changes nothing of it (see -unlock)")
    return [run for run in runs if run.state != LOCKED]


def _kill(call: Call, run: RunRecord, which: TestFilter) -> None:
    report = kill_tests(
        _desk(call),
        run,
        which,
        reason=call.line.value("m") or "-set-state-status KILLREQ",
        author=call.author,
        watcher=_watcher(),
        wait=False,
    )
    if not report.asked:
        print_error(f"nothing that matches is under way in run {run.name}")


def _set(call: Call, run: RunRecord, which: TestFilter, words: tuple[str, ...]) -> None:
    comment = call.line.value("m") if call.line.has("m") else None
    changed = set_tests(
        call.records,
        run,
        which,
        state=words[0],
        status=words[1],
        comment=comment,
        reason=comment or "-set-state-status",
        author=call.author,
        log=open_run_log(call.session, run),
    )
    ring_for(call.session, run, changed, wiring.SystemClock())


def set_run_status(call: Call) -> int:
    """-set-run-status STATUS: of the first run that matches; -m sets its comment."""
    run = call.first_run("-set-run-status")
    comment = call.line.value("m") if call.line.has("m") else None
    set_run(call.session, call.records, run, status=call.line.value("set-run-status"), comment=comment)
    return 0


def lock(call: Call) -> int:
    """-lock: protect runs from removal and changes by hand."""
    call.first_run("-lock")
    set_lock(call.session, call.records, call.runs("-lock"), locked=True, author=call.author)
    return 0


def unlock(call: Call) -> int:
    """-unlock: take the protection away, of each run for which standard input says y."""
    call.first_run("-unlock")
    for run in call.runs("-unlock"):
        if run.state != LOCKED:
            continue
        print(f"unlock run {run.name}? y/n ", end="", flush=True)
        if sys.stdin.readline().strip() == "y":
            set_lock(call.session, call.records, [run], locked=False, author=call.author)
        else:
            print_error(f"run {run.name} stays locked: the answer was not y")
    return 0


def run_wait(call: Call) -> int:
    """-run-wait: until nothing that matches is under way; a run of the same line has waited already."""
    if call.has_run:
        return 0
    runs, which = call.runs("-run-wait"), call.tests("-run-wait")
    for run in runs:
        wait_for(_desk(call), run, TestFilter(pattern=which.pattern), states=which.states, timeout_s=None)
    return 0


def summarize_items(call: Call) -> int:
    """-summarize-items: the pages about items, also while some still run; inside a test its own."""
    from megatest.app.pages import make_pages  # with all that the engine's surroundings bring

    own = call.own_test
    run = call.own_run() if own else None
    pattern = parse_pattern(own or call.pattern() or "%")
    for each in call.runs("-summarize-items") if run is None else [run]:
        pages = make_pages(call.session, call.records, each)
        for parent in call.records.tests(each.id, lambda test: test.is_parent):
            name = parent.test_id.test
            if pattern.matches(name, "") and (path := pages.write(name, at_once=True)):
                print(path)
        pages.close()
    return 0


def update_meta(call: Call) -> int:
    """-update-meta: what the files say about tests for people."""
    from megatest.app.meta import read_meta, record_meta  # reads every test's file

    metas, wrong = read_meta(call.session)
    record_meta(call.records, metas)
    for finding in wrong:
        print_error(finding.render())
    return FAILED if wrong else 0


def create_area(call: Call) -> int:
    """-create-megatest-area: an area here."""
    for path in make_area(call.request.start, call.author.user):
        print(path)
    return 0


def create_test(call: Call) -> int:
    """-create-test NAME: a test in the area."""
    for path in make_test(call.session, call.line.value("create-test"), call.author.user):
        print(path)
    return 0


def _desk(call: Call) -> Desk:
    return Desk(session=call.session, records=call.records, clock=wiring.SystemClock())


def _watcher() -> PlainWatcher:
    return PlainWatcher(sys.stdout)
