"""The executor for ssh hosts: many jobs through one session a host.

To an agent a job is a number of ours; to the world it is its host's boot id, its pid and its
start time.  When a session breaks its jobs go on; the next session looks for them by that
identity.  What it finds is asked about again and again, because the new agent is not its
parent: how such a job ended only its journal knows.  A host that stays away for longer than
`lost_after_s` loses its jobs; should it come back, what it still runs of them is ended.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping, Sequence

from megatest.executors.command import Glance
from megatest.executors.remote import KILL_STEP_S, Host, Remote, Stage
from megatest.executors.session import Session
from megatest.executors.setting import SshSettings
from megatest.model.job import ChangeKind, Job, JobChange, Submission
from megatest.model.spec import HostSlots

_LOOK_EVERY_S = 1.0
_LONGEST_KILL_STEP_S = 2.0
_SIGNAL_CODES = 128
_NO_END = "it ended while no session was there to tell how, and left no exit record"


class SshExecutor:
    """Runs jobs on hosts that are reached by ssh and share the directories of runs.

    Args:
        hosts: names and slots, as in ``[hosts]``.
        settings: of ``[executor ssh]``.
        glance: reads the begin and the end from a journal.
        environment: of the ssh clients.
        clock: monotonic seconds.
    """

    name = "ssh"
    queues = False

    def __init__(
        self,
        *,
        hosts: Sequence[HostSlots],
        settings: SshSettings,
        glance: Glance,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._glance = glance
        self._clock = clock
        self._hosts = [
            Host(session=Session(host.name, settings, environment, clock), slots=host.slots) for host in hosts
        ]
        self._by_row: dict[int, Remote] = {}
        self._by_number: dict[int, Remote] = {}
        self._waiting: dict[int, Remote] = {}
        self._sought: dict[int, Remote] = {}
        self._ending: dict[int, Remote] = {}
        self._last_number = 0
        self._news: list[JobChange] = []

    @property
    def slots(self) -> int:
        """The slots of all hosts but those given up; at least 1, so that jobs queue meanwhile."""
        return max(1, sum(host.slots for host in self._hosts if not host.dead))

    @property
    def trouble(self) -> str:
        """A sentence for the user while hosts do not answer; else empty."""
        away = [f"{host.name} ({host.session.trouble})" for host in self._hosts if host.session.trouble]
        return f"no connection to {', '.join(away)}" if away else ""

    # -- beginning ------------------------------------------------------------------------------

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Hand jobs to the hosts with free slots; the others wait here.

        Never waits for a host: the identity that a later engine needs is in the journal.
        """
        answers = [self._take(job) for job in jobs]
        self._hand_out()
        return answers

    def _take(self, job: Job) -> Submission:
        known = self._by_row.get(job.row)
        if known is None or known.job.name != job.name:
            for path in (job.script, job.log):
                if any(c in path for c in "\t\n\r\0"):
                    return Submission(row=job.row, error=f"path {path!r} holds a tab or a line break")
            remote = self._register(job)
            self._waiting[remote.number] = remote
        return Submission(row=job.row, handle=f"ssh:{job.name}")

    def _register(self, job: Job) -> Remote:
        self._last_number += 1
        remote = Remote(job=job, number=self._last_number)
        self._by_row[job.row] = remote
        self._by_number[remote.number] = remote
        return remote

    def _hand_out(self) -> None:
        """Give waiting jobs to free slots, those of the emptiest host first."""
        for remote in list(self._waiting.values()):
            host = max(self._hosts, key=lambda host: host.free, default=None)
            if host is None or host.free <= 0:
                break
            del self._waiting[remote.number]
            self._place(remote, host, Stage.STARTED)
            job = remote.job
            host.session.send("start", remote.number, job.name, job.script, job.log)
        if self._waiting:
            reason = self.trouble or "all slots of the ssh hosts are taken"
            for remote in self._waiting.values():
                self._tell(remote, ChangeKind.PENDING, reason)

    def _place(self, remote: Remote, host: Host, stage: Stage) -> None:
        remote.host = host
        remote.stage = stage
        remote.boot_id = host.boot_id
        host.jobs[remote.number] = remote

    # -- finding again ----------------------------------------------------------------------------

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Look for jobs of an earlier engine on all hosts; blocks for one time limit at most.

        What a host that does not answer may have is sought until it answers or is given up.
        """
        remotes = [self._seek(self._register(job)) for job, _handle in jobs]
        deadline = self._clock() + self._settings.connect_timeout_s
        while any(remote.number in self._sought for remote in remotes) and self._clock() < deadline:
            self._turn()
            if all(host.is_up or host.session.has_failed for host in self._hosts) and not self._asked():
                break
            self._wait_for_a_moment(deadline)
        return [self._found_out(remote) for remote in remotes]

    def _seek(self, remote: Remote) -> Remote:
        """Ask every host, now or when it is up, for a job."""
        started, ended = self._glance(remote.job.run_dir)
        remote.stage = Stage.SOUGHT
        remote.sought_since = self._clock()
        remote.denied.clear()
        if ended is not None:
            self._settle(remote, "")
            return remote
        if started is not None:
            remote.pid, remote.ticks, remote.boot_id = started.pid, started.pid_started, started.boot_id
        self._sought[remote.number] = remote
        for host in self._hosts:
            if remote.number not in self._sought:
                break
            if host.greeted:
                self._ask(host, remote)
            elif host.dead:
                self._denied(remote, host)
        return remote

    def _ask(self, host: Host, remote: Remote) -> None:
        """Ask one host for a job, by identity if it is known, else by the mark of its name."""
        if remote.pid and remote.boot_id and remote.boot_id != host.boot_id:
            self._denied(remote, host)
        elif remote.pid and remote.ticks:
            host.session.send("look", remote.number, remote.pid, remote.ticks)
        else:
            host.session.send("seek", remote.number, remote.job.name)

    def _asked(self) -> bool:
        """Return whether an answer about a sought job is still to come from a host that is up."""
        return any(
            host.is_up and host.name not in remote.denied
            for remote in self._sought.values()
            for host in self._hosts
        )

    def _denied(self, remote: Remote, host: Host) -> None:
        """A host does not have a job; when none has, it is over."""
        remote.denied.add(host.name)
        if remote.denied.issuperset(host.name for host in self._hosts):
            self._settle(remote, "no host has it")

    def _found_out(self, remote: Remote) -> JobChange:
        """Return what adoption brought to light about a job."""
        told = [change for change in self._news if change.row == remote.job.row]
        self._news = [change for change in self._news if change.row != remote.job.row]
        if told:
            return told[-1]
        reason = self.trouble or "it is being looked for"
        return remote.change(ChangeKind.STARTED if remote.pid else ChangeKind.PENDING, reason=reason)

    def _wait_for_a_moment(self, deadline: float) -> None:
        wait = select.poll()
        for fd in self.fds():
            wait.register(fd, select.POLLIN)
        due_s = self.next_poll_s()
        left_s = max(0.0, deadline - self._clock())
        wait.poll(1000 * min(left_s, 0.5 if due_s is None else due_s))

    # -- news -----------------------------------------------------------------------------------

    def poll(self) -> Sequence[JobChange]:
        """Talk to all hosts as far as they are ready; never blocks."""
        self._turn()
        news, self._news = self._news, []
        return news

    def _turn(self) -> None:
        now = self._clock()
        for host in self._hosts:
            was_up = host.is_up
            for words in host.session.poll():
                self._hear(host, words)
            if was_up and not host.is_up:
                host.greeted = False
            self._care_for(host, now)
        self._go_on_ending(now)
        self._hand_out()
        for host in self._hosts:
            host.session.flush()

    def _care_for(self, host: Host, now: float) -> None:
        """Ask about watched jobs when due; give a host up that is away for too long."""
        if host.is_up:
            if now >= host.look_at:
                host.look_at = now + _LOOK_EVERY_S
                for remote in host.watched():
                    host.session.send("look", remote.number, remote.pid, remote.ticks)
        elif not host.dead and now - host.session.down_since > self._settings.lost_after_s:
            self._give_up(host)

    def _give_up(self, host: Host) -> None:
        host.dead = True
        reason = f"host {host.name} has not answered for {self._settings.lost_after_s:g} s"
        for remote in list(host.jobs.values()):
            host.given_up.append((remote.job.name, remote.pid))
            self._settle(remote, f"{reason}: {host.session.trouble}")
        for remote in list(self._sought.values()):
            self._denied(remote, host)

    def _hear(self, host: Host, words: list[str]) -> None:
        """Take in one answer of an agent; what is no answer is passed over."""
        if words[0] == "hello":
            self._greet(host)
            return
        remote = self._by_number.get(int(words[1])) if len(words) > 1 and words[1].isdecimal() else None
        if remote is None or (remote.end is not None and words[0] != "reached"):
            return
        match words:
            case ["pid", _, pid, ticks] if pid.isdecimal() and ticks.isdecimal():
                self._identified(remote, host, int(pid), int(ticks))
            case ["alive", _]:
                self._identified(remote, host, remote.pid, remote.ticks)
            case ["gone", _]:
                self._gone(remote, host)
            case ["end", _, code, *left] if code.isdecimal():
                self._ended(remote, int(code), left)
            case ["fail", _, *reason]:
                self._finish(remote, remote.change(ChangeKind.ENDED, reason=" ".join(reason)))
            case ["reached", _, count] if count == "0" and remote.end is not None:
                self._finish(remote, remote.end)

    def _greet(self, host: Host) -> None:
        """A session is up: look for what its host had, and for what is sought."""
        rebooted = host.boot_id not in ("", host.session.boot_id)
        host.boot_id = host.session.boot_id
        host.greeted = True
        host.dead = False
        for name, pid in host.given_up:
            host.session.send("reach", 0, name, pid, "KILL")
        host.given_up.clear()
        for remote in list(host.jobs.values()):
            if rebooted:
                self._settle(remote, f"host {host.name} was started anew")
            elif remote.pid:
                remote.stage = Stage.WATCHED
                host.session.send("look", remote.number, remote.pid, remote.ticks)
            else:
                host.session.send("seek", remote.number, remote.job.name)
        for remote in list(self._sought.values()):
            self._ask(host, remote)

    def _identified(self, remote: Remote, host: Host, pid: int, ticks: int) -> None:
        """A host has a job, under this pid."""
        remote.pid, remote.ticks = pid, ticks
        if remote.stage is Stage.SOUGHT:
            del self._sought[remote.number]
            self._place(remote, host, Stage.WATCHED)
        self._tell(remote, ChangeKind.STARTED)

    def _gone(self, remote: Remote, host: Host) -> None:
        """A host does not have a job (any more)."""
        if remote.stage is Stage.SOUGHT:
            self._denied(remote, host)
        elif remote.stage is Stage.WATCHED:
            self._settle(remote, _NO_END)
        elif remote.host is host and not remote.pid:
            # The session broke before the agent could answer.
            started, ended = self._glance(remote.job.run_dir)
            if started is None and ended is None:
                self._start_over(remote, host)
            else:
                self._settle(remote, _NO_END)

    def _start_over(self, remote: Remote, host: Host) -> None:
        """Nothing of a job has begun: it waits again."""
        del host.jobs[remote.number]
        remote.host = None
        remote.stage = Stage.WAITING
        self._waiting[remote.number] = remote

    def _ended(self, remote: Remote, status: int, left: list[str]) -> None:
        """The agent tells the end of a job script."""
        started, ended = self._glance(remote.job.run_dir)
        if ended is None and started is not None and remote.pid and started.pid not in (0, remote.pid):
            # It only said that it was begun before, when a start was given up for lost.
            remote.pid, remote.ticks, remote.stage = started.pid, started.pid_started, Stage.WATCHED
            return
        if left:
            self._news.append(_left_behind(remote.job, left))
        if ended is not None:
            self._finish(remote, remote.change(ChangeKind.ENDED, code=ended.code))
        elif status > _SIGNAL_CODES:
            # A shell cannot tell a signal from such an exit code; job scripts do not use them.
            self._finish(remote, remote.change(ChangeKind.ENDED, signal=status - _SIGNAL_CODES))
        else:
            self._finish(remote, remote.change(ChangeKind.ENDED, code=status))

    def _settle(self, remote: Remote, reason: str) -> None:
        """Nobody can tell a job's end: its journal does, or it is lost."""
        _, ended = self._glance(remote.job.run_dir)
        if ended is not None:
            self._finish(remote, remote.change(ChangeKind.ENDED, code=ended.code))
        elif remote.kill_at is not None and remote.host is not None and remote.host.is_up:
            self._finish(remote, remote.change(ChangeKind.ENDED, reason="ended on request"))
        else:
            self._finish(remote, remote.change(ChangeKind.LOST, reason=reason))

    def _finish(self, remote: Remote, end: JobChange) -> None:
        """Tell the end of a job; of one being ended, once nothing of it is left."""
        if (
            remote.kill_at is not None
            and remote.host is not None
            and remote.host.is_up
            and remote.end is None
        ):
            remote.end = end
            remote.signal_at = 0
            remote.step_s = KILL_STEP_S
            return
        for register in (self._by_number, self._waiting, self._sought, self._ending):
            register.pop(remote.number, None)
        if self._by_row.get(remote.job.row) is remote:
            del self._by_row[remote.job.row]
        if remote.host is not None:
            remote.host.jobs.pop(remote.number, None)
        self._news.append(end)

    def _tell(self, remote: Remote, kind: ChangeKind, reason: str = "") -> None:
        if remote.told != (kind, reason):
            remote.told = (kind, reason)
            self._news.append(remote.change(kind, reason=reason))

    # -- ending ---------------------------------------------------------------------------------

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """Begin to end jobs; `poll` carries it on, on a host that is away once it is back."""
        now = self._clock()
        for row in rows:
            remote = self._by_row.get(row)
            if remote is None:
                continue
            if remote.stage is Stage.WAITING:
                self._finish(remote, remote.change(ChangeKind.ENDED, reason="ended before it began"))
                continue
            at = now + grace_s
            remote.kill_at = at if remote.kill_at is None else min(remote.kill_at, at)
            remote.signal_at = 0
            self._ending[remote.number] = remote

    def _go_on_ending(self, now: float) -> None:
        """Send TERM once, KILL from the end of the grace on; ask what is left after the end."""
        for remote in self._ending.values():
            if remote.host is None or not remote.host.greeted or now < remote.signal_at:
                continue
            assert remote.kill_at is not None
            number = "KILL" if now >= remote.kill_at else "0" if remote.termed else "TERM"
            remote.host.session.send("reach", remote.number, remote.job.name, remote.pid, number)
            remote.termed = True
            remote.signal_at = now + remote.step_s
            remote.step_s = min(remote.step_s * 1.5, _LONGEST_KILL_STEP_S)
            if remote.end is None and now < remote.kill_at:
                remote.signal_at = remote.kill_at

    # -- waiting --------------------------------------------------------------------------------

    def recorded(self, row: int, code: int) -> None:
        """Nothing to do: ends are known as they happen."""

    def fds(self) -> Sequence[int]:
        """Return the descriptors of the sessions."""
        return [fd for host in self._hosts for fd in host.session.fds()]

    def next_poll_s(self) -> float | None:
        """Return when something is due; None if there are no jobs."""
        if self._news:
            return 0.0
        if not self._by_row:
            return None
        due: list[float] = []
        for host in self._hosts:
            due += [at for at in (host.session.due_at(),) if at is not None]
            if not host.is_up and not host.dead:
                due.append(host.session.down_since + self._settings.lost_after_s)
            if host.is_up and host.watched():
                due.append(host.look_at)
        # On a host that is away a signal waits for the session.
        due += [r.signal_at for r in self._ending.values() if r.host is not None and r.host.greeted]
        return max(0.0, min(due) - self._clock()) if due else None

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Nothing to do: agents end it when the job ends."""

    def finish(self) -> Sequence[JobChange]:
        """Nothing remains: agents end what jobs left behind before they tell the end."""
        return ()

    def close(self) -> None:
        """End the sessions; jobs go on."""
        for host in self._hosts:
            host.session.drop()


def _left_behind(job: Job, left: Sequence[str]) -> JobChange:
    return JobChange(
        row=job.row,
        attempt=job.attempt,
        kind=ChangeKind.LEFT_BEHIND,
        reason="ended by us",
        left_behind=tuple(text.replace(":", " ", 1) for text in left),
    )
