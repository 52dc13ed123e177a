"""``megatest run``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

import click

from megatest.app.planning import dry_run, select_tests
from megatest.app.request import RunRequest
from megatest.app.run import RunReport, run_tests
from megatest.cli.live import PlainWatcher, TerminalWatcher, Watchers
from megatest.cli.main import print_error
from megatest.cli.modern import area_options, area_request, run_options
from megatest.engine.interrupt import Interrupts, Level
from megatest.model.error import Diagnostic
from megatest.model.spec import Variable

_INTERRUPTED = 130
_BAD_STATUSES = ("FAIL", "ABORT", "KILLED", "STUCK/DEAD", "DEAD", "PREQ_FAIL", "ZERO_ITEMS", "n/a")


@click.command("run")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Tests at once. [default: the area's limit]")
@click.option("--rerun", metavar="A,B", help="Run again what has one of these statuses, e.g. FAIL,WARN.")
@click.option("--rerun-all", is_flag=True, help="Run everything again.")
@click.option("--rerun-clean", is_flag=True, help="Run again what failed, was killed or did not end.")
@click.option("--failed", is_flag=True, help="Run again what is bad: short for --rerun FAIL,ABORT,KILLED ...")
@click.option("--force", is_flag=True, help="Run whatever the records say, and wait for no prerequisite.")
@click.option("--keep-going", is_flag=True, help="Run failed and killed tests of this run again.")
@click.option("--preclean", is_flag=True, help="Remove what earlier attempts left, do not keep it aside.")
@click.option("--dry-run", is_flag=True, help="Print what would run, in order, and why; do nothing.")
@click.option("--executor", default="", metavar="NAME", help="Where tests run. [default: the area's choice]")
@click.option("--env", "env", multiple=True, metavar="K=V", help="Set a variable in every test.")
@click.option("--modepatt", "mode", default="", metavar="KEY", help="Take PATTERN from this run variable.")
@click.option("--tags", default="", metavar="EXPR", help="Only tests with a matching tag.")
@click.option("-m", "--message", default="", metavar="TEXT", help="Comment of the run.")
@click.option("-q", "--quiet", is_flag=True, help="Print only what is not good.")
@run_options
@area_options
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
        raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--env")
    return Variable(name, value)


def _print_plan(request: RunRequest) -> int:
    job = select_tests(request)
    print_warnings(job.findings)
    planned, plan = dry_run(job)
    if not planned:
        click.echo("nothing to run")
    for line in planned:
        click.echo(f"{line.test_id}: {line.reason}")
    told = {line.test_id for line in planned}
    for test_id in plan.waiting():
        if test_id not in told:
            click.echo(f"{test_id}: " + "; ".join(plan.why(test_id)))
    return 0


def _run(request: RunRequest, *, quiet: bool) -> int:
    job = select_tests(request)
    print_warnings(job.findings)
    watcher = _watcher(quiet=quiet)
    with Interrupts() as interrupts:
        try:
            report = run_tests(job, watcher=watcher, interrupts=interrupts)
        finally:
            watcher.close()
    _print_summary(report, watcher)
    return _exit_status(report)


def _watcher(*, quiet: bool) -> Watchers:
    if sys.stdout.isatty():
        return TerminalWatcher(
            sys.stdout,
            columns=shutil.get_terminal_size().columns,
            colour="NO_COLOR" not in os.environ,
            quiet=quiet,
        )
    return PlainWatcher(sys.stdout, quiet=quiet)


def print_warnings(findings: Sequence[Diagnostic]) -> None:
    """Print warnings about the files, each once."""
    for text in dict.fromkeys(finding.render() for finding in findings):
        print_error(text)


def _print_summary(report: RunReport, watcher: Watchers) -> None:
    outcome = report.outcome
    if not watcher.tally.results and not outcome.running:
        click.echo(f"Run {report.run.name}: nothing to do, every result still counts")
        return
    click.echo(f"Run {report.run.name}: {watcher.tally.summary()}")
    if outcome.running or outcome.waiting:
        click.echo(
            f"left: {outcome.running} running, {outcome.waiting} waiting; run the same command to go on"
        )


def _exit_status(report: RunReport) -> int:
    outcome = report.outcome
    if outcome.interrupted is not Level.NONE:
        return _INTERRUPTED
    return 1 if outcome.bad or outcome.unrunnable else 0
