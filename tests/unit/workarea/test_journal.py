from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from megatest.model.attempt import (
    Ended,
    Entry,
    LogSaid,
    Revoked,
    Started,
    StatusSaid,
    StepSaid,
    ValueSaid,
)
from megatest.workarea.codec import decode, encode
from megatest.workarea.journal import LONGEST_LINE, journal_path, read_journal, revoke

ONE_OF_EACH: tuple[Entry, ...] = (
    Started(
        attempt=2,
        pid=4711,
        pid_started=99,
        boot_id="b",
        host="h",
        uptime_s=1.5,
        uname="Linux",
        cpuload=0.25,
        time=7,
    ),
    Revoked(attempt=2),
    StepSaid(step="a b", state="end", status="0", comment='say "hi" \\ \n', log="a.log", uptime_s=2.5),
    StatusSaid(state="COMPLETED", status="PASS", comment="größer", uptime_s=3.0),
    LogSaid(log="x.html", top=True, uptime_s=3.25),
    ValueSaid(
        category="c",
        variable="v",
        value="1.5",
        expected="2",
        tol="<",
        units="V",
        comment="c",
        status="pass",
        type="t",
    ),
    Ended(code=3, step="a", uptime_s=4.0),
)


@pytest.fixture
def run_dir(tmp_path: Path) -> str:
    (tmp_path / ".megatest").mkdir()
    return str(tmp_path)


def write(run_dir: str, content: bytes) -> None:
    Path(journal_path(run_dir)).write_bytes(content)


@pytest.mark.parametrize("entry", ONE_OF_EACH, ids=lambda entry: type(entry).__name__)
def test_every_kind_of_record_comes_back_as_it_was(entry: Entry) -> None:
    line = encode(entry)

    assert line.startswith(b'{"k":"')
    assert line.count(b"\n") == 1
    assert isinstance(json.loads(line), dict)
    assert decode(line.rstrip(b"\n")) == entry


def test_the_opening_records_carry_the_version_of_the_format() -> None:
    assert json.loads(encode(Started(attempt=1, pid=2)))["v"] == 1
    assert json.loads(encode(Revoked(attempt=1)))["v"] == 1


def test_fields_at_their_default_are_not_written() -> None:
    assert encode(Ended(code=0)) == b'{"k":"exit","code":0}\n'


def test_kinds_and_fields_of_a_newer_writer_are_passed_over(run_dir: str) -> None:
    write(run_dir, b'{"k":"weather","sun":1}\n{"k":"exit","code":0,"mood":"good"}\n')

    part = read_journal(run_dir)

    assert part.entries == (Ended(code=0),)
    assert part.torn == 0


def test_there_is_no_journal_before_the_attempt_begins(run_dir: str) -> None:
    assert read_journal(run_dir, 5).exists is False
    assert read_journal(f"{run_dir}/nowhere").exists is False


def test_an_empty_journal_is_that_of_an_attempt_that_has_begun(run_dir: str) -> None:
    write(run_dir, b"")

    assert read_journal(run_dir).exists is True
    assert revoke(run_dir, 1) is False


def test_a_torn_last_line_waits_for_its_rest(run_dir: str) -> None:
    whole = encode(StatusSaid(state="COMPLETED", status="PASS"))
    write(run_dir, whole + b'{"k":"ex')

    first = read_journal(run_dir)
    write(run_dir, whole + encode(Ended(code=0)))
    second = read_journal(run_dir, first.offset)

    assert first.entries == (StatusSaid(state="COMPLETED", status="PASS"),)
    assert (first.offset, first.torn) == (len(whole), 0)
    assert second.entries == (Ended(code=0),)


