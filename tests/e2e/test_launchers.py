"""Areas of the original that start their tests through launcher lines."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from area_kit import CONFIG, TARGET, W1, AreaKit, make_area, wait_for_file

# As the original's: the command goes on behind us, with its output in a file that is named after the time.
NBFAKE = """\
#!/bin/sh
log=${NBFAKE_LOG:-$(date +%Y%m%d%H%M%S)-$1.log}
echo "$NBFAKE_HOST $MT_TEST_NAME $MT_ITEMPATH" >> "$MT_RUN_AREA_HOME/launched"
nohup "$@" > "$log" 2>&1 < /dev/null &
"""

FLEXIBLE = (
    CONFIG
    + """
[jobtools]
launcher nbfake
flexi-launcher yes

[launchers]
corner/slow  far
corner%      near
quiet        here

[host-types]
far   NBFAKE_HOST=far nbfake
near  nbfake
here  executor:local
"""
)


def _area(home: Path, config: str) -> AreaKit:
    kit = make_area(home / "area", config)
    tools = home / "tools"
    tools.mkdir()
    (tools / "nbfake").write_text(NBFAKE)
    (tools / "nbfake").chmod(0o755)
    kit.add_test("setup", "echo made > made; exit 0")
    kit.add_test("corner", "echo $CORNER", "[requirements]\nwaiton setup\n\n[items]\nCORNER slow fast\n")
    kit.add_test("quiet", "echo quietly")
    kit.add_test("bad", "echo broken; exit 3")
    return kit


def _more(kit: AreaKit) -> dict[str, str]:
    return {"PATH": f"{kit.home.parent}/tools:{kit.environment()['PATH']}"}


def _executors(kit: AreaKit) -> dict[str, str]:
    with closing(sqlite3.connect(kit.home / "megatest.db", timeout=30)) as database:
        query = "select testname || '/' || item_path, executor from tests where attempt > 0"
        return dict(database.execute(query))


def _launched(kit: AreaKit) -> list[str]:
    path = kit.home / "launched"
    return sorted(line.strip() for line in path.read_text().splitlines()) if path.exists() else []


@pytest.mark.parametrize(
    "line", ["nbfake", "NBFAKE_HOST=big nbfake", "sh -c '\"$@\" > nb.log 2>&1 &' nbfake", "nice -n 1 nbfake"]
)
def test_an_area_whose_launcher_returns_at_once_runs(tmp_path: Path, line: str) -> None:
    kit = _area(tmp_path, f"{CONFIG}\n[jobtools]\nlauncher {line}\n")
    done = kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert done.code == 1, done.said
    assert "Run ubuntu/nfs/w1: 4 PASS  1 FAIL" in done.out
    assert set(_executors(kit).values()) == {"command"}
    run_dir = kit.home / "runs/ubuntu/nfs/w1"
    assert (run_dir / "setup/made").read_text() == "made\n"
    if "sh -c" not in line:
        host = "big" if "big" in line else ""
        assert f"{host} setup".strip() in _launched(kit)
    done = kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert "1 FAIL" in done.out
    assert sum("setup" in launch for launch in _launched(kit)) <= 1


def test_the_classic_command_line_runs_such_an_area(tmp_path: Path) -> None:
    kit = _area(tmp_path, f"{CONFIG}\n[jobtools]\nlauncher nbfake\n")
    done = kit.megatest("-runtests", "%", *W1, more=_more(kit))
    assert done.code == 0, done.said
    listed = kit.good("-list-runs", "w1", *TARGET)
    assert listed.count("Status: PASS") == 5  # the parent of the items is one
    assert "Status: FAIL" in listed
    assert len(_launched(kit)) == 5


def test_tests_and_items_go_different_ways(tmp_path: Path) -> None:
    kit = _area(tmp_path, FLEXIBLE)
    done = kit.megatest("run", "setup,corner,quiet", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert done.code == 0, done.said
    assert _executors(kit) == {
        "setup/": "command",  # no pattern matches: the area's own launcher
        "corner/slow": "command",
        "corner/fast": "command",
        "quiet/": "local",
    }
    assert _launched(kit) == sorted(["setup", "far corner slow", "corner fast"])


def test_a_launcher_line_with_an_unknown_host_type_ends_no_run(tmp_path: Path) -> None:
    kit = _area(tmp_path, FLEXIBLE.replace("quiet        here", "quiet        her"))
    done = kit.megatest("run", "quiet", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert done.code == 0, done.said
    assert _executors(kit) == {"quiet/": "command"}  # the area's own launcher
    assert "megatest.config:16:14: warning: [host-types] has no 'her'" in done.err


def test_an_item_may_go_to_an_executor_that_its_test_does_not_go_to(tmp_path: Path) -> None:
    kit = _area(tmp_path, FLEXIBLE.replace("NBFAKE_HOST=far nbfake", "executor:local"))
    done = kit.megatest("run", "corner", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert done.code == 0, done.said
    assert _executors(kit)["corner/slow"] == "local"
    assert _executors(kit)["corner/fast"] == "command"


def test_a_launcher_that_fails_ends_the_test_with_its_line(tmp_path: Path) -> None:
    kit = _area(tmp_path, f"{CONFIG}\n[jobtools]\nlauncher nbfake\n")
    (tmp_path / "tools/nbfake").write_text("#!/bin/sh\necho 'no host is free' >&2\nexit 9\n")
    done = kit.megatest("run", "quiet", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert done.code == 1, done.said
    assert "launcher failed (exit 9): nbfake" in kit.good("show", "quiet")


def test_kill_and_a_new_engine_reach_what_a_launcher_left_in_the_background(tmp_path: Path) -> None:
    kit = _area(tmp_path, f"{CONFIG}\n[jobtools]\nlauncher {tmp_path}/tools/nbfake\n")
    kit.add_test("long", "touch begun; while [ ! -e enough ]; do sleep 0.1; done")
    kit.add_test("endless", "touch begun; exec sleep 1000")
    engine = kit.start("run", "long,endless", "-t", "ubuntu/nfs", "-n", "w1")
    run_dir = kit.home / "runs/ubuntu/nfs/w1"
    for name in ("long", "endless"):
        wait_for_file(run_dir / name / "begun")
    engine.kill()
    engine.communicate(timeout=60)
    assert "killed endless" in kit.good("kill", "endless")
    engine = kit.start("run", "long,endless", "-t", "ubuntu/nfs", "-n", "w1", "--rerun", "NONE")
    (run_dir / "long/enough").touch()
    engine.communicate(timeout=60)
    assert "PASS" in kit.good("list", "long")
    assert _launched(kit).count("long") == 1


PRE_LAUNCH = """
[pre-launch-env-vars]
OF_THE_TEST plain
GREETING its own

