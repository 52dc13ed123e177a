"""Areas that users of the original wrote run unmodified; they lie beside the project, not in it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "areas"
MEGATEST = Path(sys.executable).with_name("megatest")

MINTEST = {
    **dict.fromkeys(("a", "b", "c", "d", "e", "e1", "f", "h", "i", "j", "k", "l"), "COMPLETED/PASS"),
    "d1fail": "COMPLETED/FAIL",  # its second step exits with 123
    **dict.fromkeys(("c1", "b1", "a1"), "NOT_STARTED/PREQ_FAIL"),  # ruling 4
    "g": "NOT_STARTED/ZERO_ITEMS",  # ruling 6: an item variable without values
}

CELLS = [f"{view}/{cell}" for view in ("layout", "schematic") for cell in ("ntran", "ptran", "diode")]
DEP_TESTS = dict.fromkeys(
    (
        "setup",
        "genlib",
        "genlib/layout",
        "genlib/schematic",
        "test1",
        *(f"test1/{cell}" for cell in CELLS),
        "aggregate",
        "test2",
        *(f"test2/{cell}" for cell in CELLS),
        "results",
    ),
    "COMPLETED/PASS",
)


@pytest.fixture(scope="module")
def areas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the areas of the original's users are not here: no {SHARED}")
    top = tmp_path_factory.mktemp("areas")
    for name in ("mintest", "dep-tests"):
        shutil.copytree(SHARED / name, top / name)
    for path in (top, *top.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    (top / "mintest" / "runs").mkdir()
    (top / "runs").mkdir()
    return top


CLASSIC = ("-run", "-testpatt", "%", "-target", "{target}", "-runname", "classic")
MODERN = ("run", "-t", "{target}", "-n", "modern")


@pytest.mark.parametrize("line", [CLASSIC, MODERN], ids=["classic", "modern"])
@pytest.mark.parametrize(
    ("area", "target", "wanted"),
    [("mintest", "1", MINTEST), ("dep-tests", "std/0", DEP_TESTS), ("dep-tests", "simple/0", DEP_TESTS)],
)
def test_every_status_is_as_the_area_and_the_rulings_predict(
    areas: Path, area: str, target: str, wanted: dict[str, str], line: tuple[str, ...]
) -> None:
    home = areas / area
    words = [word.format(target=target) for word in line]
    done = subprocess.run([str(MEGATEST), *words], cwd=home, capture_output=True, text=True, timeout=300)
    failures = any("/FAIL" in result or "PREQ" in result for result in wanted.values())
    assert done.returncode == (1 if failures and line is MODERN else 0), done.stderr
    with sqlite3.connect(home / "megatest.db") as db:
        rows = db.execute(
            "SELECT testname, item_path, tests.state, tests.status FROM tests JOIN runs ON runs.id = run_id"
            " WHERE runname = ? AND " + _target_clause(area),
            (words[-1], *target.split("/")),
        ).fetchall()
    db.close()
    assert {f"{t}/{i}" if i else t: f"{state}/{status}" for t, i, state, status in rows} == wanted


def _target_clause(area: str) -> str:
    return "X = ?" if area == "mintest" else "DEPS = ? AND SPEED = ?"
