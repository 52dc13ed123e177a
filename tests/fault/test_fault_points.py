"""Killed at every write, rename, link, spawn and commit; then the ordinary command again.

Each *story* is a command that is killed and what is done afterwards.  The command is run once to
list the fail points that it comes to (name and how often), and then once for each of them: from
the same beginning, killed there, mended, judged.  Nothing is sampled.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fault_area import CONFIG, TESTS, FaultArea
from fault_stable import Stable

from megatest.failpoint import POINTS

RUN = ("run", "-n", "r")
KILLED = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A command that dies.

    Attributes:
        name: for people.
        parts: into how many tests its fail points are divided.
        begin: makes the area as it is before the command.
        again: what cannot be kept in a copy of the area is made so before each time.
        words: the command.
        mend: what is done after its death; by default the ordinary run.
        judge: what must be true in the end.
    """

    name: str
    parts: int = 1
    begin: Callable[[FaultArea], None]
    again: Callable[[FaultArea], None] = lambda _: None
    words: tuple[str, ...]
    mend: tuple[tuple[str, ...], ...] = (RUN,)
    judge: Callable[[FaultArea], None]
    tests: Mapping[str, tuple[str, str]] = field(default_factory=lambda: TESTS)
    config: str = CONFIG


# -- a first run -----------------------------------------------------------------------------------

UNDISTURBED = {
    "a": "COMPLETED/PASS",
    "b": "COMPLETED/PASS",
    "f": "COMPLETED/FAIL",
    "g": "NOT_STARTED/PREQ_FAIL",
    "s": "COMPLETED/PASS",
    **dict.fromkeys(("t", "t/x", "t/y", "u", "u/x", "u/y"), "COMPLETED/PASS"),
}


def nothing_has_run(_area: FaultArea) -> None:
    pass


def everything_ran_once(area: FaultArea, tries: int = 2) -> None:
    area.check(UNDISTURBED)
    for test in ("a/", "b/", "s/", "t/x", "t/y", "u/x", "u/y"):
        assert area.starts_of(test) == 1, "a result was thrown away"
    assert 1 <= area.starts_of("f/") <= tries  # what failed is tried again by the next run
    assert area.starts_of("g/") == 0


# -- taking over what another engine left ----------------------------------------------------------


def an_engine_died_in_the_middle(area: FaultArea) -> None:
    """Two tests have ended and nobody took notice; a third was about to begin."""
    assert area.megatest(*RUN, MEGATEST_FAILPOINT="spawn before:3").code == KILLED
    area.wait_until_at_rest()
    assert len(area.under_way()) == 3


def everything_ran_once_in_three_commands(area: FaultArea) -> None:
    everything_ran_once(area, tries=3)


# -- running again ---------------------------------------------------------------------------------

PLAIN = {"a": ("", ""), "t": ("[items]\nI x y\n", "")}


def disks(area: FaultArea, first: str, second: str) -> str:
    """Return a configuration with two disks that have the same room, of which the first is taken."""
    lines = [f"{CONFIG}free-space-script echo 1000000; :", "[disks]"]
    for name in (first, second):
        (area.home / name).mkdir(exist_ok=True)
        lines.append(f"{name} {area.home / name}")
    return "\n".join(lines) + "\n"


def it_ran_twice_on_another_disk(area: FaultArea) -> None:
    """Earlier attempts are to be moved aside, older ones to be removed, and links to be turned."""
    (area.home / "tests/a/data").mkdir()
    (area.home / "tests/a/data/file").write_text("1", "utf-8")
    (area.home / "megatest.config").write_text(disks(area, "one", "two"), "utf-8")
    for _ in range(2):
        done = area.megatest(*RUN, "--force")
        assert done.code == 0, done.said
    (area.home / "megatest.config").write_text(disks(area, "two", "one"), "utf-8")


def the_engine_died_before_a_launch(area: FaultArea) -> None:
    """A result is on record whose directory was moved aside for an attempt that never came."""
    it_ran_twice_on_another_disk(area)
    assert area.megatest(*RUN, "--force", MEGATEST_FAILPOINT="run log before write:1").code == KILLED


def everything_passed(area: FaultArea) -> None:
    area.check(dict.fromkeys(("a", "t", "t/x", "t/y"), "COMPLETED/PASS"))
    links = [path.name for path in (area.home / "lt/linux/r").iterdir() if path.name != ".run.journal"]
    assert sorted(links) == ["a", "t"], "something half-made was left in the link tree"


# -- removing --------------------------------------------------------------------------------------


def nothing_is_left(area: FaultArea) -> None:
    assert area.records() == []
    left = [str(p.relative_to(area.home)) for d in ("lt", "one", "two") for p in (area.home / d).rglob("*")]
    assert left == []


# -- the database ----------------------------------------------------------------------------------


def it_ran(area: FaultArea) -> None:
    assert area.megatest(*RUN).code == 0


def the_database_is_lost(area: FaultArea) -> None:
    it_ran(area)
    for path in area.home.glob("megatest.db*"):
        path.unlink()


def the_old_database_is_kept(area: FaultArea) -> None:
    everything_passed(area)
    assert (area.home / "megatest.db.before-rebuild").stat().st_size > 0


# -- killing ---------------------------------------------------------------------------------------


def a_test_runs_and_its_engine_is_gone(area: FaultArea) -> None:
    assert area.megatest(*RUN, MEGATEST_FAILPOINT="spawn after:1").code == KILLED


