"""The original's upkeep of an area's records: -mark-incompletes, -rebuild-db, -cleanup-db."""

from __future__ import annotations

from megatest.app import wiring
from megatest.app.look import settle_on_look
from megatest.app.query import RunFilter, find_runs
from megatest.cli.classic_call import Call
from megatest.model.status import ACTIVE
from megatest.reports.verdict import word


def mark_incompletes(call: Call) -> int:
    """-mark-incompletes: settle what ended or died while no engine looked after it, and say how."""
    target = call.target("-mark-incompletes", partly=True)
    which = RunFilter(target=target, runname=call.line.value("runname"))
    records = call.records_if_any
    if records is None:
        return 0
    for run in find_runs(records, call.session.area.field_names, which):
        under_way = [test.id for test in records.tests(run.id, states=ACTIVE) if not test.is_parent]
        if note := settle_on_look(call.session, records, run):
            call.warn(f"{run.name}: {note}")
        for row in under_way:
            test = records.test_by_id(row)
            if test is not None and test.state not in ACTIVE:
                why = f": {test.comment}" if test.comment else ""
                print(f"{run.name}/{test.test_id} {word(test.state, test.status)}{why}")
    return 0


def rebuild_db(call: Call) -> int:
    """-rebuild-db: bring the schema of the area's database up to date; opening it for writing does so."""
    wiring.open_records(call.session).close()
    print(f"{call.session.database} is up to date")
    return 0


def cleanup_db(call: Call) -> int:
    """-cleanup-db: take out rows of tests and runs that do not exist, and give their room back."""
    from megatest.store.tidy import tidy

    wiring.open_records(call.session).close()  # an older schema is brought up to date first
    session = call.session
    gone = tidy(session.database, network=wiring.on_network(session.area.home))
    rows = "1 row" if gone == 1 else f"{gone} rows"
    taken = f"{rows} that belonged to no test or run taken out" if gone else "nothing to take out"
    print(f"{session.database}: {taken}, free room given back")
    return 0
