"""The ssh executor when sessions break and hosts go away: a real sshd, the jobs of the contract."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from megatest.executors import process
from megatest.executors.setting import SshSettings
from megatest.model.job import ChangeKind, Job
from services.executor_place import Behaviour, SshPlaces, Watch, Workshop, glance, times_run
from services.service import Services


@pytest.fixture
def places(services: Services) -> SshPlaces:
    return SshPlaces(services("ssh-up", 2))


@pytest.fixture
def breakable(places: SshPlaces, tmp_path: Path) -> Breakable:
    text = Path(places.environment["MEGATEST_TEST_SSH_CONFIG"]).read_text()
    return Breakable(tmp_path / "ssh_config", text)


class Breakable:
    """Hosts whose way to them can be cut and mended."""

    def __init__(self, config: Path, text: str) -> None:
        self._config = config
        self._text = text
        self.mend()
        self.places = SshPlaces(os.environ | {"MEGATEST_TEST_SSH_CONFIG": str(config)})

    def mend(self) -> None:
        self._config.write_text(self._text)

    def cut(self) -> None:
        """Let the way lead nowhere and end the present sessions."""
        self._config.write_text(
            self._text.replace("HostName 127.0.0.1", "HostName 127.0.0.1\n  ProxyCommand false")
        )
        end_clients()


def end_clients() -> None:
    """Kill our ssh clients, as a broken network would."""
    clients = [p for p in process.all_processes() if p.parent == os.getpid() and p.name == "ssh"]
    assert clients
    for client in clients:
        os.kill(client.pid, 9)


def _started(watch: Watch, workshop: Workshop, gate: Path, count: int = 1) -> list[Job]:
    jobs = [workshop.job(Behaviour(gate=gate, code=3)) for _ in range(count)]
    watch.executor.submit(jobs)
    watch.until(lambda: all(times_run(job) == 1 for job in jobs))
    for job in jobs:
        watch.until_told(job, ChangeKind.STARTED)
    return jobs


def test_a_broken_session_is_made_anew_and_its_jobs_go_on(
    places: SshPlaces, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    executor = places.make(4)
    watch = Watch(executor)
    jobs = _started(watch, workshop, gate, 3)
    end_clients()
    watch.until(lambda: bool(executor.trouble))
    watch.until(lambda: not executor.trouble)
    gate.touch()
    ends = watch.until_ended(jobs)
    executor.close()
    assert [(ends[job.row].kind, ends[job.row].code) for job in jobs] == [(ChangeKind.ENDED, 3)] * 3
    assert [times_run(job) for job in jobs] == [1] * 3


def test_jobs_that_end_while_the_session_is_broken_are_settled_by_their_journal(
    breakable: Breakable, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    executor = breakable.places.make(4)
    watch = Watch(executor)
    [job] = _started(watch, workshop, gate)
    breakable.cut()
    watch.until(lambda: bool(executor.trouble))
    gate.touch()
    watch.until(lambda: glance(job.run_dir)[1] is not None)
    breakable.mend()
    end = watch.until_ended([job])[job.row]
    executor.close()
    assert (end.kind, end.code) == (ChangeKind.ENDED, 3)


def test_a_job_killed_while_the_session_is_broken_is_lost_and_no_success(
    breakable: Breakable, workshop: Workshop, tmp_path: Path
) -> None:
    executor = breakable.places.make(4)
    watch = Watch(executor)
    [job] = _started(watch, workshop, tmp_path / "never")
    breakable.cut()
    watch.until(lambda: bool(executor.trouble))
    started, _ = glance(job.run_dir)
    assert started is not None
    os.kill(started.pid, 9)
    breakable.mend()
    end = watch.until_ended([job])[job.row]
    executor.close()
    assert end.kind is ChangeKind.LOST
    assert "no exit record" in end.reason


def test_a_host_that_stays_away_loses_its_jobs_and_ends_them_when_it_is_back(
    breakable: Breakable, workshop: Workshop, tmp_path: Path
) -> None:
    executor = breakable.places.make(4, settings=SshSettings(lost_after_s=1))
    watch = Watch(executor)
    [job] = _started(watch, workshop, tmp_path / "never")
    breakable.cut()
    end = watch.until_ended([job])[job.row]
    assert end.kind is ChangeKind.LOST
    assert "has not answered for 1 s" in end.reason
    assert executor.slots == 1  # closed; one, so that what comes is queued
    started, _ = glance(job.run_dir)
    assert started is not None
    late = workshop.job()
    executor.submit([late])
    assert process.is_alive(started.pid, started.pid_started, "")
    breakable.mend()
    watch.until_ended([late])
    watch.until(lambda: not process.is_alive(started.pid, started.pid_started, ""))
    assert executor.slots == 4
    executor.close()


def test_a_cancel_reaches_a_host_that_was_away_when_it_is_back(
    breakable: Breakable, workshop: Workshop, tmp_path: Path
) -> None:
    executor = breakable.places.make(4)
    watch = Watch(executor)
    [job] = _started(watch, workshop, tmp_path / "never")
    breakable.cut()
    watch.until(lambda: bool(executor.trouble))
    executor.cancel([job.row], 0)
    breakable.mend()
    watch.until_ended([job])
    executor.close()
    started, _ = glance(job.run_dir)
    assert started is not None
    assert not process.is_alive(started.pid, started.pid_started, "")


def test_hosts_that_never_answer_leave_jobs_pending_with_the_reason(
    workshop: Workshop,
) -> None:
    places = SshPlaces(os.environ | {"MEGATEST_TEST_SSH_CONFIG": "/nonexistent/config"})
    executor = places.make(2)
    watch = Watch(executor)
    job = workshop.job()
    [answer] = executor.submit([job])
    assert not answer.error
    watch.until(lambda: any("config" in change.reason for change in watch.news))
    assert watch.news[-1].kind is ChangeKind.PENDING
    assert times_run(job) == 0
    executor.close()


def test_more_jobs_than_slots_wait_and_all_run(places: SshPlaces, workshop: Workshop) -> None:
    executor = places.make(2, 1)
    watch = Watch(executor)
    jobs = [workshop.job() for _ in range(20)]
    executor.submit(jobs)
    watch.until_ended(jobs)
    executor.close()
    assert [times_run(job) for job in jobs] == [1] * 20


def test_no_host_gets_more_jobs_at_once_than_it_has_slots(
    places: SshPlaces, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    executor = places.make(2, 1)
    watch = Watch(executor)
    jobs = [workshop.job(Behaviour(gate=gate)) for _ in range(5)]
    executor.submit(jobs)
    watch.until(lambda: sum(times_run(job) for job in jobs) == 3)
    watch.until(lambda: any("slots" in change.reason for change in watch.news))
    waiting = {c.row for c in watch.news if c.kind is ChangeKind.PENDING and "slots" in c.reason}
    assert waiting.isdisjoint(job.row for job in jobs if times_run(job))
    hosts = [change.host for change in watch.news if change.kind is ChangeKind.STARTED]
    assert len(waiting) == 2
    assert sorted(hosts) == ["loop1", "loop1", "loop2"]
    gate.touch()
    watch.until_ended(jobs)
    executor.close()
    assert [times_run(job) for job in jobs] == [1] * 5


def test_a_remake_finds_jobs_by_their_name_when_the_journal_does_not_tell(
    places: SshPlaces, workshop: Workshop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    executor = places.make(4)
    [job] = _started(Watch(executor), workshop, gate)
    executor.close()
    journal = Path(job.run_dir, ".megatest/journal")
    kept = journal.read_text()
    journal.write_text("")
    executor = places.make(4)
    watch = Watch(executor)
    [change] = executor.adopt([(job, "")])
    assert change.kind is ChangeKind.STARTED
    journal.write_text(kept)
    gate.touch()
    end = watch.until_ended([job])[job.row]
    executor.close()
    assert end.code == 3