def test_a_record_behind_a_torn_one_on_its_line_is_recovered(run_dir: str) -> None:
    write(run_dir, b'{"k":"status","state":"COMPL' + encode(Ended(code=4)))

    part = read_journal(run_dir)

    assert part.entries == (Ended(code=4),)
    assert part.torn == 1


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b'{"code":0,"k":"exit"}',
        b'{"k":"exit"}',
        b'{"k":"exit","code":"0"}',
        b'{"k":"exit","code":true}',
        b'{"k":"exit","code":1e400}',
        b'{"k":"exit","code":99999999999999999999}',
        b'{"k":"exit","code":0,"up":NaN}',
        b'{"k":"exit","code":0} and more',
        b'{"k":"a","k":[]' + b"}",
        b'{"k":"exit","code":0,"x":' + b"[" * 100_000,
        b'{"k":"' * 50_000,
        b"\xff\xfe\x00",
    ],
    ids=lambda line: repr(line[:24]),
)
def test_foreign_text_is_counted_and_passed_over(run_dir: str, line: bytes) -> None:
    write(run_dir, line + b"\n" + encode(Ended(code=1)))

    part = read_journal(run_dir)

    assert part.entries == (Ended(code=1),)
    assert part.torn == (0 if line.startswith(b'{"k":"a"') else 1)


def test_a_line_without_end_is_skipped_in_bounded_memory(run_dir: str) -> None:
    with open(journal_path(run_dir), "wb") as journal:
        journal.truncate(200 * LONGEST_LINE)
        journal.seek(0, os.SEEK_END)
        journal.write(encode(Ended(code=1)))

    part = read_journal(run_dir)

    assert part.entries == (Ended(code=1),)
    assert part.torn == 1


def test_an_overlong_line_that_still_grows_is_not_read_twice(run_dir: str) -> None:
    write(run_dir, b"x" * (3 * LONGEST_LINE))

    part = read_journal(run_dir)

    assert part.entries == ()
    assert part.torn == 1
    assert part.offset > 2 * LONGEST_LINE


def test_what_no_database_takes_comes_out_in_plain_characters(run_dir: str) -> None:
    write(run_dir, b'{"k":"log","log":"a\xff\\u0000\\ud800z"}\n')

    assert read_journal(run_dir).entries == (LogSaid(log="a\\udcff\\x00\\ud800z"),)


def test_bytes_of_a_name_that_is_not_unicode_stay_readable() -> None:
    line = encode(LogSaid(log=os.fsdecode(b"a\xffz")))

    assert decode(line.rstrip()) == LogSaid(log="a\\xffz")


def test_a_journal_that_became_shorter_is_read_from_its_beginning(run_dir: str) -> None:
    write(run_dir, encode(Ended(code=1)))

    assert read_journal(run_dir, 9999).entries == (Ended(code=1),)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/etc/passwd", path)])
def test_what_is_no_file_is_not_read(run_dir: str, make: object) -> None:
    assert callable(make)
    make(journal_path(run_dir))

    part = read_journal(run_dir)

    assert (part.entries, part.torn, part.exists) == ((), 1, True)


def test_what_the_file_system_does_not_let_be_read_is_trouble_and_no_crash(tmp_path: Path) -> None:
    too_long = str(tmp_path / ("d" * 300))

    part = read_journal(too_long, 7)

    assert part.trouble == f"cannot read {too_long}/.megatest/journal: File name too long"
    assert (part.entries, part.offset, part.exists) == ((), 7, True)
    assert revoke(too_long, 1) is False


def test_an_attempt_that_has_not_begun_can_be_revoked_again_and_again(run_dir: str) -> None:
    assert revoke(run_dir, 2) is True
    assert revoke(run_dir, 2) is True
    assert read_journal(run_dir).entries == (Revoked(attempt=2),)
    assert os.listdir(f"{run_dir}/.megatest") == ["journal"]


def test_an_attempt_that_has_begun_cannot_be_revoked(run_dir: str) -> None:
    write(run_dir, encode(Started(attempt=2, pid=1)))

    assert revoke(run_dir, 2) is False
    assert read_journal(run_dir).entries == (Started(attempt=2, pid=1),)


def test_an_attempt_without_a_directory_can_never_begin(tmp_path: Path) -> None:
    assert revoke(str(tmp_path / "gone"), 1) is True
