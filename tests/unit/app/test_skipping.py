"""``[skip]``: the first key of the file that is present decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from megatest.app.skipping import why_skip
from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.model.spec import Skip, TestSpec

NOW = 10_000.0
THIS_RUN = 7


def record(
    state: str, status: str = "n/a", *, run_id: int = 1, ended_s_ago: float = 0, took_s: float = 0
) -> TestRecord:
    return TestRecord(
        id=1,
        run_id=run_id,
        test_id=TestId("t"),
        state=state,
        status=status,
        event_time=int(NOW - ended_s_ago),
        run_duration_s=took_s,
    )


def why(skip: Skip, *records: TestRecord, directory: str = "/nowhere") -> str:
    def history(_test_id: TestId) -> Sequence[TestRecord]:
        return records

    spec = TestSpec(name="t", directory=directory, config_file="c", skip=skip)
    return why_skip(spec, TestId("t"), run_id=THIS_RUN, history=history, now=NOW)


def test_without_the_section_nothing_is_skipped() -> None:
    assert why(Skip(), record("RUNNING")) == ""


def test_prevrunning_skips_what_runs_in_another_run_only() -> None:
    skip = Skip(prevrunning=True)
    for state in ("LAUNCHED", "REMOTEHOSTSTART", "RUNNING", "KILLREQ"):
        assert why(skip, record(state)) == f"[skip] it is {state} in another run"
    assert why(skip, record("RUNNING", run_id=THIS_RUN)) == ""
    assert why(skip, record("COMPLETED", "PASS"), record("NOT_STARTED")) == ""


def test_fileexists_is_seen_from_the_tests_own_directory(tmp_path: Path) -> None:
    skip = Skip(fileexists="flag")
    assert why(skip, directory=str(tmp_path)) == ""
    (tmp_path / "flag").touch()
    assert why(skip, directory=str(tmp_path)) == f"[skip] fileexists: {tmp_path}/flag exists"
    assert "exists" in why(Skip(fileexists=str(tmp_path / "flag")))


def test_rundelay_counts_from_the_start_of_the_last_attempt_that_says_something() -> None:
    skip = Skip(rundelay_s=100)
    assert why(skip) == ""
    assert "it ran 60 s ago, which is less than 100 s" in why(
        skip, record("COMPLETED", "PASS", ended_s_ago=50, took_s=10)
    )
    assert why(skip, record("COMPLETED", "PASS", ended_s_ago=50, took_s=60)) == ""
    assert "60 s ago" in why(skip, record("COMPLETED", "ABORT", ended_s_ago=60))
    for status in ("SKIP", "WAIVED", "n/a"):
        assert why(skip, record("COMPLETED", status, ended_s_ago=1)) == ""


def test_rundelay_also_skips_what_runs_now() -> None:
    assert why(Skip(rundelay_s=100), record("RUNNING")) == "[skip] it is RUNNING in another run"


def test_only_the_first_key_counts(tmp_path: Path) -> None:
    assert why(Skip(prevrunning=True, fileexists=str(tmp_path)), record("COMPLETED", "PASS")) == ""
