"""Removing copies of run directories from ssh hosts, for commands that run no tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from megatest.executors.call import Calls, Command, child_starter
from megatest.executors.process import MARK
from megatest.executors.setting import SshSettings
from megatest.model.spec import HostSlots

# On one line and without quotes: it stands in quotes of whatever shell is the login shell there.
_SCRIPT = (
    "for file in $(grep -lazFx {mark}={job} /proc/[0-9]*/environ 2>/dev/null); "
    "do file=${{file#/proc/}}; kill -9 ${{file%/environ}} 2>/dev/null; done; "
    "rm -rf {directory} {directory}.part 2>/dev/null || chmod -R u+rwx {directory} 2>/dev/null; "
    "rm -rf {directory} {directory}.part && exit 0"
)
_NAME = re.compile(r".*/|\..*")
_PLAIN = re.compile(r"[A-Za-z0-9_.+/-]+", re.ASCII)


def clear_copy(
    name: str,
    directory: str,
    *,
    hosts: Sequence[HostSlots],
    settings: SshSettings,
    environment: Mapping[str, str],
) -> str:
    """Remove a copy from a host, as the note in its run directory says, with what still runs in it.

    Blocks for at most twice the time limit of a connection: to connect, and to remove.

    A copy on a host that the area does not name any more, or outside the directory that it names
    for that host, is nobody's business.

    Returns:
        Why it may still be there; empty if it is gone or nobody's business.
    """
    host = next((host for host in hosts if host.name == name and host.directory), None)
    if host is None or directory.rpartition("/")[0] != host.directory or not _PLAIN.fullmatch(directory):
        return ""
    limit_s = settings.connect_timeout_s
    options = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(limit_s))}")
    script = _SCRIPT.format(mark=MARK, job=_NAME.sub("", directory), directory=directory)
    words = ("ssh", "-T", *options, *settings.options, "--", name, f"exec /bin/sh -c '{script}'")
    reply = Calls(child_starter(environment)).wait(Command(argv=words), 2 * limit_s)
    if reply.ok:
        return ""
    return f"host {name} still has a copy of it, {directory}: {reply.complaint('ssh')}"
