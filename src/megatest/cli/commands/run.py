"""``megatest run``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from megatest.app.planning import Selected, dry_run, select_tests
from megatest.app.request import RunRequest
from megatest.cli.declare import AREA, RUN, Misuse, Value, command, flag, option, rest
from megatest.cli.main import EXIT_INTERRUPTED, print_error
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.cli.stream import go_on_without_output
from megatest.model.error import Diagnostic
from megatest.model.spec import Variable

if TYPE_CHECKING:
    from megatest.app.run import RunReport
    from megatest.cli.live import PlainWatcher
    from megatest.engine.outcome import Outcome

_BAD_STATUSES = ("FAIL", "ABORT", "KILLED", "STUCK/DEAD", "DEAD", "PREQ_FAIL", "ZERO_ITEMS", "n/a")


@command(
    "run",
    rest("patterns", "[PATTERN]...", Value.PATTERN),
    option(
        "-j --jobs",
        "",
        "Tests of this run at once. [default: the area's limit]",
        value=Value.COUNT,
        default=None,
    ),
    option("--rerun", "A,B", "Run again what has one of these statuses, e.g. FAIL,WARN.", default=None),
    flag("--rerun-all", "Run everything again."),
    flag("--rerun-clean", "Run again what failed, was killed or did not end."),
    flag("--failed", "Run again what is bad: short for --rerun FAIL,ABORT,KILLED ..."),
    flag("--force", "Run whatever the records say, and wait for no prerequisite."),
    flag("--keep-going", "Run failed and killed tests of this run again."),
    flag("--preclean", "Remove what earlier attempts left, do not keep it aside."),
    flag("--dry-run", "Print what would run, in order, and why; do nothing."),
    option("--executor", "NAME", "Where tests run. [default: the area's choice]"),
    option("--env", "K=V", "Set a variable in every test.", default=None, many=True),
    option("--modepatt", "KEY", "Take PATTERN from this run variable.", name="mode"),
    option("--tags", "EXPR", "Only tests with a matching tag."),
    option("-m --message", "TEXT", "Comment of the run."),
    flag("-q --quiet", "Print only what is not good."),
    *RUN,
    *AREA,
)
def run_command(
    patterns: Sequence[str],
    jobs: int | None,
    rerun: str | None,
    rerun_all: bool,
    rerun_clean: bool,
    failed: bool,
    force: bool,
    keep_going: bool,
    preclean: bool,
    dry_run: bool,
    executor: str,
    env: Sequence[str],
    mode: str,
    tags: str,
    message: str,
    quiet: bool,
    target: str,
    runname: str,
    area: str,
    config_name: str,
) -> int:
    """Run the tests that match PATTERN (default: TESTPATT of runconfigs, else all) and what they need.

    A PATTERN is a test, TEST/ITEM, or has wildcards: 'compile/%', '~slow%'.  Good results of the same run
    still count: a second call runs only what it must.  Ctrl-C once: start nothing more and wait; twice: kill.

    Exit status: 0 all good, 1 some not, 2 wrong use or configuration, 3 the machine, 130 interrupted.
    """
    listed = _BAD_STATUSES if failed else _words(rerun)
    request = RunRequest(
        area=area_request(area, config_name),
        target=target,
        runname=runname,
        pattern=",".join(patterns),
        tags=tags,
        mode_key=mode,
        rerun=listed,
        force=force,
        keepgoing=keep_going,
        rerun_all=rerun_all,
        rerun_clean=rerun_clean,
        preclean=preclean,
        jobs=jobs,
        executor=executor,
        variables=tuple(_variable(pair) for pair in env),
        comment=message,
    )
    if dry_run:
        return _print_plan(request)
    return _run(request, quiet=quiet)


def _words(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(word for word in text.split(",") if word)


def _variable(pair: str) -> Variable:
    name, equals, value = pair.partition("=")
    if not equals or not name.isidentifier():
        raise Misuse(f"{pair!r} is not NAME=VALUE", "--env")
    return Variable(name, value)


def _print_plan(request: RunRequest) -> int:
    job = select_tests(request)
    _warn(job, request)
    planned, plan = dry_run(job)
    if not planned:
        echo("nothing to run")
    for line in planned:
        echo(f"{line.test_id}: {line.reason}")
    told = {line.test_id for line in planned}
    for test_id in plan.waiting():
        if test_id not in told:
            echo(f"{test_id}: " + "; ".join(plan.why(test_id)))
    return 0


def _run(request: RunRequest, *, quiet: bool) -> int:
    # What executes is as much as what plans, and a dry run has no use for it.
    from megatest.app.run import run_tests
    from megatest.engine.interrupt import Interrupts

    go_on_without_output()
    job = select_tests(request)
    _warn(job, request)
    watcher = _watcher(quiet=quiet)
    with Interrupts() as interrupts:
        try:
            report = run_tests(job, watcher=watcher, interrupts=interrupts)
        finally:
            watcher.close()
    _print_summary(report, watcher)
    return _exit_status(report)


def _watcher(*, quiet: bool) -> PlainWatcher:
    from megatest.cli.live import PlainWatcher, TerminalWatcher

    if sys.stdout.isatty():
        import shutil

        return TerminalWatcher(
            sys.stdout,
            columns=shutil.get_terminal_size().columns,
            colour="NO_COLOR" not in os.environ,
            quiet=quiet,
        )
    return PlainWatcher(sys.stdout, quiet=quiet)


def _warn(job: Selected, request: RunRequest) -> None:
    """Print warnings about the files, and about statuses of --rerun that mean nothing here."""
    print_warnings(job.findings)
    if request.rerun and request.rerun is not _BAD_STATUSES:
        from megatest.cli.words import warn_of_statuses  # few lines name any

        warn_of_statuses(job.session.area, request.rerun)


def print_warnings(findings: Sequence[Diagnostic]) -> None:
    """Print warnings about the files, each once."""
    for text in dict.fromkeys(finding.render() for finding in findings):
        print_error(text)


def _print_summary(report: RunReport, watcher: PlainWatcher) -> None:
    outcome = report.outcome
    if not watcher.tally.results:
        echo(f"Run {report.run.name}: {_without_results(outcome)}")
    else:
        echo(f"Run {report.run.name}: {watcher.tally.summary()}")
    if outcome.running or outcome.waiting:
        echo(f"left: {outcome.running} running, {outcome.waiting} waiting; run the same command to go on")


def _without_results(outcome: Outcome) -> str:
    """Return what there is to say of a run of this command in which nothing ended."""
    from megatest.engine.interrupt import Level

    if outcome.interrupted is not Level.NONE or outcome.running or outcome.waiting:
        return "nothing has ended"
    if outcome.unrunnable:
        return "nothing to run"
    return "nothing to do, every result still counts"


def _exit_status(report: RunReport) -> int:
    from megatest.engine.interrupt import Level

    outcome = report.outcome
    if outcome.interrupted is not Level.NONE:
        return EXIT_INTERRUPTED
    return 1 if outcome.bad or outcome.unrunnable else 0
