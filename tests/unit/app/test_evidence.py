"""What a run directory tells about a failure."""

from __future__ import annotations

import os
from pathlib import Path

from megatest.app.evidence import gather, read_end
from megatest.engine.ports import Failure
from megatest.model.attempt import Ended, Entry, StepSaid
from megatest.model.ids import TestId


def failure(
    run_dir: Path,
    *,
    code: int | None = 1,
    step: str = "",
    said: str = "",
    state: str = "COMPLETED",
    comment: str = "",
) -> Failure:
    return Failure(
        row=1,
        test_id=TestId("t"),
        attempt=1,
        run_dir=str(run_dir),
        state=state,
        status="FAIL",
        comment=comment,
        said=said,
        ended=None if code is None else Ended(code=code, step=step),
    )


def text(given: Failure, *entries: Entry) -> str:
    return gather(given, entries, area="/area").signature.text


def end(step: str, status: str, comment: str = "", log: str = "") -> StepSaid:
    return StepSaid(step=step, state="end", status=status, comment=comment, log=log)


def test_a_script_without_steps_is_known_by_its_exit_and_its_output(tmp_path: Path) -> None:
    (tmp_path / "mt_launch.log").write_text(f"fine\nerror: {tmp_path}/x.17 is bad\nbye\n")
    assert text(failure(tmp_path, code=4)) == "FAIL: exit 4\nerror: <run>/x.N is bad"


def test_the_step_that_decided_is_named_with_its_own_log(tmp_path: Path) -> None:
    (tmp_path / "mt_launch.log").write_text("error: not this\n")
    (tmp_path / "build.log").write_text("error: this\n")
    got = text(failure(tmp_path, code=2, step="build"), end("setup", "1"), end("build", "2", "", "build.log"))
    assert got == "FAIL: step build: exit 2\nerror: this"


def test_a_rules_message_is_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "build.log").write_text("oops 1\n")
    got = text(failure(tmp_path, step="build"), end("build", "1", "FAIL: No oops 17", "build.html"))
    assert got == "FAIL: step build: exit 1\nFAIL: No oops N\noops N"


def test_a_step_that_a_script_reported_counts_if_it_is_bad(tmp_path: Path) -> None:
    (tmp_path / "sim.txt").write_text("mismatch at 12\n")
    got = text(failure(tmp_path), end("ok", "0"), end("ok2", "PASS"), end("sim", "FAIL", "", "sim.txt"))
    assert got == "FAIL: step sim: FAIL\nmismatch at N"


def test_the_tests_own_word_stands_in_for_the_exit_code(tmp_path: Path) -> None:
    assert text(failure(tmp_path, code=0, said="3 of 9 wrong")) == "FAIL\nN of N wrong"


def test_a_kill_is_known_by_its_reason(tmp_path: Path) -> None:
    got = text(failure(tmp_path, code=None, state="KILLED", comment="ran longer than its limit of 30 s"))
    assert got == "killed\nran longer than its limit of N s"


def test_logs_outside_the_run_directory_pages_and_pipes_are_not_read(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (tmp_path / "secret").write_text("error: secret\n")
    (run_dir / "page.html").write_text("<b>error</b>")
    os.mkfifo(run_dir / "mt_launch.log")
    for log in ("../secret", "/etc/passwd", "page.html"):
        assert text(failure(run_dir), end("s", "1", "", log)) == "FAIL: step s: exit 1"
    assert text(failure(Path("/nowhere"))) == "FAIL: exit 1"


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100_000 + b"end")
    assert read_end(str(path), 5) == b"xxend"
    assert read_end(str(tmp_path), 5) is None
    assert read_end("a\0b", 5) is None
