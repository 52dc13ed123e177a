"""How a modern command line is taken and how it ends, whoever reads it."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from area_kit import BIN, AreaKit, suite


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> AreaKit:
    """An area with one run, which tests only look at."""
    kit = suite(tmp_path_factory.mktemp("line") / "area")
    kit.good("run", "ok", "-t", "ubuntu/nfs", "-n", "w1", "-q")
    return kit


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--sort", "size"], "invalid value for '--sort': 'size' is not one of"),
        (["list", "a", "b"], "got unexpected extra argument (b)"),
        (["list", "--no-such"], "no such option"),
        (["run", "-j", "0"], "invalid value for '-j' / '--jobs'"),
        (["run", "--env", "A"], "invalid value for --env: 'A' is not NAME=VALUE"),
        (["show"], "missing argument 'TEST'"),
        (["set", "ok"], "missing option '--reason'"),
        (["lst"], "there is no command 'lst'; did you mean 'list'?"),
        (["wait", "--timeout", "soon"], "invalid value for '--timeout': 'soon' is not a valid number from 0"),
        (["config", "put"], "no such command 'put'"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_usage(area: AreaKit, words: list[str], said: str) -> None:
    done = area.megatest(*words)
    assert done.code == 2, done.said
    assert said in done.err
    assert done.err.startswith("error: ")
    assert "hint: usage: megatest" in done.err


def test_the_package_runs_as_a_module_too() -> None:
    words = [str(BIN / "python"), "-m", "megatest", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("megatest ")


def test_a_line_means_the_same_in_any_of_its_spellings(area: AreaKit) -> None:
    whole = area.good("list", "ok", "--runname", "w1", "--target", "ubuntu/nfs")
    assert "PASS" in whole
    for words in (
        ("list", "-n", "w1", "-t", "ubuntu/nfs", "ok"),
        ("list", "-nw1", "-tubuntu/nfs", "ok"),
        ("list", "--runname=w1", "--target=ubuntu/nfs", "--", "ok"),
    ):
        assert area.good(*words) == whole


def test_a_shell_is_told_how_a_word_may_go_on(area: AreaKit) -> None:
    asked = {"_MEGATEST_COMPLETE": "bash_complete", "COMP_WORDS": "megatest list --s", "COMP_CWORD": "2"}
    assert area.megatest("list", more=asked).out.split() == [
        "plain,--state",
        "plain,--status",
        "plain,--sort",
    ]


def test_a_reader_that_goes_away_ends_a_listing_without_a_word(area: AreaKit) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [str(BIN / "megatest"), "list"],
            cwd=area.home,
            env=area.environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_control_sequences_in_a_comment_reach_no_file(area: AreaKit) -> None:
    area.good("set", "ok", "--comment", "\x1b[31mred\x1b[0m", "--reason", "to see it")
    assert "\x1b" not in area.good("show", "ok")
    assert "\x1b" not in area.good("list")


def test_a_stream_that_knows_only_ascii_still_gets_all_of_a_text(area: AreaKit) -> None:
    area.good("set", "ok", "--comment", "größer", "--reason", "to see it")
    done = subprocess.run(
        [str(BIN / "megatest"), "list"],
        cwd=area.home,
        env=area.environment({"PYTHONIOENCODING": "ascii"}),
        capture_output=True,
        check=True,
    )
    assert "größer".encode() in done.stdout


def test_removal_at_a_terminal_is_asked_about_and_a_no_leaves_everything(tmp_path: Path) -> None:
    kit = suite(tmp_path / "area")
    kit.good("run", "ok", "-t", "ubuntu/nfs", "-n", "w1", "-q")
    ours, its = pty.openpty()
    os.write(ours, b"n\n")
    try:
        done = subprocess.run(
            [str(BIN / "megatest"), "rm", "ok"],
            cwd=kit.home,
            env=kit.environment(),
            stdin=its,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(its)
        os.close(ours)
    assert done.returncode == 130
    assert "Remove directories and records of 1 test" in done.stderr
    assert "PASS" in kit.good("list", "ok")
