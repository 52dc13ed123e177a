"""Making run directories: where they go, what is copied, what becomes of earlier attempts."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from workarea_kit import AreaKit, run_job, short_stack

from megatest.engine.ports import WorkArea
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.spec import Disk, Step, Variable
from megatest.workarea.directory import make_directories
from megatest.workarea.marker import owner_at


@pytest.fixture
def kit(tmp_path: Path) -> AreaKit:
    made = AreaKit(tmp_path)
    made.script("#!/bin/sh\necho ran >> trace\n")
    return made


def tree(directory: str | Path) -> set[str]:
    root = Path(directory)
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_it_fits_the_engines_port(kit: AreaKit) -> None:
    port: WorkArea = kit.work_area()

    assert port.low_space() == ""


def test_a_run_directory_holds_the_tests_files_and_four_of_ours(kit: AreaKit) -> None:
    prepared = kit.work_area().prepare(kit.spec())

    runs = f"{kit.home}/runs/ubuntu/nfs/w1"
    assert prepared.run_dir == f"{runs}/t"
    assert prepared.link == f"{kit.home}/lt/ubuntu/nfs/w1/t"
    assert os.readlink(prepared.link) == prepared.run_dir
    assert tree(runs) == {
        "t",
        "t/.megatest",
        "t/.megatest/job.sh",
        "t/main.sh",
        "t/megatest.sh",
        "t/megatest.csh",
    }
    assert (prepared.script, prepared.log) == (
        f"{prepared.run_dir}/.megatest/job.sh",
        f"{prepared.run_dir}/mt_launch.log",
    )


def test_items_lie_in_their_tests_directory_behind_one_link(kit: AreaKit) -> None:
    area = kit.work_area()

    one, two = area.prepare(kit.spec("a/b")), area.prepare(kit.spec("c"))

    assert one.run_dir == f"{kit.home}/runs/ubuntu/nfs/w1/t/a/b"
    assert two.link == f"{kit.home}/lt/ubuntu/nfs/w1/t/c"
    assert os.listdir(f"{kit.home}/lt/ubuntu/nfs/w1") == ["t"]
    assert os.path.realpath(one.link) == one.run_dir
    assert os.path.realpath(two.link) == two.run_dir


def test_an_item_on_another_disk_is_a_link_inside_the_tree(kit: AreaKit) -> None:
    first, second = kit.disk("d1"), kit.disk("d2")
    area = kit.work_area()

    one = area.prepare(kit.spec("a/x", disks=[first]))
    two = area.prepare(kit.spec("a/y", disks=[second]))

    assert one.run_dir == f"{first.path}/ubuntu/nfs/w1/t/a/x"
    assert two.run_dir == f"{second.path}/ubuntu/nfs/w1/t/a/y"
    assert os.readlink(f"{first.path}/ubuntu/nfs/w1/t/a/y") == two.run_dir
    assert os.path.realpath(two.link) == two.run_dir


def test_modes_times_links_and_subdirectories_are_copied(kit: AreaKit) -> None:
    (kit.source / "sub" / "deep").mkdir(parents=True)
    kit.script("data", "sub/deep/data.txt", mode=0o640)
    kit.script("#!/bin/sh\n", "sub/tool", mode=0o4750)
    os.utime(kit.source / "sub" / "tool", ns=(10**18, 10**18 + 1))
    os.symlink("../main.sh", kit.source / "sub" / "back")
    os.symlink("/nowhere", kit.source / "dangling")
    (kit.source / "closed").mkdir()
    kit.script("x", "closed/file", mode=0o400)
    (kit.source / "closed").chmod(0o555)

    run_dir = Path(kit.work_area().prepare(kit.spec()).run_dir)

    assert (run_dir / "sub" / "deep" / "data.txt").read_text() == "data"
    assert stat.S_IMODE((run_dir / "sub" / "deep" / "data.txt").stat().st_mode) == 0o640
    tool = (run_dir / "sub" / "tool").stat()
    assert stat.S_IMODE(tool.st_mode) == 0o750  # without the set-id bit
    assert tool.st_mtime_ns == 10**18 + 1
    assert tool.st_nlink == 1
    assert os.readlink(run_dir / "sub" / "back") == "../main.sh"
    assert os.readlink(run_dir / "dangling") == "/nowhere"
    assert stat.S_IMODE((run_dir / "closed").stat().st_mode) == 0o555
    (kit.source / "closed").chmod(0o755)
    (run_dir / "closed").chmod(0o755)


@pytest.mark.parametrize("size", [0, 1, 131072, 131073, 5_000_001])
def test_contents_of_any_size_are_copied(kit: AreaKit, size: int) -> None:
    content = os.urandom(size)
    (kit.source / "data").write_bytes(content)

    run_dir = kit.work_area().prepare(kit.spec()).run_dir

    assert Path(run_dir, "data").read_bytes() == content


def test_a_deep_tree_is_copied_without_recursion(kit: AreaKit) -> None:
    deep = "/".join(["d"] * 300)

    with short_stack():
        make_directories(f"{kit.source}/{deep}")
        run_dir = kit.work_area().prepare(kit.spec()).run_dir

    assert os.path.isdir(f"{run_dir}/{deep}")


def test_an_item_may_have_more_parts_than_python_has_stack(kit: AreaKit) -> None:
    area = kit.work_area()
    deep = "/".join(["i"] * 300)

    with short_stack():
        run_job(area.prepare(kit.spec(deep)))
        again = area.prepare(kit.spec(deep, attempt=2))

    assert os.path.isdir(again.run_dir)


def test_a_name_too_long_for_any_file_system_is_the_users_error(kit: AreaKit) -> None:
    with pytest.raises(UserError, match="File name too long"):
        kit.work_area().prepare(kit.spec("/".join(["i" * 200] * 30)))


def test_special_files_are_left_out_with_a_note_in_the_log(kit: AreaKit) -> None:
    os.mkfifo(kit.source / "pipe")

    prepared = kit.work_area().prepare(kit.spec())

    assert not os.path.lexists(f"{prepared.run_dir}/pipe")
    assert Path(prepared.log).read_text() == f"megatest: not copied: {kit.source}/pipe is a special file\n"


def test_names_that_are_ours_in_a_source_do_not_get_in_the_way(kit: AreaKit) -> None:
    (kit.source / ".megatest").mkdir()
    kit.script("stale", ".megatest/journal")
    kit.script("stale", "mt_launch.log")
    outside = kit.root / "outside"
    outside.write_text("mine")
    os.symlink(outside, kit.source / "megatest.sh")

    prepared = kit.work_area().prepare(kit.spec())

    assert outside.read_text() == "mine"
    assert not os.path.lexists(prepared.log)
    assert run_job(prepared).returncode == 0


def test_a_listing_is_kept_until_a_directory_of_the_test_changes(kit: AreaKit) -> None:
    area = kit.work_area()
    (kit.source / "sub").mkdir()
    area.prepare(kit.spec("a"))
    kit.script("changed", "main.sh")
    kit.script("new", "sub/new")

    run_dir = Path(area.prepare(kit.spec("b")).run_dir)

    assert (run_dir / "main.sh").read_text() == "changed"
    assert (run_dir / "sub" / "new").read_text() == "new"


def test_a_file_added_within_the_tick_of_the_clock_is_not_missed(kit: AreaKit) -> None:
    kit.clock.time = kit.source.stat().st_mtime
    area = kit.work_area()
    area.prepare(kit.spec("a"))
    before = kit.source.stat()
    kit.script("new", "new")
    os.utime(kit.source, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert Path(area.prepare(kit.spec("b")).run_dir, "new").exists()


def test_a_test_without_its_directory_is_the_users_error(kit: AreaKit) -> None:
    (kit.source / "main.sh").unlink()
    kit.source.rmdir()

    with pytest.raises(UserError, match="No such file"):
        kit.work_area().prepare(kit.spec())
    assert not os.path.lexists(f"{kit.home}/runs/ubuntu/nfs/w1/t")


def test_the_areas_own_copy_command_is_run_by_the_shell(kit: AreaKit) -> None:
    command = "cp -r TEST_SRC_PATH/. TEST_TARG_PATH && echo copied; rm -rf TEST_TARG_PATH/.megatest"
    area = kit.work_area(test_copy_command=command)

    prepared = area.prepare(kit.spec())

    assert Path(prepared.log).read_text() == "copied\n"
    assert run_job(prepared).returncode == 0


def test_a_copy_command_that_fails_is_told_with_what_it_said(kit: AreaKit) -> None:
    area = kit.work_area(test_copy_command="echo no luck >&2; exit 4")

    with pytest.raises(UserError, match="testcopycmd ended with 4") as caught:
        area.prepare(kit.spec())
    assert caught.value.hint == "no luck"


def test_an_earlier_attempt_is_moved_aside_and_not_mixed_in(kit: AreaKit) -> None:
    area = kit.work_area()
    first = area.prepare(kit.spec(attempt=1))
    run_job(first)

    second = area.prepare(kit.spec(attempt=2))

    aside = f"{kit.home}/runs/ubuntu/nfs/w1/.attempts/t.1"
    assert Path(aside, "trace").exists()
    assert Path(aside, ".megatest", "journal").exists()
    assert not Path(second.run_dir, "trace").exists()
    assert owner_at(aside) != owner_at(second.run_dir)
    assert os.path.realpath(second.link) == second.run_dir


def test_only_so_many_attempts_are_kept(kit: AreaKit) -> None:
    area = kit.work_area(keep_attempts=2)
    for attempt in range(1, 13):
        run_job(area.prepare(kit.spec("a/b", attempt=attempt)))

    assert set(os.listdir(f"{kit.home}/runs/ubuntu/nfs/w1/.attempts/t/a")) == {"b.10", "b.11"}


@pytest.mark.parametrize(("keep", "preclean"), [(0, False), (2, True)])
def test_what_is_not_to_be_kept_is_removed(kit: AreaKit, keep: int, preclean: bool) -> None:
    area = kit.work_area(keep_attempts=keep)
    run_job(area.prepare(kit.spec(attempt=1)))

    second = area.prepare(kit.spec(attempt=2, preclean=preclean))

    assert os.listdir(f"{kit.home}/runs/ubuntu/nfs/w1") == ["t"]
    assert not Path(second.run_dir, "trace").exists()


def test_a_spec_that_cannot_be_made_leaves_the_earlier_attempt_alone(kit: AreaKit) -> None:
    area = kit.work_area()
    first = area.prepare(kit.spec(attempt=1))
    run_job(first)

    with pytest.raises(UserError):
        area.prepare(kit.spec(attempt=2, steps=[Step(name="a/b", command="true")]))
    assert Path(first.run_dir, "trace").exists()


def test_the_copy_command_sees_the_tests_environment(kit: AreaKit) -> None:
    area = kit.work_area(test_copy_command="echo $MT_RUNNAME $MT_TEST_RUN_DIR")

    prepared = area.prepare(kit.spec(variables=[Variable("MT_RUNNAME", "w1")]))

    assert Path(prepared.log).read_text() == f"w1 {prepared.run_dir}\n"


def test_an_attempt_that_never_began_leaves_nothing_aside(kit: AreaKit) -> None:
    area = kit.work_area()
    area.prepare(kit.spec(attempt=1))

    area.prepare(kit.spec(attempt=2))

    assert os.listdir(f"{kit.home}/runs/ubuntu/nfs/w1") == ["t"]


def test_an_attempt_that_moves_to_another_disk_is_set_aside_on_its_own(kit: AreaKit) -> None:
    old, new = kit.disk("old"), kit.disk("new")
    area = kit.work_area()
    for item in ("", "i"):
        run_job(area.prepare(kit.spec(item, attempt=1, disks=[old])))
        second = area.prepare(kit.spec(item, attempt=2, disks=[new]))
        run_job(second)

        assert os.path.realpath(second.link) == second.run_dir
        assert second.run_dir.startswith(new.path)
        third = area.prepare(kit.spec(item, attempt=3, disks=[old]))
        assert os.path.realpath(third.link) == third.run_dir
        assert third.run_dir.startswith(old.path)
    kept = {str(path.relative_to(kit.root)) for path in kit.root.glob("*/ubuntu/nfs/w1/.attempts/**/*.[0-9]")}
    assert kept == {
        "old/ubuntu/nfs/w1/.attempts/t.1",
        "new/ubuntu/nfs/w1/.attempts/t.2",
        "old/ubuntu/nfs/w1/.attempts/t/i.1",
        "new/ubuntu/nfs/w1/.attempts/t/i.2",
    }


def test_a_test_that_gets_items_has_its_own_directory_moved_aside(kit: AreaKit) -> None:
    area = kit.work_area()
    run_job(area.prepare(kit.spec(attempt=1)))

    item = area.prepare(kit.spec("i", attempt=1))

    assert not Path(item.run_dir).parent.joinpath("trace").exists()
    assert Path(f"{kit.home}/runs/ubuntu/nfs/w1/.attempts/t.1/trace").exists()
    assert os.path.realpath(item.link) == item.run_dir


def test_a_test_that_loses_its_items_has_theirs_moved_aside(kit: AreaKit) -> None:
    area = kit.work_area()
    run_job(area.prepare(kit.spec("i", attempt=1)))

    area.prepare(kit.spec(attempt=1))

    assert Path(f"{kit.home}/runs/ubuntu/nfs/w1/.attempts/t.0/i/trace").exists()


def test_a_directory_of_an_engine_that_died_making_it_is_used(kit: AreaKit) -> None:
    os.makedirs(f"{kit.home}/runs/ubuntu/nfs/w1/t/.megatest")

    prepared = kit.work_area().prepare(kit.spec())

    assert run_job(prepared).returncode == 0
    assert not os.path.exists(f"{kit.home}/runs/ubuntu/nfs/w1/.attempts")


def test_a_directory_of_another_area_on_the_same_disk_is_not_touched(kit: AreaKit, tmp_path: Path) -> None:
    other = AreaKit(tmp_path / "other")
    other.script("#!/bin/sh\n")
    disk = kit.disk("shared")
    theirs = other.work_area().prepare(other.spec(disks=[disk]))
    before = tree(theirs.run_dir)

    with pytest.raises(EnvironmentFault, match="belongs to t of the area"):
        kit.work_area().prepare(kit.spec(disks=[disk]))
    assert tree(theirs.run_dir) == before


def test_an_area_that_was_moved_keeps_its_runs(kit: AreaKit, tmp_path: Path) -> None:
    disk = kit.disk("shared")
    run_job(kit.work_area().prepare(kit.spec(disks=[disk])))
    moved = AreaKit(tmp_path / "moved")
    moved.script("#!/bin/sh\n")
    (kit.home / "megatest.config").unlink()

    moved.work_area().prepare(moved.spec(attempt=2, disks=[disk]))

    assert Path(disk.path, "ubuntu/nfs/w1/.attempts/t.1/trace").exists()


def test_the_disk_with_the_most_free_space_takes_it(kit: AreaKit) -> None:
    small, large = kit.disk("small"), kit.disk("large")
    script = kit.script('#!/bin/sh\ncase $1 in *small) echo 2G;; *) echo "  3000000 KiB";; esac\n', "free")
    area = kit.work_area(disks=(small, large), free_space_script=str(script), min_space_kib=2_500_000)

    assert area.prepare(kit.spec()).run_dir.startswith(large.path)
    assert area.low_space() == ""
    assert area.free_kib(f"{large.path}/ubuntu/x") == 3_000_000


def test_free_space_is_asked_once_in_a_few_seconds(kit: AreaKit) -> None:
    asked = kit.root / "asked"
    script = kit.script(f"#!/bin/sh\necho x >> {asked}\necho 5\n", "free")
    area = kit.work_area(disks=(kit.disk("d"),), free_space_script=str(script))

    for _ in range(3):
        area.low_space()
    kit.clock.time += 10
    area.low_space()

    assert asked.read_text() == "x\nx\n"


def test_a_disk_that_cannot_be_used_is_told_with_its_reason(kit: AreaKit) -> None:
    (kit.root / "file").touch()
    disks = [
        Disk(name="absent", path=f"{kit.root}/absent"),
        Disk(name="file", path=f"{kit.root}/file"),
        Disk(name="relative", path="relative"),
    ]

    with pytest.raises(EnvironmentFault) as caught:
        kit.work_area().prepare(kit.spec(disks=disks))

    said = caught.value.message
    assert "absent" in said
    assert "does not exist" in said
    assert "is not a directory" in said
    assert "is not an absolute path" in said


def test_too_little_space_says_how_little(kit: AreaKit) -> None:
    area = kit.work_area(min_space_kib=1 << 60)

    assert "KiB free, not more than" in area.low_space()
    assert "it goes on when there is room (megatest rm" in area.low_space()
    assert area.unusable() == ""
    with pytest.raises(EnvironmentFault, match="no disk can take"):
        area.prepare(kit.spec())


def test_a_disk_that_may_get_room_keeps_the_others_from_being_all_unusable(kit: AreaKit) -> None:
    absent, full = Disk(name="absent", path=f"{kit.root}/absent"), kit.disk("full")
    assert "does not exist" in kit.work_area(disks=(absent,)).unusable()
    assert kit.work_area(disks=(absent, full), min_space_kib=1 << 60).unusable() == ""


@pytest.fixture
def tiny_disk(kit: AreaKit) -> Iterator[Disk]:
    disk = kit.disk("tiny")
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk.path], capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"no small file system here: {done.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk.path], check=True)


def test_a_full_disk_leaves_nothing_half_made(kit: AreaKit, tiny_disk: Disk) -> None:
    (kit.source / "large").write_bytes(b"x" * 1_000_000)

    with pytest.raises(EnvironmentFault, match="No space left"):
        kit.work_area().prepare(kit.spec(disks=[tiny_disk]))

    assert os.listdir(tiny_disk.path) == []


def test_a_disk_without_room_for_the_script_leaves_nothing_either(kit: AreaKit, tiny_disk: Disk) -> None:
    many = {"setup": (Variable("long", "x" * 1_000_000),)}

    with pytest.raises(EnvironmentFault, match="No space left"):
        kit.work_area().prepare(kit.spec("a", disks=[tiny_disk], resolved=many))

    assert list(Path(tiny_disk.path).rglob("job.sh")) == []
    assert run_job(kit.work_area().prepare(kit.spec("a", disks=[tiny_disk]))).returncode == 0


def test_a_run_area_that_cannot_be_made_is_told(kit: AreaKit) -> None:
    (kit.home / "runs").touch()

    assert "cannot be created" in kit.work_area().unusable()


def test_a_test_that_fills_the_disk_still_has_a_readable_journal(kit: AreaKit, tiny_disk: Disk) -> None:
    kit.script("#!/bin/sh\ncat /dev/zero > filler 2> /dev/null\nexit 3\n")
    area = kit.work_area()
    prepared = area.prepare(kit.spec(disks=[tiny_disk]))

    assert run_job(prepared).returncode == 3
    assert area.read_journal(prepared.run_dir, 0).exists


def test_a_discarded_attempt_is_gone_and_one_that_began_stays(kit: AreaKit) -> None:
    area = kit.work_area()
    unused, used = area.prepare(kit.spec("a")), area.prepare(kit.spec("b"))
    run_job(used)

    area.discard(unused)
    area.discard(used)

    assert not os.path.lexists(unused.run_dir)
    assert not os.path.lexists(unused.link)
    assert os.path.exists(used.run_dir)
    assert run_job(unused).returncode != 0


def test_an_item_that_is_the_beginning_of_anothers_path_moves_nothing(kit: AreaKit) -> None:
    area = kit.work_area()
    inner = area.prepare(kit.spec("a/b/c"))
    run_job(inner)

    with pytest.raises(UserError, match="it holds item 'a/b/c'"):
        area.prepare(kit.spec("a"))
    assert os.path.exists(inner.script)


def test_a_directory_in_the_place_of_a_link_is_not_replaced(kit: AreaKit) -> None:
    os.makedirs(f"{kit.home}/lt/ubuntu/nfs/w1/t/mine")

    with pytest.raises(EnvironmentFault, match="a directory is where a link should be"):
        kit.work_area().prepare(kit.spec())
    assert os.listdir(f"{kit.home}/lt/ubuntu/nfs/w1") == ["t"]


def test_the_link_tree_may_be_the_disk_itself(kit: AreaKit) -> None:
    area = kit.work_area(linktree=f"{kit.home}/runs")

    for item in ("", "i"):
        for attempt in (1, 2):
            prepared = area.prepare(kit.spec(item, attempt=attempt))
            assert run_job(prepared).returncode == 0
            assert prepared.link == prepared.run_dir


def test_the_shim_can_be_started(kit: AreaKit) -> None:
    from megatest.workarea.ondisk import SHIM_DIR

    assert all(os.access(f"{SHIM_DIR}/{name}", os.X_OK) for name in os.listdir(SHIM_DIR))
