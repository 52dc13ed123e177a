"""The original's questions: runs, targets, disks, values, paths."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

from megatest.app.inspect import (
    one_section,
    one_value,
    sections_of_runconfigs,
    values_of_area,
    values_of_runconfigs,
)
from megatest.app.look import settle_on_look
from megatest.app.measurements import find_measurements
from megatest.app.query import RunFilter, find_runs, find_tests, with_counts
from megatest.cli.classic_call import Call
from megatest.model.pattern import parse_words
from megatest.model.record import RunRecord, TestRecord
from megatest.reports import classic
from megatest.reports.listing import dumps
from megatest.reports.settings import Tables, render
from megatest.reports.sexpr import sexpr
from megatest.reports.times import Time, time_of_run, times_csv, times_json, times_of_tests, times_text
from megatest.reports.values import Measurement, values_csv


def list_runs(call: Call) -> int:
    """-list-runs PATT: the runs of a name, with their tests."""
    mode = call.mode("text", "json", "sexpr", default="text")
    fields = call.session.area.field_names
    listing = classic.parse_listing(fields, call.line.value("fields"), call.line.value("sort"))
    which = RunFilter(target=call.target("-list-runs", partly=True), runname=call.line.value("list-runs"))
    records = call.records_if_any
    if records is None:
        return 0
    runs, tests = find_runs(records, fields, which), call.tests()
    for run in runs:
        if note := settle_on_look(call.session, records, run):
            call.warn(f"{run.name}: {note}")
    found = [(run, find_tests(records, run, tests)) for run in with_counts(records, runs)]
    if mode == "json":
        call.write(classic.list_runs_json(found, listing))
    elif mode == "sexpr":
        call.write(classic.list_runs_sexpr(found, listing))
    else:
        call.write("\n".join(classic.list_runs(found, listing, lambda test: records.steps(test.id))))
    return 0


def testdata_csv(call: Call) -> int:
    """-testdata-csv [CATEGORY/]VAR: what tests measured."""
    target = call.target("-testdata-csv", partly=True)
    which = RunFilter(target=target, runname=call.line.value("runname"))
    records = call.records_if_any
    found: list[Measurement] = []
    if records is not None:
        runs = find_runs(records, call.session.area.field_names, which)
        variable = call.line.value("testdata-csv")
        found = find_measurements(records, runs, tests=call.pattern(), variable=variable)
    call.write(values_csv(found))
    return 0


def list_run_time(call: Call) -> int:
    """-list-run-time: how long runs took, from the first begin to the last end of their tests."""
    which = RunFilter(target=call.line.value("target-patt"), runname=call.line.value("run-patt"))
    times = (time_of_run(run, tests, edited) for run, tests, edited in _found(call, which))
    return _write_times(call, [time for time in times if time is not None])


def list_test_time(call: Call) -> int:
    """-list-test-time: how long each test took, the longest of each run first."""
    target = call.target("-list-test-time", partly=True)
    found = _found(call, RunFilter(target=target, runname=call.line.value("runname")))
    return _write_times(call, [t for run, tests, edited in found for t in times_of_tests(run, tests, edited)])


def _found(call: Call, which: RunFilter) -> Iterator[tuple[RunRecord, list[TestRecord], set[int]]]:
    """Yield runs with the tests that are meant, and the rows that somebody changed by hand."""
    records = call.records_if_any
    if records is not None:
        for run in find_runs(records, call.session.area.field_names, which):
            tests = find_tests(records, run, call.tests())
            yield run, tests, {test.id for test in tests if records.edits(test.id)}


def _write_times(call: Call, times: Sequence[Time]) -> int:
    render = {"text": times_text, "json": times_json, "csv": times_csv}
    call.write(render[call.mode(*render, default="text")](times))
    return 0


def list_db_targets(call: Call) -> int:
    """-list-db-targets: the targets for which there are runs."""
    which = RunFilter(target=call.target("-list-db-targets", partly=True), runname=call.line.value("runname"))
    records = call.records_if_any
    runs = [] if records is None else find_runs(records, call.session.area.field_names, which)
    return _write_targets(call, sorted({str(run.target) for run in runs}))


def list_targets(call: Call) -> int:
    """-list-targets: the sections of runconfigs, those that -target matches."""
    wanted = call.target("-list-targets", partly=True)
    patterns = [parse_words(part) for part in wanted.split("/")] if wanted else []

    def matches(section: str) -> bool:
        parts = section.split("/")
        same = len(parts) == len(patterns)
        return not patterns or (
            same and all(p.matches(part) for p, part in zip(patterns, parts, strict=True))
        )

    return _write_targets(call, [s for s in sections_of_runconfigs(call.session) if matches(s)])


def _write_targets(call: Call, targets: Sequence[str]) -> int:
    mode = call.mode("text", "json", "sexpr", default="text")
    if mode == "json":
        call.write(dumps({"targets": targets}))
    elif mode == "sexpr":
        call.write(sexpr(targets))
    else:
        call.write("\n".join(targets))
    return 0


def list_disks(call: Call) -> int:
    """-list-disks: ``name => path`` lines."""
    disks = call.session.area.disks
    call.write("\n".join(f"{disk.name} => {disk.path}" for disk in disks))
    return 0


def show_keys(call: Call) -> int:
    """-showkeys: the fields of the target."""
    call.write(f"Keys: {', '.join(call.session.area.field_names)}")
    return 0


def show_config(call: Call) -> int:
    """-show-config: the area's file, resolved."""
    tables = values_of_area(call.request, call.target("-show-config", partly=True))
    return _show(call, tables, default="sexpr", fallback="")


def show_runconfig(call: Call) -> int:
    """-show-runconfig: runconfigs, resolved for the target if there is one."""
    tables = values_of_runconfigs(call.request, call.target("-show-runconfig", partly=True))
    return _show(call, tables, default="ini", fallback="default")


def _show(call: Call, tables: Tables, *, default: str, fallback: str) -> int:
    mode = call.mode("json", "sexpr", "ini", default=default)
    section, var = call.line.value("section"), call.line.value("var")
    if var:
        call.write(one_value(tables, section or fallback, var, fallback=fallback).value)
        return 0
    call.write(render(one_section(tables, section) if section else tables, mode.removesuffix("r")))
    return 0


def get_run_status(call: Call) -> int:
    """-get-run-status: the status of the first run that matches."""
    call.write(call.first_run("-get-run-status").status)
    return 0


def test_paths(call: Call) -> int:
    """-test-paths: run directories, the one that changed last at the end."""
    call.write("\n".join(test.rundir for test in _placed(call, "-test-paths")))
    return 0


def test_files(call: Call) -> int:
    """-test-files GLOB: matching files of run directories."""
    pattern = call.line.value("test-files")
    paths = [
        path
        for test in _placed(call, "-test-files")
        for path in sorted(glob.glob(os.path.join(glob.escape(test.rundir), pattern)))
    ]
    call.write("\n".join(paths))
    return 0


def _placed(call: Call, action: str) -> list[TestRecord]:
    """Return the tests that are meant and have a run directory."""
    tests = [
        test
        for run in _runs_or_own(call, action)
        for test in find_tests(call.records, run, call.tests())
        if test.rundir.startswith("/") and not test.is_parent
    ]
    return sorted(tests, key=lambda test: (test.event_time, test.id))


def _runs_or_own(call: Call, action: str) -> list[RunRecord]:
    """Return the runs that are named; inside a test its own run if none is."""
    own = call.own_run()
    if own is not None and not call.line.has("runname"):
        return [own]
    return call.runs(action)