def it_was_killed(area: FaultArea) -> None:
    area.check({"w": "KILLED/FAIL"})


# -- what cannot be prepared -----------------------------------------------------------------------

COPY = "testcopycmd cp -R TEST_SRC_PATH/. TEST_TARG_PATH && test ! -e TEST_TARG_PATH/bad\n"


def one_test_cannot_be_copied(area: FaultArea) -> None:
    (area.home / "tests/a/bad").touch()


def it_failed_for_want_of_its_files(area: FaultArea) -> None:
    area.check({"a": "COMPLETED/FAIL"})
    assert area.started() == {}
    assert [path.name for path in (area.home / "runs").rglob("*")] == [], "half a directory was left"


STORIES = {
    story.name: story
    for story in (
        Story(
            name="first run", parts=8, begin=nothing_has_run, words=RUN, judge=everything_ran_once,
        ),
        Story(
            name="taking over", parts=6, begin=an_engine_died_in_the_middle, words=(*RUN, "-j", "1"),
            judge=everything_ran_once_in_three_commands, config=CONFIG.replace("jobs 1", "jobs 3"),
        ),
        Story(
            name="running again", parts=6, begin=it_ran_twice_on_another_disk, words=(*RUN, "--force"),
            judge=everything_passed, tests=PLAIN,
        ),
        Story(
            name="putting back", begin=the_engine_died_before_a_launch, words=RUN,
            judge=everything_passed, tests=PLAIN,
        ),
        Story(
            name="removing", parts=2, begin=it_ran_twice_on_another_disk, words=("rm", "%", "-n", "r", "-y"),
            mend=(("rm", "%", "-n", "%", "-y"),), judge=nothing_is_left, tests=PLAIN,
        ),
        Story(
            name="removing, then running", parts=2, begin=it_ran_twice_on_another_disk,
            words=("rm", "%", "-n", "r", "-y"), judge=everything_passed, tests=PLAIN,
        ),
        Story(
            name="rebuilding what is lost", begin=the_database_is_lost, words=("rebuild",),
            mend=(("rebuild",), RUN), judge=everything_passed, tests=PLAIN,
        ),
        Story(
            name="rebuilding what is there", begin=it_ran, words=("rebuild",),
            mend=(("rebuild",), RUN), judge=the_old_database_is_kept, tests=PLAIN,
        ),
        Story(
            name="killing", begin=nothing_has_run, again=a_test_runs_and_its_engine_is_gone,
            words=("kill", "%", "-n", "r"), mend=(("kill", "%", "-n", "r"),), judge=it_was_killed,
            tests={"w": ("", "sleep 60\n")},
        ),
        Story(
            name="failing to prepare", begin=one_test_cannot_be_copied, words=RUN,
            judge=it_failed_for_want_of_its_files, tests={"a": ("", "")}, config=CONFIG + COPY,
        ),
    )
}  # fmt: skip


@pytest.fixture
def stable(tmp_path: Path) -> Iterator[Stable]:
    with Stable(tmp_path) as stable:
        yield stable


UP_TO_THE_CLOCK = {
    *("journal read", "lease renewed", "commit after", "store before commit", "store after commit"),
    *("run log before write", "run log after write"),
}


def opened(story: Story, room: Path, stable: Stable) -> tuple[FaultArea, list[str]]:
    """Return a story's area, remembered as it is before the command, and the command's fail points."""
    area = FaultArea(room=room, stable=stable)
    area.make(story.tests, story.config)
    story.begin(area)
    area.keep("before")
    story.again(area)
    return area, area.reached(*story.words)


def _is_up_to_the_clock(point: str) -> bool:
    """Return whether another time a command may not come to a fail point so often.

    A process that is gone gets no second signal, and what ends at once is read and written together.
    """
    name, _, count = point.rpartition(":")
    return name == "process before signal" or (int(count) > 1 and name in UP_TO_THE_CLOCK)


@pytest.mark.parametrize(
    ("name", "part"), [(story.name, part) for story in STORIES.values() for part in range(story.parts)]
)
def test_killed_at_any_point_it_is_put_right_by_the_next_command(
    name: str, part: int, tmp_path: Path, stable: Stable
) -> None:
    story = STORIES[name]
    area, points = opened(story, tmp_path, stable)
    for point in points[part :: story.parts]:
        area.put_back("before")
        story.again(area)
        killed = area.megatest(*story.words, MEGATEST_FAILPOINT=point)
        came_there = killed.code == KILLED or _is_up_to_the_clock(point)
        assert came_there, f"{point} was not reached: {killed.said}"
        for words in story.mend:
            done = area.megatest(*words)
            assert done.code in (0, 1) or "no run matches" in done.said, f"after {point}: {done.said}"
        try:
            story.judge(area)
        except AssertionError as error:
            error.add_note(f"it was killed at {point}; the last command said: {done.said}")
            raise


def test_every_fail_point_is_reached_by_one_of_the_stories(tmp_path: Path, stable: Stable) -> None:
    reached: set[str] = set()
    for number, story in enumerate(STORIES.values()):
        room = tmp_path / str(number)
        room.mkdir()
        _, points = opened(story, room, stable)
        reached.update(point.rpartition(":")[0] for point in points)
        shutil.rmtree(room)
    # Those of run directories that travel need an ssh host: tests/e2e/test_ssh_apart.py is killed at them.
    here = {point for point in POINTS if not point.startswith("parcel ")}
    assert sorted(here - reached) == []
