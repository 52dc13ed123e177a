"""What each command may load: start-up is paid by every call, so it is guarded by name, not by time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

_PROBE = """
import atexit, sys
report, sys.argv = sys.argv[1], ["megatest", *sys.argv[2:]]
atexit.register(lambda: open(report, "w").write(" ".join(sys.modules)))
from megatest.cli.start import main
sys.exit(main())
"""

_ENGINE = ("megatest.engine", "megatest.executors", "megatest.workarea", "megatest.plan")
_LANGUAGES = ("megatest.scheme", "megatest.logpro")
_POOLS = ("megatest.config.pools", "megatest.config.wishes", "megatest.model.claim")
_DEAR = (
    "asyncio",
    "click",
    "concurrent",
    "ctypes",
    "dataclasses",
    "decimal",
    "difflib",
    "fractions",
    "hashlib",
    "inspect",
    "ipaddress",
    "locale",
    "pathlib",
    "random",
    "shutil",
    "statistics",
    "subprocess",
    "tempfile",
    "threading",
    "tokenize",
    "traceback",
    "urllib",
)
"""Of the standard library and others: 1 to 40 ms each."""

_RARE = (
    "megatest.app.reviewer",
    "megatest.app.waivers",
    "megatest.cli.classic",
    "megatest.cli.spoken",
    "megatest.config.waivers",
    "megatest.model.signature",
    "megatest.reports.classic",
    "megatest.reports.items_page",
)
"""Of ours: what a run needs when something failed, is waived or has items, or speaks as the original did."""


def loaded(
    tmp_path: Path, arguments: Sequence[str], cwd: Path, environ: dict[str, str] | None = None
) -> set[str]:
    """Return the modules that a command line has loaded when it ends."""
    report = tmp_path / "modules"
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MT_")}
    subprocess.run(
        [sys.executable, "-c", _PROBE, str(report), *arguments],
        cwd=cwd,
        env={**outside, **(environ or {})},
        check=True,
        capture_output=True,
    )
    return set(report.read_text().split())


def rooms(modules: set[str], forbidden: Sequence[str]) -> set[str]:
    """Return those modules that are one of the forbidden packages or in one."""
    return {
        name
        for name in modules
        if name.startswith(tuple(f"{room}." for room in forbidden)) or name in forbidden
    }


@pytest.fixture
def area(tmp_path: Path) -> Path:
    """An area with one test that has run."""
    home = tmp_path / "area"
    test = home / "tests" / "one"
    test.mkdir(parents=True)
    (home / "megatest.config").write_text("[fields]\nplace TEXT\n[setup]\nlinktree links\ntarget here\n")
    (home / "runconfigs.config").write_text("[default]\n")
    (test / "testconfig").write_text("[setup]\nrunscript main.sh\n")
    (test / "main.sh").write_text("#!/bin/sh\nexit 0\n")
    (test / "main.sh").chmod(0o755)
    loaded(tmp_path, ["run", "-n", "first", "-q"], home)
    return home


def test_the_version_needs_nothing_but_itself(tmp_path: Path) -> None:
    ours = {m for m in loaded(tmp_path, ["--version"], tmp_path) if m.startswith("megatest")}
    assert ours == {"megatest", "megatest.cli", "megatest.cli.start"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--runs"],
        ["show", "one"],
        ["-list-runs", "%"],
        ["config", "get", "setup", "target"],
    ],
    ids=" ".join,
)
def test_what_looks_at_records_loads_neither_the_engine_nor_a_language(
    tmp_path: Path, area: Path, arguments: list[str]
) -> None:
    modules = loaded(tmp_path, arguments, area)
    assert rooms(modules, (*_ENGINE, *_LANGUAGES, *_DEAR, *_POOLS)) == set()


def test_a_run_of_an_area_without_pools_does_not_load_how_they_are_read(tmp_path: Path, area: Path) -> None:
    modules = loaded(tmp_path, ["run", "-n", "second", "-q"], area)
    assert "megatest.engine.loop" in modules
    assert rooms(modules, ("megatest.config.pools", "megatest.config.wishes")) == set()


def test_a_list_of_lines_does_not_load_what_writes_json(tmp_path: Path, area: Path) -> None:
    assert rooms(loaded(tmp_path, ["list"], area), ("json",)) == set()
    assert rooms(loaded(tmp_path, ["list", "--json"], area), (*_ENGINE, *_LANGUAGES, *_DEAR)) == set()


def test_checking_the_files_loads_no_record_and_nothing_that_runs(tmp_path: Path, area: Path) -> None:
    modules = loaded(tmp_path, ["check"], area)
    what_runs = set(_ENGINE) - {"megatest.plan"}  # cycles and items are looked for
    assert rooms(modules, (*what_runs, *_LANGUAGES, *_DEAR, "megatest.store", "sqlite3")) == set()


@pytest.mark.parametrize("arguments", [["run", "--dry-run", "-n", "second"], ["why", "one"]], ids=" ".join)
def test_planning_loads_nothing_that_executes(tmp_path: Path, area: Path, arguments: list[str]) -> None:
    executing = ("megatest.app.run", "megatest.engine.loop", "megatest.executors", "megatest.workarea")
    modules = loaded(tmp_path, arguments, area)
    assert rooms(modules, (*executing, *_LANGUAGES, *_DEAR, *_RARE)) == set()


@pytest.mark.parametrize(
    "run",
    [["run", "-n", "second"], ["-run", "-target", "here", "-testpatt", "%", "-runname", "second"]],
    ids=" ".join,
)
def test_a_run_that_goes_well_does_not_load_what_only_others_need(
    tmp_path: Path, area: Path, run: list[str]
) -> None:
    its_own = {"megatest.cli.classic", "megatest.reports.classic"} if run[0] == "-run" else set()
    modules = loaded(tmp_path, run, area)
    assert "megatest.engine.loop" in modules
    assert rooms(modules, (*_LANGUAGES, *_DEAR, *_RARE)) == its_own


def test_help_does_not_load_any_command(tmp_path: Path) -> None:
    modules = loaded(tmp_path, ["--help"], tmp_path)
    assert (
        rooms(modules, (*_ENGINE, *_LANGUAGES, "megatest.store", "megatest.config", "megatest.cli.commands"))
        == set()
    )


def test_a_step_loads_neither_the_command_line_nor_a_record(tmp_path: Path, area: Path) -> None:
    run_dir = area / "links" / "here" / "first" / "one"
    environ = {
        "MT_CMDINFO": "e30=",
        "MT_TEST_RUN_DIR": str(run_dir),
        "MT_JOURNAL": str(run_dir / ".megatest" / "journal"),
    }
    modules = loaded(tmp_path, ["-step", "build", ":state", "start", ":status", "0"], area, environ)
    assert {m for m in modules if m.startswith("megatest")} == {
        "megatest",
        "megatest.cli",
        "megatest.cli.intest",
        "megatest.cli.start",
        "megatest.workarea",
        "megatest.workarea.line",
    }
    assert rooms(modules, ("enum", "re", "sqlite3", *_DEAR)) == set()
