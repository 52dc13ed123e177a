"""The journal of a job on a host that does not share it, while the job runs.

What is new there is added to the journal here in whole lines, up to the first that says how the test
came out: that one and all behind it are believed when the results are here.
"""

from __future__ import annotations

from megatest.executors.luggage import Luggage
from megatest.executors.remote import Host, Remote, Stage


def read_on(remote: Remote, host: Host) -> None:
    """Ask for what is new, unless an answer is to come or nothing more may be believed."""
    copy = remote.copy
    if copy is not None and not copy.held and not copy.asked:
        copy.asked = True
        host.session.send("read", remote.number, copy.heard + len(copy.line), copy.directory)


def take_in(remote: Remote, offset: int, text: bytes, luggage: Luggage) -> None:
    """Take in what the journal of a job says from a byte on, and ask for more if that was much.

    Args:
        remote: the job.
        offset: where the text begins in the journal over there.
        text: empty if there is nothing new.
        luggage: the run directories here.
    """
    copy = remote.copy
    if copy is None or remote.stage not in (Stage.STARTED, Stage.WATCHED):
        return
    copy.asked = False
    if offset != copy.heard + len(copy.line) or not text:
        return
    *lines, copy.line = (copy.line + text).split(b"\n")
    known = b""
    for line in lines:
        if luggage.is_final(line):
            copy.held = True
            break
        known += line + b"\n"
    try:
        luggage.append(remote.job.run_dir, known)
        copy.heard += len(known)
    except OSError:
        # The disk is full: how much of it is there is counted anew.
        copy.line = b""
        copy.heard = luggage.heard(remote.job.run_dir)
        return
    if remote.host is not None:
        read_on(remote, remote.host)
