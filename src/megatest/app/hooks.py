"""``[runs] pre-hook`` and ``post-hook``: commands before the first tests of a run and after the last."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from megatest.app.bell import logs_of
from megatest.model.spec import Area

PRE_HOOK: Final = "pre-hook"
POST_HOOK: Final = "post-hook"


def run_hook(area: Area, name: str, run: str, environment: Mapping[str, str]) -> str:
    """Run a hook of the area, if it has one, to its end; its output goes to the area's logs.

    Args:
        area: its settings.
        name: `PRE_HOOK` or `POST_HOOK`.
        run: target and run name, for the log's name.
        environment: of the command.

    Returns:
        A sentence about what went wrong; empty if nothing did.
    """
    command = area.run_pre_hook if name == PRE_HOOK else area.run_post_hook
    if not command:
        return ""
    import subprocess  # most areas have no hook

    log = os.path.join(logs_of(area), f"{name}-{run.replace('/', '-')}.log")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(log, flags, 0o666)
        try:
            code = subprocess.call(
                ["/bin/sh", "-c", command],
                cwd=area.home,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
            )
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        return f"[runs] {name} cannot be run: {error}"
    return f"[runs] {name} ended with {code}; see {log}" if code else ""
