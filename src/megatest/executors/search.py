"""Jobs of an earlier engine: which ssh host has them?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from megatest.executors.freight import Freight
from megatest.executors.remote import Copy, Host, Owed, Remote, Stage
from megatest.executors.roster import Roster


class Search:
    """Asks hosts for jobs by their identity or by the mark of their name.

    Args:
        roster: shared with the other parts.
        freight: knows which host has a copy of a run directory.
        settle: is told of a job that nobody has, with the reason.
    """

    def __init__(self, roster: Roster, freight: Freight, settle: Callable[[Remote, str], None]) -> None:
        self._roster = roster
        self._freight = freight
        self._settle = settle
        self._sought: dict[int, Remote] = {}

    def __contains__(self, remote: Remote) -> bool:
        """Return whether a job is still sought."""
        return remote.number in self._sought

    def begin(self, remote: Remote) -> None:
        """Ask every host that may have a job, now or when it is up."""
        remote.stage = Stage.SOUGHT
        remote.denied.clear()
        if self._roster.recorded(remote) is not None:
            self._freight.leave(remote.job)
            self._settle(remote, "")
            return
        started, _ = self._roster.glance(remote.job.run_dir)
        if started is not None:
            remote.pid, remote.ticks, remote.boot_id = started.pid, started.pid_started, started.boot_id
        self._sought[remote.number] = remote
        for host in self._candidates(remote):
            if remote.number not in self._sought:
                break
            if host.greeted:
                self._ask(host, remote)
            elif host.dead:
                self.denied(remote, host)

    def _candidates(self, remote: Remote) -> Sequence[Host]:
        """Deny for all hosts that cannot have a job; return the others."""
        noted = self._freight.note(remote.job)
        if noted is None:
            able = [host for host in self._roster.hosts if not host.directory]
            reason = "no host has it"
        else:
            name, directory = noted
            able = [host for host in self._roster.hosts if host.name == name]
            reason = f"host {name}, which has it, is not in [hosts]"
            remote.copy = Copy(directory=directory, heard=self._freight.heard(remote.job))
        remote.denied.update(host.name for host in self._roster.hosts if host not in able)
        if not able:
            self.lost(remote, reason)
        return able

    def _ask(self, host: Host, remote: Remote) -> None:
        if remote.copy is not None:
            # Whatever is still on its way there must not begin any more.
            host.session.send("void", remote.number, remote.copy.directory)
            return
        self.ask_for_process(host, remote)

    def ask_for_process(self, host: Host, remote: Remote) -> None:
        """Ask one host for the process of a job, by identity if it is known, else by its mark."""
        if remote.pid and remote.boot_id and remote.boot_id != host.boot_id:
            self.denied(remote, host)
        elif remote.pid and remote.ticks:
            host.session.send("look", remote.number, remote.pid, remote.ticks)
        else:
            host.session.send("seek", remote.number, remote.job.name)

    def ask_all(self, host: Host) -> None:
        """A host is up: ask it for all that is sought."""
        for remote in list(self._sought.values()):
            if host.name not in remote.denied:
                self._ask(host, remote)

    def deny_all(self, host: Host) -> None:
        """A host was given up; should it come back, what it has of the jobs is ended and removed."""
        for remote in list(self._sought.values()):
            if remote.copy is not None and host.name not in remote.denied:
                directory, job = remote.copy.directory, remote.job
                owed = Owed(name=job.name, pid=remote.pid, directory=directory, run_dir=job.run_dir)
                host.owe(remote.number, owed)
            self.denied(remote, host)

    def denied(self, remote: Remote, host: Host) -> None:
        """A host does not have a job; when none has, it is over."""
        if remote.copy is not None and host.greeted and host.name not in remote.denied:
            self.found(remote)
            self._roster.place(remote, host, Stage.WATCHED)  # its process is not there, its directory is
            self._settle(remote, "its host does not run it any more")
            return
        remote.denied.add(host.name)
        if remote.denied.issuperset(each.name for each in self._roster.hosts):
            self.lost(remote, "no host has it")

    def lost(self, remote: Remote, reason: str) -> None:
        """Give up the search for a job."""
        self._sought.pop(remote.number, None)
        self._settle(remote, reason)

    def found(self, remote: Remote) -> None:
        """A host has it: it is not sought any more."""
        self._sought.pop(remote.number, None)

    def is_waiting(self) -> bool:
        """Return whether an answer is still to come from a host that is up."""
        return any(
            host.is_up and host.name not in remote.denied
            for remote in self._sought.values()
            for host in self._roster.hosts
        )
