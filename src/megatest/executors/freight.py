"""Run directories on their way to ssh hosts that do not share them, and back.

1. The directory is sent, under a name that no earlier one had, as ``NAME.part``.
2. When that is whole, our journal is made: whoever revokes the attempt after that is too late.
3. The agent renames ``NAME.part`` to ``NAME`` and starts the job script in it.
4. While it runs its journal is read on, and what is new is added to ours; but what says how the test
   came out is held back, from the first such line on.
5. When it is over everything is brought back, and only when all of it is here the rest of the
   journal is added: its exit record says that the results are complete.
6. The copy is removed.

Transfers are further channels of the session's own connection, a few at a time.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import partial

from megatest.executors import carry
from megatest.executors.call import Calls, Reply
from megatest.executors.carry import Parcel
from megatest.executors.follow import read_on, take_in
from megatest.executors.luggage import Luggage
from megatest.executors.remote import Copy, Host, Owed, Remote, Stage
from megatest.executors.roster import Roster
from megatest.executors.trip import Trip, is_due, together
from megatest.model.job import NOT_STARTED_CODE, ChangeKind, Job, JobChange

_MOST_TRANSFERS = 3
"""At once, per host: an sshd takes ten sessions of one connection by default."""

_MOST_TRIES = 5
_LONGEST_COMPLAINT = 300
_FIRST_PAUSE_S = 0.5
_READ_EVERY_S = 1.0
_PATIENCE_S = 10.0


class Freight:
    """Carries run directories.

    Args:
        roster: shared with the other parts.
        luggage: the run directories here.
        calls: runs the transfers.
        over: is told of a job whose results are here, or will never be, with its end.
    """

    def __init__(
        self, roster: Roster, luggage: Luggage, calls: Calls, over: Callable[[Remote, JobChange], None]
    ) -> None:
        self._roster = roster
        self._luggage = luggage
        self._calls = calls
        self._over = over

    # -- out ------------------------------------------------------------------------------------

    def send(self, remote: Remote, host: Host) -> None:
        """Take a job to a host; its agent is told when its directory is there."""
        self._roster.place(remote, host, Stage.SENDING)
        remote.copy = self._new_copy(remote, host)

    def _new_copy(self, remote: Remote, host: Host) -> Copy:
        return Copy(directory=f"{host.directory}/{remote.job.name}.{uuid.uuid4().hex[:12]}")

    def _kit(self, host: Host) -> str:
        return f"{host.directory}/{self._luggage.kit_name()}"

    def _send_kit(self, host: Host) -> None:
        host.kitting = True
        command = carry.send_kit(
            self._luggage.parent, self._luggage.package, self._kit(host), host.session.channel
        )
        limit_s = self._roster.settings.transfer_timeout_s
        self._calls.begin(command, limit_s, partial(self._kit_sent, host, host.session.number))

    def _kit_sent(self, host: Host, session: int, reply: Reply) -> None:
        host.kitting = False
        host.kitted = carry.is_sent(reply)
        if not host.kitted and host.session.number == session:
            waiting = [r for r in host.jobs.values() if r.stage is Stage.SENDING]
            for remote in waiting:
                self._failed(remote, host, session, reply)

    def _begin_sending(self, remotes: Sequence[Remote], host: Host) -> None:
        trips = [trip for remote in remotes if (trip := self._packed(remote, host)) is not None]
        if not trips:
            return
        host.transfers += 1
        command = carry.send([trip.parcel for trip in trips], host.session.channel)
        then = partial(self._sent, trips, host, host.session.number)
        self._calls.begin(command, self._roster.settings.transfer_timeout_s, then)

    def _packed(self, remote: Remote, host: Host) -> Trip | None:
        """Make a run directory ready to be sent; one that is not there ends its job."""
        tries = remote.copy.tries if remote.copy is not None else 0
        copy = remote.copy = self._new_copy(remote, host)
        copy.tries = tries
        run_dir = remote.job.run_dir
        try:
            self._luggage.pack(run_dir, host.name, copy.directory, self._kit(host))
        except OSError as error:
            reason = f"it cannot be sent to {host.name}: {error.filename or run_dir}: {error.strerror}"
            self._over(remote, remote.change(ChangeKind.ENDED, reason=reason))
            return None
        copy.carried = True
        return Trip(remote, copy, Parcel(run_dir=run_dir, directory=copy.directory))

    def _sent(self, trips: Sequence[Trip], host: Host, session: int, reply: Reply) -> None:
        host.transfers -= 1
        for trip in trips:
            trip.copy.carried = False
            self._arrived(trip, host, session, reply)

    def _arrived(self, trip: Trip, host: Host, session: int, reply: Reply) -> None:
        remote, copy = trip.remote, trip.copy
        goes_on = self._is_ours(remote) and remote.copy is copy and remote.stage is Stage.SENDING
        if not goes_on or not host.greeted or not carry.is_sent(reply):
            # Part of a copy is of no use, and a whole one that may not begin now is sent again.
            self._owe(host, remote.job, copy.directory)
            if goes_on:
                self._failed(remote, host, session, reply)
        elif not self._may_begin(remote):
            self._owe(host, remote.job, copy.directory)
            self._over(remote, remote.change(ChangeKind.ENDED, code=NOT_STARTED_CODE))
        else:
            remote.stage = Stage.STARTED
            log = remote.job.log.removeprefix(f"{remote.job.run_dir}/")
            host.session.send("begin", remote.number, remote.job.name, copy.directory, log)

    def _is_ours(self, remote: Remote) -> bool:
        """Return whether nobody has let a job go meanwhile."""
        return self._roster.by_number.get(remote.number) is remote

    def _may_begin(self, remote: Remote) -> bool:
        if not remote.claimed:
            remote.claimed = self._luggage.claim(remote.job.run_dir)
        return remote.claimed

    def _failed(self, remote: Remote, host: Host, session: int, reply: Reply) -> None:
        """A transfer did not bring everything: try again, or elsewhere."""
        copy = remote.copy
        assert copy is not None
        stood = host.greeted and host.session.number == session
        copy.tries += stood
        copy.try_at = self._roster.clock() + _FIRST_PAUSE_S * 2.0 ** max(0, copy.tries - 1)
        if copy.tries < _MOST_TRIES:
            return
        said = reply.complaint("tar")[-_LONGEST_COMPLAINT:]
        if remote.stage is Stage.RETURNING:
            self._not_returned(remote, f"its results cannot be brought back from {host.name}: {said}")
            return
        remote.refused[host.name] = said
        if remote.refused.keys() >= {each.name for each in self._roster.hosts}:
            reason = "; ".join(f"it cannot be sent to {name}: {why}" for name, why in remote.refused.items())
            self._over(remote, remote.change(ChangeKind.ENDED, reason=reason))
        else:
            self._roster.start_over(remote)

    # -- meanwhile ------------------------------------------------------------------------------

    def note(self, job: Job) -> tuple[str, str] | None:
        """Return the host that has a copy of a job's directory, and where; None if none has."""
        return self._luggage.note(job.run_dir)

    def heard(self, job: Job) -> int:
        """Return how many bytes of the journal over there are here."""
        return self._luggage.heard(job.run_dir)

    def said(self, remote: Remote, offset: int, text: bytes) -> None:
        """Take in what the journal of a job says from a byte on."""
        take_in(remote, offset, text, self._luggage)

    # -- back -----------------------------------------------------------------------------------

    def bring_back(self, remote: Remote, end: JobChange) -> bool:
        """Begin to bring the results of a job back that is over.

        Returns:
            Whether its end must wait for that.
        """
        copy, host = remote.copy, remote.host
        if copy is None or host is None or copy.end is not None or remote.stage in _NOTHING_THERE:
            return False
        copy.end = end
        copy.tries = 0
        copy.try_at = 0
        if host.dead:
            return False
        remote.stage = Stage.RETURNING
        return True

    def _begin_fetching(self, remotes: Sequence[Remote], host: Host) -> None:
        trips = []
        for remote in remotes:
            assert remote.copy is not None
            remote.copy.carried = True
            parcel = Parcel(run_dir=remote.job.run_dir, directory=remote.copy.directory)
            trips.append(Trip(remote, remote.copy, parcel))
        host.transfers += 1
        command = carry.fetch([trip.parcel for trip in trips], host.session.channel)
        then = partial(self._fetched, trips, host, host.session.number)
        self._calls.begin(command, self._roster.settings.transfer_timeout_s, then)

    def _fetched(self, trips: Sequence[Trip], host: Host, session: int, reply: Reply) -> None:
        host.transfers -= 1
        for trip in trips:
            trip.copy.carried = False
            if self._is_ours(trip.remote) and trip.remote.stage is Stage.RETURNING:
                self._returned(trip, host, session, reply)

    def _returned(self, trip: Trip, host: Host, session: int, reply: Reply) -> None:
        remote, copy = trip.remote, trip.copy
        if carry.is_gone(reply, trip.parcel):
            self._not_returned(remote, f"its directory on {host.name} is gone: {copy.directory}")
            return
        if not carry.is_back(reply, trip.parcel):
            self._failed(remote, host, session, reply)
            return
        try:
            self._luggage.returned(remote.job.run_dir, carry.JOURNAL)
        except OSError as error:
            said = f"{error.filename or remote.job.run_dir}: {error.strerror}"
            self._failed(remote, host, session, Reply(code=None, trouble=said))
            return
        self._owe(host, remote.job, copy.directory)
        assert copy.end is not None
        self._over(remote, self._roster.recorded(remote) or copy.end)

    def _not_returned(self, remote: Remote, reason: str) -> None:
        """Without its results a test has not passed, whatever its agent said."""
        assert remote.copy is not None
        if remote.copy.end is None:
            remote.copy.end = remote.change(ChangeKind.LOST, reason=reason)
        self._over(remote, remote.change(ChangeKind.LOST, reason=reason))

    def do_not_wait(self, remote: Remote, at: float) -> None:
        """The end of a job was asked for whose results are on their way: a moment longer, not for ever."""
        copy = remote.copy
        if copy is not None:
            at += _PATIENCE_S
            copy.give_up_at = at if copy.give_up_at is None else min(copy.give_up_at, at)

    # -- clearing -------------------------------------------------------------------------------

    def leave(self, job: Job) -> None:
        """Let a copy be removed whose job is over, if there is one."""
        noted = self._luggage.note(job.run_dir)
        if noted is not None:
            host = self._roster.host_of(noted[0])
            if host is not None:
                self._owe(host, job, noted[1])

    def _owe(self, host: Host, job: Job, directory: str) -> None:
        owed = Owed(name=job.name, pid=None, directory=directory, run_dir=job.run_dir)
        host.owe(self._roster.new_number(), owed)

    def dropped(self, host: Host, number: int) -> None:
        """A host has removed a copy."""
        owed = host.owed.pop(number, None)
        if owed is not None:
            self._luggage.forget(owed.run_dir, owed.directory)

    # -- turning --------------------------------------------------------------------------------

    def collect(self) -> None:
        """Take in the transfers that have ended."""
        self._calls.collect()

    def go_on(self, host: Host, now: float) -> None:
        """Begin what transfers may begin, and read journals on."""
        if not host.directory:
            return
        for remote in list(host.jobs.values()):
            copy = remote.copy
            if copy is None:
                continue
            if copy.give_up_at is not None and now >= copy.give_up_at and remote.stage is Stage.RETURNING:
                self._not_returned(remote, "it was ended before its results were back")
        if not host.greeted:
            return
        self._carry(host, now)
        if now >= host.read_at:
            host.read_at = now + _READ_EVERY_S
            for remote in host.jobs.values():
                if remote.pid and remote.stage in (Stage.STARTED, Stage.WATCHED):
                    read_on(remote, host)

    def _carry(self, host: Host, now: float) -> None:
        """Begin a transfer of all that waits for one, each way."""
        for stage in (Stage.RETURNING, Stage.SENDING):
            if host.transfers >= _MOST_TRANSFERS:
                return
            waiting = [r for r in host.jobs.values() if r.stage is stage and is_due(r, now)]
            batch = together(waiting)
            if not batch:
                continue
            if stage is Stage.RETURNING:
                self._begin_fetching(batch, host)
            elif host.kitted:
                self._begin_sending(batch, host)
            elif not host.kitting:
                self._send_kit(host)

    def due(self, host: Host) -> list[float]:
        """Return when `go_on` has something to do for a host (monotonic)."""
        due: list[float] = []
        if not host.directory:
            return due
        for remote in host.jobs.values() if host.greeted else ():
            copy = remote.copy
            if copy is None:
                continue
            if remote.stage in (Stage.SENDING, Stage.RETURNING):
                waits = copy.carried or (host.kitting and remote.stage is Stage.SENDING)
                if not waits and host.transfers < _MOST_TRANSFERS:
                    due.append(copy.try_at)
            elif remote.pid and not copy.held:
                due.append(host.read_at)
        due += [
            r.copy.give_up_at
            for r in host.jobs.values()
            if r.copy is not None and r.copy.give_up_at is not None
        ]
        return due

    def fds(self) -> list[int]:
        """Return what tells of the end of transfers."""
        return self._calls.fds()

    def next_deadline(self) -> float | None:
        """Return when the first transfer under way is given up (monotonic)."""
        return self._calls.next_deadline()

    def close(self) -> None:
        """End the transfers under way: half a copy counts for nothing."""
        self._calls.close()


_NOTHING_THERE = (Stage.WAITING, Stage.SENDING, Stage.SOUGHT)
