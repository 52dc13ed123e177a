"""Full disks, real ones: the database's, the run directories', the link tree's."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_area import CONFIG, UNTIL_GO, LiveArea, give_up, live_area

from fakes.engine_world import EngineWorld, FakeWorkArea
from megatest.model.attempt import AttemptSpec, Prepared
from megatest.model.error import NoSpace

MakeDisk = Callable[[str, int], Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[MakeDisk]:
    """Make small file systems; they are gone after the test."""
    mounted: list[Path] = []

    def make(name: str, size_kib: int) -> Path:
        path = tmp_path / name
        path.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "none", str(path)],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            give_up(f"cannot mount a small disk here: {done.stderr.decode().strip()}")
        mounted.append(path)
        return path

    yield make
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def area(tmp_path: Path, small_disk: MakeDisk) -> Iterator[LiveArea]:
    with live_area(tmp_path / "area") as area:
        yield area


def fill(disk: Path) -> Path:
    """Leave no room at all on a disk; return the file to delete."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


def test_results_wait_for_room_for_the_database(area: LiveArea, small_disk: MakeDisk, tmp_path: Path) -> None:
    disk = small_disk("area", 1024)
    runs = tmp_path / "runs"
    runs.mkdir()
    config = CONFIG.replace("#{getenv MT_RUN_AREA_HOME}/lt", str(tmp_path / "lt"))
    area.make({"a": (UNTIL_GO, ""), "b": ("", "[requirements]\nwaiton a\n")}, f"{config}[disks]\nd {runs}\n")
    engine = area.start()
    ready = runs / "linux/r/a/ready"
    area.wait_for(ready.exists, "a is ready")
    ballast = fill(disk)
    area.go()
    line = heard(engine.stdout, "results wait to be written")
    assert "full" in line
    ballast.unlink()
    code, said = area.end(engine)
    assert code == 0, said
    assert "results are written again" in said
    assert area.starts() == ["a 1", "b 1"]


def test_results_wait_for_room_for_the_link_tree(area: LiveArea, small_disk: MakeDisk) -> None:
    disk = small_disk("lt", 256)
    config = CONFIG.replace("#{getenv MT_RUN_AREA_HOME}/lt", str(disk))
    behind = [f"b{number}" for number in range(12)]  # enough to need another block for the run's journal
    area.make({"a": (UNTIL_GO, ""), **dict.fromkeys(behind, ("", "[requirements]\nwaiton a\n"))}, config)
    engine = area.start()
    area.wait_until_ready("a")
    ballast = fill(disk)
    area.go()
    assert "No space left" in heard(engine.stdout, "results wait to be written")
    ballast.unlink()
    code, said = area.end(engine)
    assert code == 0, said
    assert area.starts() == sorted(["a 1", *(f"{b} 1" for b in behind)])
    assert area.megatest("rebuild").returncode == 0
    assert area.listed().count("PASS") == 1 + len(area.starts())


def test_what_runs_on_a_full_disk_keeps_its_result_and_nothing_new_is_launched(
    area: LiveArea, small_disk: MakeDisk
) -> None:
    disk = small_disk("disk", 512)
    tests = {"a": (UNTIL_GO, ""), "b": ("", "[requirements]\nwaiton a\n")}
    area.make(tests, CONFIG.replace("kill-grace", "minspace 64\nkill-grace") + f"[disks]\nd {disk}\n")
    engine = area.start()
    area.wait_for((disk / "linux/r/a/ready").exists, "a is ready")
    ballast = fill(disk)
    area.go()
    line = heard(engine.stdout, "nothing is launched")
    assert str(disk) in line
    assert "a" in area.listed("a")
    assert area.starts() == ["a 1"]
    ballast.unlink()
    code, said = area.end(engine)
    assert code == 0, said
    assert "launching again" in said
    assert area.starts() == ["a 1", "b 1"]


def test_a_disk_that_fills_while_a_run_directory_is_made_is_no_verdict_about_the_test(
    area: LiveArea, small_disk: MakeDisk
) -> None:
    disk = small_disk("disk", 512)
    area.make(
        {"a": ("", "")}, CONFIG.replace("kill-grace", "minspace 0\nkill-grace") + f"[disks]\nd {disk}\n"
    )
    (area.home / "tests/a/big").write_bytes(os.urandom(600_000))
    engine = area.start()
    line = heard(engine.stdout, "nothing is launched")
    assert "No space left" in line
    assert [path.name for path in disk.iterdir() if path.name != "linux"] == []
    (area.home / "tests/a/big").write_bytes(b"small")
    code, said = area.end(engine)
    assert code == 0, said
    assert area.starts() == ["a 1"]


def test_a_quota_that_is_used_up_is_no_verdict_about_the_test() -> None:
    world = EngineWorld(graph=("a", "b"))
    world.workarea = QuotaWorkArea()
    world.run()
    assert set(world.results().values()) == {"COMPLETED/PASS"}
    assert world.watcher.sentences == ["nothing is launched: Disk quota exceeded", "launching again"]


class QuotaWorkArea(FakeWorkArea):
    """Disks that tell of free space, and a user who may not have it: the first three tries fail."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    def prepare(self, spec: AttemptSpec) -> Prepared:
        self.tries += 1
        if self.tries <= 3:
            raise NoSpace(os.strerror(errno.EDQUOT))
        return super().prepare(spec)


def heard(stream: object, words: str) -> str:
    """Read what an engine says until it says these words; return that line."""
    assert stream is not None
    for line in stream:  # type: ignore[attr-defined]
        if words in line:
            return str(line)
    raise AssertionError(f"it never said {words!r}")
