"""Run directories on their way to an ssh host and back: cut off in the middle, refused, overtaken."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from megatest.executors.setting import SshSettings
from megatest.executors.ssh import SshExecutor
from megatest.model.job import ChangeKind, Job
from services.executor_place import Behaviour, SshPlaces, Watch, Workshop, glance, log_of, times_run
from services.service import Services
from services.test_ssh_faults import end_clients

_BIG = os.urandom(1 << 20)

# The master connection passes.  Of the transfers, those that are armed lose what comes after some bytes,
# as on a connection that breaks.
_TAP = """\
#!/bin/sh
case " $* " in *ControlMaster=yes*) exec {ssh} "$@" ;; esac
touch "{tap}/seen"
while [ -e "{tap}/stuck" ]; do sleep 0.05; done
if [ -e "{tap}/out" ]; then
  [ -e "{tap}/always" ] || rm "{tap}/out"
  head -c 300000 | {ssh} "$@"
  exit 255
elif [ -e "{tap}/back" ]; then
  [ -e "{tap}/always" ] || rm "{tap}/back"
  {ssh} "$@" | head -c 300000
  exit 255
fi
exec {ssh} "$@"
"""


class Far:
    """A host that gets copies, and transfers to it that can be cut."""

    def __init__(self, places: SshPlaces, directory: Path) -> None:
        self.places = places
        self.directory = directory / "far"
        self.tap = directory / "tap"
        self.tap.mkdir()
        script = self.tap / "ssh"
        script.write_text(_TAP.format(ssh=shutil.which("ssh"), tap=self.tap))
        script.chmod(0o755)
        self._open: list[SshExecutor] = []

    def executor(self, *slots: int, directories: Sequence[str] = (), speed: int = 1) -> SshExecutor:
        """Return a new executor.

        Args:
            slots: of each host; one of eight without.
            directories: of each host.
            speed: how much faster its clock runs: pauses are short, and limits as long as ever.
        """
        executor = self.places.make(
            *(slots or (8,)),
            settings=SshSettings(
                connect_timeout_s=60 * speed, lost_after_s=300 * speed, transfer_timeout_s=300 * speed
            ),
            directories=directories or [str(self.directory)],
            path=str(self.tap),
            clock=lambda: time.monotonic() * speed,
        )
        self._open.append(executor)
        return executor

    def copies(self) -> list[str]:
        """Return the names of what is there, besides what tests call."""
        return [name for name in os.listdir(self.directory) if not name.startswith(".megatest-")]

    def close(self) -> None:
        for executor in self._open:
            executor.close()


@pytest.fixture
def far(services: Services, tmp_path: Path) -> Iterator[Far]:
    far = Far(SshPlaces(services("ssh-up", 2)), tmp_path)
    yield far
    far.close()


def _watch(far: Far, workshop: Workshop, *, speed: int = 1) -> Watch:
    """Return a watch on an executor that has already brought what tests call to the host."""
    watch = Watch(far.executor(speed=speed))
    first = workshop.job()
    watch.executor.submit([first])
    watch.until_ended([first])
    return watch


def _with_payload(workshop: Workshop, behaviour: Behaviour = Behaviour()) -> Job:  # noqa: B008
    job = workshop.job(behaviour)
    Path(job.run_dir, "payload").write_bytes(_BIG)
    return job


def _make_it_copy_its_payload(job: Job) -> None:
    script = Path(job.script)
    text = script.read_text()
    script.write_text(
        text.replace("echo once", "cp payload result; mkdir -p made; echo x >made/last\necho once")
    )


def test_a_directory_cut_off_on_its_way_out_is_sent_again_and_begins_whole(
    far: Far, workshop: Workshop
) -> None:
    watch = _watch(far, workshop)
    job = _with_payload(workshop)
    _make_it_copy_its_payload(job)
    (far.tap / "out").touch()
    watch.executor.submit([job])
    end = watch.until_ended([job])[job.row]
    assert not (far.tap / "out").exists()
    assert (end.kind, end.code) == (ChangeKind.ENDED, 0)
    assert times_run(job) == 1
    assert Path(job.run_dir, "result").read_bytes() == _BIG
    watch.executor.finish()
    assert far.copies() == []


def test_results_cut_off_on_their_way_back_are_brought_again_before_they_count(
    far: Far, workshop: Workshop, tmp_path: Path
) -> None:
    watch = _watch(far, workshop)
    job = _with_payload(workshop, Behaviour(code=3, gate=tmp_path / "gate"))
    _make_it_copy_its_payload(job)
    watch.executor.submit([job])
    watch.until(lambda: times_run(job) == 1)
    (far.tap / "back").touch()
    (far.tap / "always").touch()
    (far.tap / "seen").unlink()
    (tmp_path / "gate").touch()
    watch.until(lambda: _tries(far) >= 2)
    assert glance(job.run_dir)[1] is None
    assert job.row not in watch.final
    (far.tap / "always").unlink()
    (far.tap / "back").unlink()
    end = watch.until_ended([job])[job.row]
    assert (end.kind, end.code) == (ChangeKind.ENDED, 3)
    assert times_run(job) == 1
    assert Path(job.run_dir, "result").read_bytes() == _BIG
    assert not Path(job.run_dir, ".mt-journal").exists()


def _tries(far: Far) -> int:
    """Return how often something was cut off: each leaves its mark anew."""
    seen = far.tap / "seen"
    count = far.tap / "count"
    if seen.exists():
        seen.unlink()
        with count.open("a") as file:
            file.write("x")
    return len(count.read_text()) if count.exists() else 0


def test_results_that_never_come_back_are_a_loss_and_no_success(
    far: Far, workshop: Workshop, tmp_path: Path
) -> None:
    watch = _watch(far, workshop, speed=20)
    job = _with_payload(workshop, Behaviour(gate=tmp_path / "gate"))
    watch.executor.submit([job])
    watch.until(lambda: times_run(job) == 1)
    (far.tap / "always").touch()
    (far.tap / "back").touch()
    (tmp_path / "gate").touch()
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST
    assert "cannot be brought back" in end.reason
    assert glance(job.run_dir)[1] is None
    assert times_run(job) == 1
    assert len(far.copies()) == 1  # it is all that there is of the results


def test_results_that_nobody_wants_to_wait_for_any_more_are_given_up(
    far: Far, workshop: Workshop, tmp_path: Path
) -> None:
    watch = _watch(far, workshop, speed=20)
    job = _with_payload(workshop, Behaviour(gate=tmp_path / "gate"))
    watch.executor.submit([job])
    watch.until(lambda: times_run(job) == 1)
    (far.tap / "stuck").touch()
    (far.tap / "seen").unlink()
    (tmp_path / "gate").touch()
    watch.until((far.tap / "seen").exists)
    watch.executor.cancel([job.row], 0)
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST
    assert glance(job.run_dir)[1] is None
    (far.tap / "stuck").unlink()


def test_an_executor_that_ends_while_it_sends_leaves_nothing_that_begins_later(
    far: Far, workshop: Workshop
) -> None:
    watch = _watch(far, workshop)
    job = _with_payload(workshop)
    (far.tap / "stuck").touch()
    (far.tap / "seen").unlink()
    watch.executor.submit([job])
    watch.until((far.tap / "seen").exists)
    watch.executor.close()
    (far.tap / "stuck").unlink()
    watch = Watch(far.executor())
    watch.take(watch.executor.adopt([(job, "")]))
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST
    assert times_run(job) == 0


def test_a_job_cancelled_on_its_way_out_never_begins(far: Far, workshop: Workshop) -> None:
    watch = _watch(far, workshop)
    job = _with_payload(workshop)
    (far.tap / "stuck").touch()
    (far.tap / "seen").unlink()
    watch.executor.submit([job])
    watch.until((far.tap / "seen").exists)
    watch.executor.cancel([job.row], 5)
    end = watch.until_ended([job])[job.row]
    assert (end.kind, end.code) == (ChangeKind.ENDED, None)
    (far.tap / "stuck").unlink()
    watch.executor.finish()
    assert far.copies() == []
    assert times_run(job) == 0


def test_a_job_whose_attempt_was_revoked_on_its_way_out_does_not_begin(far: Far, workshop: Workshop) -> None:
    watch = _watch(far, workshop)
    job = workshop.job()
    watch.executor.submit([job])
    Path(job.run_dir, ".megatest/journal").write_text('{"k":"revoked","v":1,"attempt":1}\n')
    end = Watch.until_ended(watch, [job])[job.row]
    assert end.code == 75
    assert times_run(job) == 0


def test_a_host_without_room_for_copies_leaves_them_to_another(
    far: Far, workshop: Workshop, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    executor = far.executor(2, 1, directories=[str(blocked / "below"), str(far.directory)], speed=20)
    watch = Watch(executor)
    jobs = [workshop.job() for _ in range(3)]
    executor.submit(jobs)
    ends = watch.until_ended(jobs)
    assert {(end.code, end.host) for end in ends.values()} == {(0, "loop2")}
    assert [times_run(job) for job in jobs] == [1, 1, 1]


def test_what_no_host_can_take_says_why(far: Far, workshop: Workshop, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    executor = far.executor(2, directories=[str(blocked / "below")], speed=20)
    watch = Watch(executor)
    job = workshop.job()
    executor.submit([job])
    end = watch.until_ended([job])[job.row]
    assert end.code is None
    assert "cannot be sent to loop1" in end.reason
    assert "irectory" in end.reason
    assert times_run(job) == 0


def test_a_job_that_ends_while_the_session_is_broken_is_brought_back_by_the_next(
    far: Far, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    watch = _watch(far, workshop)
    job = workshop.job(Behaviour(gate=gate, code=4, says="to the last"))
    watch.executor.submit([job])
    watch.until_told(job, ChangeKind.STARTED)
    watch.until(lambda: times_run(job) == 1)
    end_clients()
    gate.touch()
    end = watch.until_ended([job])[job.row]
    assert (end.kind, end.code) == (ChangeKind.ENDED, 4)
    assert log_of(job) == "to the last"
    watch.executor.finish()
    assert far.copies() == []
    assert not Path(job.run_dir, ".megatest/away").exists()