[pre-launch-env-overrides]
OF_THE_LAUNCH 1
fsname not the target's
"""


@pytest.mark.parametrize("launcher", ["", "nbfake"])
def test_variables_for_the_launch_and_of_the_test_reach_a_test_with_and_without_launcher(
    tmp_path: Path, launcher: str
) -> None:
    kit = _area(tmp_path, f"{CONFIG}\n[jobtools]\nlauncher {launcher}\n")
    kit.add_test("asks", 'echo "$OF_THE_TEST, $GREETING, $OF_THE_LAUNCH, $fsname" > answers', PRE_LAUNCH)
    done = kit.megatest("run", "asks", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert done.code == 0, done.said
    assert _executors(kit) == {"asks/": "command" if launcher else "local"}
    answers = kit.home / "runs/ubuntu/nfs/w1/asks/answers"
    assert answers.read_text() == "plain, its own, 1, nfs\n"


def test_a_launcher_is_told_the_run_directory(tmp_path: Path) -> None:
    kit = _area(tmp_path, f"{CONFIG}\n[jobtools]\nlauncher told\n")
    (tmp_path / "tools/told").write_text(
        '#!/bin/sh\necho "$MT_TEST_RUN_DIR" > "$MT_RUN_AREA_HOME/told"\n"$@"\n'
    )
    (tmp_path / "tools/told").chmod(0o755)
    done = kit.megatest("run", "quiet", "-t", "ubuntu/nfs", "-n", "w1", more=_more(kit))
    assert done.code == 0, done.said
    assert (kit.home / "told").read_text() == f"{kit.home}/runs/ubuntu/nfs/w1/quiet\n"
