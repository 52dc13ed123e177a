"""Laws of the reader: any bytes, any includes, the same twice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatest.app.inspect import tables_of
from megatest.config.area import load_area
from megatest.config.entry import Document
from megatest.config.kind import Kind, problem_with
from megatest.config.line import classify
from megatest.config.reader import read
from megatest.config.request import Commands, Request
from megatest.config.runconfig import load_runconfig
from megatest.config.source import ParseCache, parse
from megatest.config.testconfig import Purpose, load_test
from megatest.config.units import format_duration, parse_seconds
from megatest.model.ids import Target
from megatest.reports.settings import FORMATS, render

# Pieces of the language, so that random text often means something.
PIECES = st.sampled_from(
    [
        "[", "]", "[a]", "[a%]", "[/a(/]", "[fields]", "[include b]", "[include f]", "[include ",
        "[scriptinc ./x y]", "[system x]", "[configf:settings trim-trailing-spaces yes]", "[setup]",
        "[requirements]", "[items]", "[disks]", "[ezsteps]", "[triggers]", "[default]", "[env-override]",
        "waiton", "mode", "max_concurrent_jobs", "#{getenv A}", "#{getenv B}", "#{get a k}", "#{get ",
        "#{shell x}", "#{scheme (+ 1 2)}", "#{scheme (", "#{", "}", "#", "\\", "\n", "\r\n", "\r",
        "\t", " ", "  ", "k", "A", "v1 v2", "~/x", "0", "-1", "/", "..", "=", "\ufeff", "\0", "é", "\u2028",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join).map(str.encode)
BYTES = st.one_of(st.binary(max_size=300), TEXTS)


@pytest.fixture(scope="module")
def area() -> Iterator[Path]:
    """One directory for all examples: each writes its files anew."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def _request(area: Path, **more: object) -> Request:
    env = {"A": "#{getenv B}", "B": "val ue", "HOME": "/h"}
    return Request(
        cwd=str(area),
        home=str(area),
        env=env,
        cache=ParseCache(),
        commands=Commands.FORBID,
        target=Target(("u", "v")),
        target_section="u/v",
        restricted=bool(more.get("restricted")),
    )


def _read(area: Path, main: bytes, other: bytes, **more: object) -> tuple[Document, dict[str, str]]:
    (area / "f").write_bytes(main)
    (area / "b").write_bytes(other)
    request = _request(area, **more)
    return read(str(area / "f"), request), request.env


@settings(max_examples=300)
@given(main=BYTES, other=BYTES, restricted=st.booleans())
def test_any_bytes_are_read_without_an_exception(
    area: Path, main: bytes, other: bytes, restricted: bool
) -> None:
    document, env = _read(area, main, other, restricted=restricted)
    for finding in document.findings:
        assert finding.render()
    for entries in document.sections.values():
        for key, entry in entries.items():
            assert entry.key == key
            assert entry.location.line >= 1
            assert entry.finding(document.findings[0].severity, "x") if document.findings else True
    assert all("=" not in name and "\0" not in name for name in env)


@settings(max_examples=150)
@given(main=BYTES, other=BYTES)
def test_reading_twice_gives_the_same(area: Path, main: bytes, other: bytes) -> None:
    first, first_env = _read(area, main, other)
    second, second_env = _read(area, main, other)
    assert tables_of(first) == tables_of(second)
    assert (first.findings, first.headers, first.exported) == (
        second.findings,
        second.headers,
        second.exported,
    )
    assert first_env == second_env


@settings(max_examples=150)
@given(main=BYTES, other=BYTES, form=st.sampled_from(FORMATS), origins=st.booleans())
def test_whatever_was_read_can_be_shown(
    area: Path, main: bytes, other: bytes, form: str, origins: bool
) -> None:
    document, _ = _read(area, main, other)
    assert isinstance(render(tables_of(document), form, origins=origins), str)


@settings(max_examples=200)
@given(config=BYTES, runconfigs=BYTES, testconfig=BYTES, other=BYTES)
def test_any_bytes_make_typed_values_and_findings(
    area: Path, config: bytes, runconfigs: bytes, testconfig: bytes, other: bytes
) -> None:
    config, runconfigs, other = (_harmless(text) for text in (config, runconfigs, other))
    (area / "megatest.config").write_bytes(config)
    (area / "runconfigs.config").write_bytes(runconfigs)
    (area / "b").write_bytes(other)
    (area / "t").mkdir(exist_ok=True)
    (area / "t" / "testconfig").write_bytes(testconfig)
    env = {"HOME": "/h"}
    cache = ParseCache()
    loaded = load_area(str(area), env=env, cache=cache)
    runconfig = load_runconfig(loaded.value, Target(("u", "v")), env=env, cache=cache)
    test = load_test(
        loaded.value,
        "t",
        str(area / "t"),
        env=env,
        cache=cache,
        runconfig=runconfig.value,
        purpose=Purpose.META,
    )
    for finding in (*loaded.findings, *runconfig.findings, *test.findings):
        assert finding.render()


def _harmless(text: bytes) -> bytes:
    """Take out of a file that may run commands what runs them."""
    for word in (b"[system", b"[scriptinc", b"#{s", b"[env-override]"):
        text = text.replace(word, b"")
    return text


@settings(max_examples=60)
@given(edges=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_includes_in_any_shape_end_and_every_ring_is_found(area: Path, edges: list[tuple[int, int]]) -> None:
    """Files include each other at random; a ring that can be reached is an error, and nothing else is."""
    follows: dict[int, list[int]] = {number: [] for number in range(8)}
    for start, end in dict.fromkeys(edges):
        follows[start].append(end)
    for number, ends in follows.items():
        (area / f"r{number}").write_text("".join(f"[include r{end}]\n" for end in ends) + f"k{number} v\n")
    document = read(str(area / "r0"), _request(area))
    assert bool(document.findings) == _has_ring(follows)
    assert "k0" in document.sections["default"]


def _has_ring(follows: dict[int, list[int]]) -> bool:
    """Tell whether a ring can be reached from 0, by walking all paths."""
    paths: list[tuple[int, ...]] = [(0,)]
    while paths:
        path = paths.pop()
        for end in follows[path[-1]]:
            if end in path:
                return True
            paths.append((*path, end))
    return False


@given(text=st.text(max_size=80))
def test_every_text_has_a_shape_whose_parts_are_in_it(text: str) -> None:
    kind, first, second, offset = classify(text)
    assert first in text
    assert second in text
    assert 0 <= offset <= len(text)
    assert kind in type(kind)


@given(data=BYTES)
def test_every_place_of_a_line_is_in_the_file(data: bytes) -> None:
    physical = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    count = physical.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for line in parse(data, "f", "/").lines:
        for offset in range(len(line.text) + 1):
            place = line.place("f", offset)
            assert 1 <= place.line <= count
            assert place.column <= len(line.physical(offset)) + 1


@given(text=st.text(max_size=30), kind=st.sampled_from(Kind))
def test_every_text_is_of_a_kind_or_not(text: str, kind: Kind) -> None:
    problem = problem_with(kind, text)
    assert problem is None or problem.hint


@given(seconds=st.integers(0, 10**7))
def test_a_duration_is_read_back(seconds: int) -> None:
    assert parse_seconds(format_duration(seconds).replace("hr", "h")) == seconds
