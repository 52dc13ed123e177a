from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

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
from megatest.workarea.journal import journal_path, read_journal
from megatest.workarea.line import record_line

# What a shell variable and a database column can both hold.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
seconds = st.floats(min_value=0, max_value=1e9)
whole = st.integers(min_value=-(2**62), max_value=2**62)

entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(
        Started, attempt=whole, pid=whole, boot_id=texts, host=texts, uptime_s=seconds, cpuload=seconds
    ),
    st.builds(Revoked, attempt=whole),
    st.builds(StepSaid, step=texts, state=texts, status=texts, comment=texts, log=texts, uptime_s=seconds),
    st.builds(StatusSaid, state=texts, status=texts, comment=texts, uptime_s=seconds),
    st.builds(LogSaid, log=texts, top=st.booleans(), uptime_s=seconds),
    st.builds(ValueSaid, category=texts, value=texts, expected=texts, tol=texts, units=texts),
    st.builds(Ended, code=whole, step=texts, uptime_s=seconds),
)

junk = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"\n", b'{"k":"', b'{"k":"exit",', b'"}', b"}\n", b"\\", b'{"k":"exit","code":1}']),
)


@contextmanager
def a_journal(content: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as run_dir:
        Path(run_dir, ".megatest").mkdir()
        Path(journal_path(run_dir)).write_bytes(content)
        yield run_dir


@given(entries)
def test_a_record_comes_back_as_it_was(entry: Entry) -> None:
    assert decode(encode(entry)[:-1]) == entry


@given(st.text())
def test_any_text_makes_one_line_of_json(text: str) -> None:
    line = record_line("log", [("log", text)])

    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    assert isinstance(decode(line[:-1]), LogSaid)


@given(st.lists(junk).map(b"".join))
def test_reading_never_fails_whatever_the_bytes(content: bytes) -> None:
    with a_journal(content) as run_dir:
        part = read_journal(run_dir)

    assert part.offset == content.rfind(b"\n") + 1


@given(st.lists(entries), st.data())
def test_reading_in_two_parts_is_reading_at_once(said: list[Entry], data: st.DataObject) -> None:
    content = b"".join(map(encode, said))
    cut = data.draw(st.integers(0, len(content)))
    with a_journal(content[:cut]) as run_dir:
        first = read_journal(run_dir)
        Path(journal_path(run_dir)).write_bytes(content)
        second = read_journal(run_dir, first.offset)

    assert [*first.entries, *second.entries] == said
    assert first.torn == second.torn == 0


@given(st.lists(entries, min_size=1), entries, st.data())
def test_one_record_cut_short_loses_no_other(said: list[Entry], victim: Entry, data: st.DataObject) -> None:
    torn = encode(victim)[:-1]
    cut = data.draw(st.integers(1, len(torn) - 1))
    with a_journal(torn[:cut] + b"".join(map(encode, said))) as run_dir:
        part = read_journal(run_dir)

    assert part.entries == tuple(said)
    assert part.torn == 1


@given(
    st.binary(max_size=40).filter(lambda junk: b"\n" not in junk and junk.strip() != b""), st.lists(entries)
)
def test_foreign_lines_hide_no_record(foreign: bytes, said: list[Entry]) -> None:
    content = b"".join(foreign + b"\n" + encode(entry) for entry in said)
    with a_journal(content) as run_dir:
        part = read_journal(run_dir)

    assert [entry for entry in part.entries if entry in said] == said
