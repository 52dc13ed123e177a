"""Removing what tests left: everything that is theirs, and nothing else, whatever happens meanwhile."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from workarea_kit import AreaKit, run_job, short_stack

from megatest.model.attempt import Prepared
from megatest.model.spec import Disk
from megatest.workarea.ondisk import WorkAreaOnDisk
from megatest.workarea.removal import Refused, Removed, Roots, remove_test


@pytest.fixture
def kit(tmp_path: Path) -> AreaKit:
    made = AreaKit(tmp_path)
    made.script("#!/bin/sh\nmkdir -p out/deep\necho ran > out/deep/file\nln -s / out/root\n")
    return made


def ran(
    kit: AreaKit, area: WorkAreaOnDisk, item: str = "", attempt: int = 1, disk: Disk | None = None
) -> Prepared:
    prepared = area.prepare(kit.spec(item, attempt=attempt, disks=[disk] if disk else []))
    assert run_job(prepared).returncode == 0
    return prepared


def roots(kit: AreaKit, *disks: Disk, home: str = "/home/somebody") -> Roots:
    return Roots(
        disks=(f"{kit.home}/runs", *(disk.path for disk in disks)),
        linktree=f"{kit.home}/lt",
        sources=(f"{kit.home}/tests",),
        precious=(str(kit.home), home),
    )


def refusal(done: Removed | Refused) -> str:
    assert isinstance(done, Refused)
    return done.reason


def everything(kit: AreaKit) -> list[str]:
    return sorted(
        str(path.relative_to(kit.home)) for top in ("runs", "lt") for path in (kit.home / top).rglob("*")
    )


def test_a_test_goes_with_its_attempts_its_link_and_empty_parents(kit: AreaKit) -> None:
    area = kit.work_area()
    for attempt in (1, 2, 3):
        last = ran(kit, area, attempt=attempt)

    done = area.remove(last.run_dir, kit.owner())

    assert isinstance(done, Removed)
    assert last.run_dir in done.paths
    assert everything(kit) == []
    assert (kit.home / "runs").is_dir()
    assert (kit.home / "lt").is_dir()


def test_other_tests_and_runs_stay(kit: AreaKit) -> None:
    area = kit.work_area()
    mine, other = ran(kit, area, "a/b"), ran(kit, area, "a/c")

    area.remove(mine.run_dir, kit.owner("a/b"))

    assert not os.path.exists(mine.run_dir)
    assert os.path.exists(f"{other.run_dir}/out/deep/file")
    assert os.path.realpath(other.link) == other.run_dir


def test_the_last_item_takes_the_tests_directory_and_link_with_it(kit: AreaKit) -> None:
    area = kit.work_area()
    for item in ("a/b", "c"):
        run_dir = ran(kit, area, item).run_dir
        ran(kit, area, item, attempt=2)
        assert isinstance(area.remove(run_dir, kit.owner(item)), Removed)

    assert everything(kit) == []
    parent = f"{kit.home}/runs/ubuntu/nfs/w1/t"
    assert area.remove(parent, kit.owner()) == Removed()


def test_the_row_of_the_items_parent_removes_no_item(kit: AreaKit) -> None:
    area = kit.work_area()
    item = ran(kit, area, "a")

    reason = refusal(area.remove(os.path.dirname(item.run_dir), kit.owner()))

    assert "no marker" in reason
    assert os.path.exists(f"{item.run_dir}/out/deep/file")


def test_an_item_on_another_disk_goes_with_the_link_that_leads_to_it(kit: AreaKit) -> None:
    one, two = kit.disk("one"), kit.disk("two")
    area = kit.work_area(disks=(one, two))
    first, second = ran(kit, area, "a", disk=one), ran(kit, area, "b", disk=two)

    area.remove(second.run_dir, kit.owner("b"))
    assert os.listdir(two.path) == []
    assert os.listdir(os.path.dirname(first.run_dir)) == ["a"]
    area.remove(first.run_dir, kit.owner("a"))
    assert os.listdir(one.path) == []
    assert everything(kit) == []


def test_attempts_on_other_disks_go_too(kit: AreaKit) -> None:
    one, two = kit.disk("one"), kit.disk("two")
    area = kit.work_area(disks=(one, two))
    ran(kit, area, attempt=1, disk=one)
    last = ran(kit, area, attempt=2, disk=two)

    area.remove(last.run_dir, kit.owner())

    assert os.listdir(one.path) == os.listdir(two.path) == []


def test_an_item_whose_directory_lies_inside_anothers_stays(kit: AreaKit) -> None:
    area = kit.work_area()
    outer, inner = ran(kit, area, "a"), ran(kit, area, "a/b")

    done = area.remove(outer.run_dir, kit.owner("a"))

    assert isinstance(done, Removed)
    assert done.kept
    assert os.listdir(outer.run_dir) == ["b"]
    assert os.path.exists(f"{inner.run_dir}/out/deep/file")


def test_a_dry_run_tells_and_removes_nothing(kit: AreaKit) -> None:
    area = kit.work_area()
    ran(kit, area, attempt=1)
    last = ran(kit, area, attempt=2)
    before = everything(kit)

    done = area.remove(last.run_dir, kit.owner(), dry_run=True)

    aside = f"{kit.home}/runs/ubuntu/nfs/w1/.attempts/t.1"
    assert done == Removed(paths=(last.run_dir, aside, last.link))
    assert everything(kit) == before


def test_links_in_a_run_directory_are_not_followed(kit: AreaKit) -> None:
    area = kit.work_area()
    outside = kit.root / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    prepared = ran(kit, area)
    os.symlink(outside, f"{prepared.run_dir}/out/away")

    area.remove(prepared.run_dir, kit.owner())

    assert (outside / "file").read_text() == "mine"


def test_a_directory_that_is_swapped_for_a_link_during_the_walk_does_no_harm(kit: AreaKit) -> None:
    outside = kit.root / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    prepared = ran(kit, kit.work_area())
    swapped: list[str] = []

    def swap(name: str) -> None:
        if name == "deep":
            os.rename(f"{prepared.run_dir}/out/deep", kit.root / "moved")
            os.symlink(outside, f"{prepared.run_dir}/out/deep")
            swapped.append(name)

    done = remove_test(prepared.run_dir, kit.owner(), roots(kit), on_step=swap)

    assert swapped == ["deep"]
    assert isinstance(done, Removed)
    assert (outside / "file").read_text() == "mine"
    assert (kit.root / "moved" / "file").exists()


def test_a_directory_that_is_moved_away_while_inside_it_ends_the_removal(kit: AreaKit) -> None:
    prepared = ran(kit, kit.work_area())
    bystander = kit.root / "bystander"
    bystander.mkdir()
    (bystander / "deep").mkdir()
    os.mkdir(f"{prepared.run_dir}/out/deep/deeper")

    def move(name: str) -> None:
        if name == "deeper":
            os.rename(f"{prepared.run_dir}/out/deep", bystander / "taken")

    done = remove_test(prepared.run_dir, kit.owner(), roots(kit), on_step=move)

    assert "moved" in refusal(done)
    assert (bystander / "deep").is_dir()


def test_a_link_in_the_place_of_the_run_directory_is_refused(kit: AreaKit) -> None:
    area = kit.work_area()
    prepared = ran(kit, area)
    os.rename(prepared.run_dir, kit.root / "elsewhere")
    os.symlink(kit.root / "elsewhere", prepared.run_dir)

    assert refusal(area.remove(prepared.run_dir, kit.owner()))
    assert (kit.root / "elsewhere" / "out").exists()


def test_a_link_above_the_run_directory_is_refused(kit: AreaKit) -> None:
    area = kit.work_area()
    prepared = ran(kit, area)
    os.rename(f"{kit.home}/runs/ubuntu", kit.root / "elsewhere")
    os.symlink(kit.root / "elsewhere", f"{kit.home}/runs/ubuntu")

    assert refusal(area.remove(prepared.run_dir, kit.owner()))
    assert (kit.root / "elsewhere/nfs/w1/t/out").exists()


def test_what_carries_no_marker_is_refused(kit: AreaKit) -> None:
    area = kit.work_area()
    prepared = ran(kit, area)
    os.unlink(prepared.script)

    assert "no marker" in refusal(area.remove(prepared.run_dir, kit.owner()))
    assert Path(prepared.run_dir, "main.sh").exists()


def test_a_borrowed_marker_does_not_count(kit: AreaKit) -> None:
    area = kit.work_area()
    prepared = ran(kit, area)
    victim = kit.home / "runs" / "ubuntu" / "nfs" / "w1" / "victim"
    victim.mkdir()
    os.symlink(f"{prepared.run_dir}/.megatest", victim / ".megatest")

    assert "no marker" in refusal(area.remove(str(victim), kit.owner()))
    assert victim.exists()


def test_another_tests_directory_is_refused(kit: AreaKit) -> None:
    area = kit.work_area()
    prepared = ran(kit, area, "a")

    assert "belongs to ubuntu/nfs/w1/t/a" in refusal(area.remove(prepared.run_dir, kit.owner("b")))
    assert Path(prepared.run_dir, "main.sh").exists()


def test_another_attempt_or_row_of_the_same_test_is_no_hindrance(kit: AreaKit) -> None:
    area = kit.work_area()
    prepared = ran(kit, area, attempt=5)

    assert isinstance(area.remove(prepared.run_dir, kit.owner()), Removed)


def test_a_path_outside_the_disks_is_refused(kit: AreaKit) -> None:
    disk = kit.disk("unconfigured")
    prepared = ran(kit, kit.work_area(), disk=disk)

    assert "none of the area's disks" in refusal(remove_test(prepared.run_dir, kit.owner(), roots(kit)))
    assert isinstance(remove_test(prepared.run_dir, kit.owner(), roots(kit, disk)), Removed)


@pytest.mark.parametrize("path", ["/", "", ".", "runs/t", "//etc", "/etc/../etc", "{home}/runs/./x"])
def test_paths_that_are_not_plain_are_refused(kit: AreaKit, path: str) -> None:
    assert refusal(remove_test(path.format(home=kit.home), kit.owner(), roots(kit)))


def test_the_area_its_disks_its_tests_and_home_are_refused(kit: AreaKit) -> None:
    outer = Disk(name="outer", path=str(kit.root))
    everywhere = roots(kit, outer, home=f"{kit.root}/home/me")
    for path in (
        kit.home,
        kit.home / "runs",
        kit.home / "lt",
        kit.root / "home",
        kit.root / "home/me",
        kit.root,
    ):
        assert "it is or holds" in refusal(remove_test(str(path), kit.owner(), everywhere))
    assert "which holds tests" in refusal(remove_test(str(kit.source), kit.owner(), everywhere))


def test_nothing_below_a_mount_point_is_removed(kit: AreaKit) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    prepared = ran(kit, kit.work_area())
    precious = kit.root / "precious"
    precious.mkdir()
    (precious / "file").touch()
    point = f"{prepared.run_dir}/out/deep"
    done = subprocess.run(["mount", "--bind", precious, point], capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"no mounts here: {done.stderr.decode().strip()}")
    try:
        assert "another file system is mounted on" in refusal(
            remove_test(prepared.run_dir, kit.owner(), roots(kit))
        )
    finally:
        subprocess.run(["umount", point], check=True)
    assert (precious / "file").exists()
    assert isinstance(remove_test(prepared.run_dir, kit.owner(), roots(kit)), Removed)


def test_a_directory_that_is_gone_is_removed_already(kit: AreaKit) -> None:
    area = kit.work_area()
    prepared = ran(kit, area)
    subprocess.run(["rm", "-rf", prepared.run_dir], check=True)

    assert isinstance(area.remove(prepared.run_dir, kit.owner()), Removed)
    assert not os.path.lexists(prepared.link)


def test_a_tree_deeper_than_the_stack_and_than_any_path_goes(kit: AreaKit) -> None:
    prepared = ran(kit, kit.work_area())
    # Longer than PATH_MAX in all, so it can only be made and unmade step by step.
    current = os.open(prepared.run_dir, os.O_RDONLY)
    for _ in range(900):
        os.mkdir("ddddd", dir_fd=current)
        above, current = current, os.open("ddddd", os.O_RDONLY, dir_fd=current)
        os.close(above)
    os.close(current)

    with short_stack():
        done = remove_test(prepared.run_dir, kit.owner(), roots(kit))

    assert isinstance(done, Removed)
    assert not os.path.exists(prepared.run_dir)


def test_what_its_owner_may_not_read_or_write_goes_too(kit: AreaKit) -> None:
    prepared = ran(kit, kit.work_area())
    os.chmod(f"{prepared.run_dir}/out/deep", 0o000)
    os.chmod(f"{prepared.run_dir}/out", 0o500)
    code = 0
    if os.geteuid() == 0:
        # As somebody for whom modes count; root's rights are gone with the user id.
        subprocess.run(["chown", "-R", "65534:65534", kit.root], check=True)
        for above in (kit.root, *list(kit.root.parents)[:3]):
            if above != Path("/tmp"):
                os.chmod(above, 0o777)
        child = os.fork()
        if child == 0:
            os.setgid(65534)
            os.setuid(65534)
            done = remove_test(prepared.run_dir, kit.owner(), roots(kit))
            os._exit(0 if isinstance(done, Removed) else 1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    else:
        code = 0 if isinstance(remove_test(prepared.run_dir, kit.owner(), roots(kit)), Removed) else 1

    assert code == 0
    assert not os.path.exists(prepared.run_dir)


def test_a_removal_that_was_cut_off_can_be_done_again(kit: AreaKit) -> None:
    prepared = ran(kit, kit.work_area())

    def stop(name: str) -> None:
        raise OSError(5, "Input/output error", name)

    assert "Input/output error" in refusal(
        remove_test(prepared.run_dir, kit.owner(), roots(kit), on_step=stop)
    )
    assert isinstance(remove_test(prepared.run_dir, kit.owner(), roots(kit)), Removed)
    assert everything(kit) == []
