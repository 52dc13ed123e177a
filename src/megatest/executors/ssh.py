"""The executor for ssh hosts: many jobs through one session a host.

To an agent a job is a number of ours; to the world it is its host's boot id, its pid and its
start time.  When a session breaks its jobs go on; the next session looks for them by that
identity.  What it finds is asked about again and again, because the new agent is not its
parent: how such a job ended only its journal knows.  A host that stays away for longer than
`lost_after_s` loses its jobs; should it come back, what it still runs of them is ended.

Run directories for hosts that do not share ours are carried by `freight`; jobs of an earlier
engine are found by `search`.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping, Sequence

from megatest.executors.answer import Answers
from megatest.executors.call import Calls, child_starter
from megatest.executors.command import Glance
from megatest.executors.ending import Endings
from megatest.executors.freight import Freight
from megatest.executors.luggage import Luggage
from megatest.executors.remote import Host, Owed, Remote, Stage
from megatest.executors.roster import Roster
from megatest.executors.search import Search
from megatest.executors.session import Session
from megatest.executors.setting import SshSettings
from megatest.executors.sockets import Sockets
from megatest.model.job import ChangeKind, Job, JobChange, Submission
from megatest.model.spec import HostSlots

_LOOK_EVERY_S = 1.0
_CLEARING_S = 5.0


class SshExecutor:
    """Runs jobs on hosts that are reached by ssh.

    Args:
        hosts: names, slots and directories, as in ``[hosts]``.
        settings: of ``[executor ssh]``.
        glance: reads the begin and the end from a journal.
        luggage: run directories that travel to hosts which do not share ours.
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
        luggage: Luggage,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        sockets = Sockets()
        self._hosts = [
            Host(
                session=Session(host.name, settings, environment, clock, sockets if host.directory else None),
                slots=host.slots,
                directory=host.directory,
            )
            for host in hosts
        ]
        self._roster = Roster(hosts=self._hosts, settings=settings, glance=glance, clock=clock)
        self._endings = Endings()
        self._freight = Freight(self._roster, luggage, Calls(child_starter(environment)), self._over)
        self._search = Search(self._roster, self._freight, self._settle)
        self._answers = Answers(self._roster, self._freight, self._search, self._over, self._settle)

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
        known = self._roster.by_row.get(job.row)
        if known is None or known.job.name != job.name:
            for path in (job.script, job.log):
                if any(c in path for c in "\t\n\r\0"):
                    return Submission(row=job.row, error=f"path {path!r} holds a tab or a line break")
            remote = self._roster.register(job)
            self._roster.waiting[remote.number] = remote
        return Submission(row=job.row, handle=f"ssh:{job.name}")

    def _hand_out(self) -> None:
        """Give waiting jobs to free slots, those of the emptiest host first."""
        waiting = self._roster.waiting
        for remote in list(waiting.values()):
            able = [host for host in self._hosts if host.free > 0]
            if not able:
                break
            host = max((h for h in able if h.name not in remote.refused), key=_free, default=None)
            if host is None:
                continue
            del waiting[remote.number]
            if host.directory:
                self._freight.send(remote, host)
            else:
                self._roster.place(remote, host, Stage.STARTED)
                job = remote.job
                host.session.send("start", remote.number, job.name, job.script, job.log)
        if waiting:
            reason = self.trouble or "all slots of the ssh hosts are taken"
            for remote in waiting.values():
                self._roster.tell(remote, ChangeKind.PENDING, reason)

    # -- finding again --------------------------------------------------------------------------

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Look for jobs of an earlier engine on all hosts; blocks for one time limit at most.

        What a host that does not answer may have is sought until it answers or is given up.
        """
        remotes = [self._roster.register(job) for job, _handle in jobs]
        for remote in remotes:
            self._search.begin(remote)
        deadline = self._clock() + self._settings.connect_timeout_s
        while any(remote in self._search for remote in remotes) and self._clock() < deadline:
            self._turn()
            reached = all(host.is_up or host.session.has_failed for host in self._hosts)
            if reached and not self._search.is_waiting():
                break
            self._wait_for_a_moment(deadline)
        return [self._found_out(remote) for remote in remotes]

    def _found_out(self, remote: Remote) -> JobChange:
        """Return what adoption brought to light about a job."""
        news = self._roster.news
        told = [change for change in news if change.row == remote.job.row]
        self._roster.news = [change for change in news if change.row != remote.job.row]
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
        news, self._roster.news = self._roster.news, []
        return news

    def _turn(self) -> None:
        now = self._clock()
        self._freight.collect()
        for host in self._hosts:
            was_up, number = host.is_up, host.session.number
            for words in host.session.poll():
                self._answers.hear(host, words)
            if was_up and (not host.is_up or host.session.number != number):
                host.greeted = False
            self._care_for(host, now)
            self._freight.go_on(host, now)
        self._endings.go_on(now)
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
            if remote.stage is Stage.SENDING:
                self._roster.start_over(remote)
                continue
            directory = remote.copy.directory if remote.copy is not None else ""
            owed = Owed(name=remote.job.name, pid=remote.pid, directory=directory, run_dir=remote.job.run_dir)
            host.owe(remote.number, owed)
            self._settle(remote, f"{reason}: {host.session.trouble}")
        self._search.deny_all(host)

    def _settle(self, remote: Remote, reason: str) -> None:
        """Nobody can tell a job's end: its journal does, or it is lost."""
        end = self._roster.recorded(remote)
        if end is None and remote.kill_at is not None and remote.host is not None and remote.host.is_up:
            end = remote.change(ChangeKind.ENDED, reason="ended on request")
        self._over(remote, end or remote.change(ChangeKind.LOST, reason=reason))

    def _over(self, remote: Remote, end: JobChange) -> None:
        """A job is over; its end is told when nothing of it is left there and its results are here."""
        if self._endings.hold(remote, end) or self._freight.bring_back(remote, end):
            return
        self._roster.close(remote, end)

    # -- ending ---------------------------------------------------------------------------------

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """Begin to end jobs; `poll` carries it on, on a host that is away once it is back."""
        at = self._clock() + grace_s
        for row in rows:
            remote = self._roster.by_row.get(row)
            if remote is None:
                continue
            if remote.stage in (Stage.WAITING, Stage.SENDING):
                self._roster.close(remote, remote.change(ChangeKind.ENDED, reason="ended before it began"))
            elif remote.stage is Stage.RETURNING:
                self._freight.do_not_wait(remote, at)
            else:
                self._endings.begin(remote, at)

    # -- waiting --------------------------------------------------------------------------------

    def recorded(self, row: int, code: int) -> None:
        """Nothing to do: ends are known as they happen."""

    def fds(self) -> Sequence[int]:
        """Return the descriptors of the sessions and transfers."""
        return [*(fd for host in self._hosts for fd in host.session.fds()), *self._freight.fds()]

    def next_poll_s(self) -> float | None:
        """Return when something is due; None if there are no jobs."""
        if self._roster.news:
            return 0.0
        if not self._roster.by_row:
            return None
        due: list[float] = self._endings.due()
        if (deadline := self._freight.next_deadline()) is not None:
            due.append(deadline)
        for host in self._hosts:
            due += [at for at in (host.session.due_at(),) if at is not None]
            if not host.is_up and not host.dead:
                due.append(host.session.down_since + self._settings.lost_after_s)
            if host.is_up and host.watched():
                due.append(host.look_at)
            due += self._freight.due(host)
        return max(0.0, min(due) - self._clock()) if due else None

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Let copies be removed that jobs left on hosts; the rest agents end when a job ends."""
        for job in jobs:
            self._freight.leave(job)

    def finish(self) -> Sequence[JobChange]:
        """See copies removed from the hosts that can be reached, for some seconds at most."""
        deadline = self._clock() + _CLEARING_S
        while any(host.is_busy and not host.session.has_failed for host in self._hosts):
            if self._clock() >= deadline:
                break
            self._turn()
            self._wait_for_a_moment(deadline)
        return ()

    def close(self) -> None:
        """End the sessions and transfers; jobs go on."""
        self._freight.close()
        for host in self._hosts:
            host.session.drop()


def _free(host: Host) -> int:
    return host.free
