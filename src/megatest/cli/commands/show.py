"""``megatest show`` and ``megatest steps``."""

from __future__ import annotations

import glob
import os

from megatest.app import logs
from megatest.app.look import settle_on_look
from megatest.app.query import one_run, one_test, view, with_counts
from megatest.app.session import open_area
from megatest.app.wiring import open_records
from megatest.cli.declare import AREA, JSON, RUN, argument, command
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.model.rundir import SCRIPT
from megatest.model.spec import TestMeta
from megatest.reports import listing
from megatest.reports.detail import Detail, detail_json, detail_lines, step_rows
from megatest.reports.table import columns

_TAIL_LINES = 12


@command("show", argument("test"), JSON, *RUN, *AREA)
def show_command(test: str, as_json: bool, target: str, runname: str, area: str, config_name: str) -> None:
    """Show everything recorded about TEST, or TEST/ITEM, of a run."""
    detail = _detail(test, target, runname, area, config_name)
    if as_json:
        echo(listing.dumps(detail_json(detail)))
    else:
        echo("\n".join(detail_lines(detail)))


@command("steps", argument("test"), JSON, *RUN, *AREA)
def steps_command(test: str, as_json: bool, target: str, runname: str, area: str, config_name: str) -> None:
    """List the steps of TEST, or TEST/ITEM."""
    detail = _detail(test, target, runname, area, config_name)
    if as_json:
        echo(listing.dumps([listing.step_json(s) for s in detail.steps]))
        return
    rows = [("STEP", "RESULT", "TIME", "LOG", "COMMENT"), *step_rows(detail.steps)]
    echo("\n".join(columns(rows)) if len(rows) > 1 else "no steps")


def _detail(name: str, target: str, runname: str, area: str, config_name: str) -> Detail:
    session = open_area(area_request(area, config_name))
    records = open_records(session, read_only=True)
    run = one_run(records, session, target, runname)
    note = settle_on_look(session, records, run)
    record = one_test(records, run, name)
    seen = view(records, run, record)
    log = logs.log_of(record, seen.steps) if record.attempt and record.shortdir else ""
    script = os.path.join(record.shortdir, SCRIPT) if record.shortdir else ""
    text = logs.text_of(log)
    return Detail(
        run=with_counts(records, [run])[0],
        test=record,
        steps=seen.steps,
        values=seen.values,
        edits=seen.edits,
        items=seen.items,
        log_path=text,
        log_tail=logs.tail(text, _TAIL_LINES) if text else (),
        script=script if os.path.isfile(script) else "",
        earlier=_earlier_attempts(record.shortdir, str(record.test_id), run.runname),
        attempts=records.attempts(record.id),
        note=note,
        meta=records.meta().get(record.test_id.test, TestMeta()),
    )


def _earlier_attempts(run_dir: str, test: str, runname: str) -> tuple[str, ...]:
    """Return the directories of earlier attempts that were kept aside."""
    head, found, _ = run_dir.rpartition(f"/{runname}/")
    if not found:
        return ()
    return tuple(sorted(glob.glob(f"{glob.escape(f'{head}/{runname}/.attempts/{test}')}.[0-9]*")))
