"""What the agents of ssh hosts answer, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from megatest.executors.freight import Freight
from megatest.executors.remote import Host, Remote, Stage
from megatest.executors.roster import Roster
from megatest.executors.search import Search
from megatest.model.job import ChangeKind, Job, JobChange

_SIGNAL_CODES = 128
_NO_END = "it ended while no session was there to tell how, and left no exit record"


class Answers:
    """Takes in what agents say.

    Args:
        roster, freight, search: the other parts.
        over: is told of a job that is over, with its end.
        settle: is told of a job whose end nobody can tell, with the reason.
    """

    def __init__(
        self,
        roster: Roster,
        freight: Freight,
        search: Search,
        over: Callable[[Remote, JobChange], None],
        settle: Callable[[Remote, str], None],
    ) -> None:
        self._roster = roster
        self._freight = freight
        self._search = search
        self._over = over
        self._settle = settle

    def hear(self, host: Host, words: list[str]) -> None:
        """Take in one answer of an agent; what is no answer is passed over."""
        if words[0] == "hello":
            self._greet(host)
            return
        number = int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0
        if words[0] == "dropped":
            self._freight.dropped(host, number)
        remote = self._roster.by_number.get(number)
        if remote is None or remote.stage is Stage.RETURNING:
            return  # late words about a job that is over
        if remote.end is not None and words[0] != "reached":
            return
        match words:
            case ["pid", _, pid, ticks] if pid.isdecimal() and ticks.isdecimal():
                self._identified(remote, host, int(pid), int(ticks))
            case ["alive", _]:
                self._identified(remote, host, remote.pid, remote.ticks)
            case ["gone", _]:
                self._gone(remote, host)
            case ["void", _]:
                self._never_began(remote, host)
            case ["begun", _]:
                self._search.ask_for_process(host, remote)
            case ["said", _, offset, *text] if offset.isdecimal():
                self._said(remote, int(offset), "".join(text))
            case ["end", _, code, *left] if code.isdecimal():
                self._ended(remote, int(code), left)
            case ["fail", _, *reason]:
                self._failed(remote, " ".join(reason))
            case ["reached", _, count] if count == "0" and remote.end is not None:
                self._over(remote, remote.end)

    def _greet(self, host: Host) -> None:
        """A session is up: look for what its host had, and for what is sought."""
        rebooted = host.boot_id not in ("", host.session.boot_id)
        host.boot_id = host.session.boot_id
        host.greeted = True
        host.dead = False
        host.kitted = False
        for number in list(host.owed):
            host.pay(number)
        for remote in list(host.jobs.values()):
            self._look_again(host, remote, rebooted=rebooted)
        self._search.ask_all(host)

    def _look_again(self, host: Host, remote: Remote, *, rebooted: bool) -> None:
        if remote.copy is not None:
            remote.copy.asked = False
        if remote.stage in (Stage.SENDING, Stage.RETURNING):
            return  # the transfer is begun anew
        if rebooted:
            self._settle(remote, f"host {host.name} was started anew")
        elif remote.pid:
            remote.stage = Stage.WATCHED
            host.session.send("look", remote.number, remote.pid, remote.ticks)
        elif remote.copy is not None:
            host.session.send("void", remote.number, remote.copy.directory)
        else:
            host.session.send("seek", remote.number, remote.job.name)

    def _identified(self, remote: Remote, host: Host, pid: int, ticks: int) -> None:
        """A host has a job, under this pid."""
        remote.pid, remote.ticks = pid, ticks
        if remote in self._search:
            self._search.found(remote)
            self._roster.place(remote, host, Stage.WATCHED)
        self._roster.tell(remote, ChangeKind.STARTED)

    def _failed(self, remote: Remote, reason: str) -> None:
        """An agent cannot start a job: there is nothing to bring back."""
        if remote.copy is not None:
            self._freight.leave(remote.job)
            remote.copy = None
        self._over(remote, remote.change(ChangeKind.ENDED, reason=reason))

    def _never_began(self, remote: Remote, host: Host) -> None:
        """A copy was taken away before anything began in it."""
        if remote in self._search:
            self._freight.leave(remote.job)
            self._search.lost(remote, f"it never began on {host.name}")
        elif remote.stage is Stage.STARTED and not remote.pid and remote.host is host:
            self._roster.start_over(remote)

    def _said(self, remote: Remote, offset: int, text: str) -> None:
        try:
            self._freight.said(remote, offset, bytes.fromhex(text))
        except ValueError:
            return  # cut short by a login shell or a full disk: it is asked for again

    def _gone(self, remote: Remote, host: Host) -> None:
        """A host does not have a job (any more)."""
        if remote in self._search:
            self._search.denied(remote, host)
        elif remote.stage is Stage.WATCHED:
            self._settle(remote, _NO_END)
        elif remote.host is host and not remote.pid and remote.stage is Stage.STARTED:
            # The session broke before the agent could answer.
            started, ended = self._roster.glance(remote.job.run_dir)
            if started is None and ended is None and remote.copy is None:
                self._roster.start_over(remote)
            else:
                self._settle(remote, _NO_END)

    def _ended(self, remote: Remote, status: int, left: list[str]) -> None:
        """The agent tells the end of a job script."""
        started, ended = self._roster.glance(remote.job.run_dir)
        if ended is None and started is not None and remote.pid and started.pid not in (0, remote.pid):
            # It only said that it was begun before, when a start was given up for lost.
            remote.pid, remote.ticks, remote.stage = started.pid, started.pid_started, Stage.WATCHED
            return
        if left:
            self._roster.news.append(_left_behind(remote.job, left))
        if ended is not None:
            self._over(remote, remote.change(ChangeKind.ENDED, code=ended.code))
        elif status > _SIGNAL_CODES:
            # A shell cannot tell a signal from such an exit code; job scripts do not use them.
            self._over(remote, remote.change(ChangeKind.ENDED, signal=status - _SIGNAL_CODES))
        else:
            self._over(remote, remote.change(ChangeKind.ENDED, code=status))


def _left_behind(job: Job, left: Sequence[str]) -> JobChange:
    return JobChange(
        row=job.row,
        attempt=job.attempt,
        kind=ChangeKind.LEFT_BEHIND,
        reason="ended by us",
        left_behind=tuple(text.replace(":", " ", 1) for text in left),
    )
