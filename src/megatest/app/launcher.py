"""Which executor a test goes to, and with which launcher line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from megatest.model.ids import TestId
from megatest.model.slotted import dataclass
from megatest.model.spec import Area

_EXECUTOR = "executor:"
"""Begins a host type that is no launcher line but the name of an executor."""

LOCAL = "local"
COMMAND = "command"

_OUR_OWN = frozenset({"nbfake", "nbfind"})
"""The original's own background launchers; where they are not installed, local is what they mean."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An executor by name; the line is for the command executor only."""

    executor: str
    line: str = ""

    @property
    def on_this_host(self) -> bool:
        """Whether jobs surely run on the engine's own host."""
        return self.executor == LOCAL


_LOCALLY: Final = Choice(LOCAL)


def choose(area: Area, test_id: TestId, environ: Mapping[str, str], asked: str = "") -> Choice:
    """Return where a test goes: what was asked, else the host type, else the area's executor or launcher.

    Args:
        area: its launchers.
        test_id: matched against the patterns of ``[launchers]``.
        environ: its PATH says which launchers exist.
        asked: the executor that the user asked for; empty for the area's choice.
    """
    line = _flexible_line(area, test_id) if area.flexi_launcher and not asked else ""
    named = asked
    if line.startswith(_EXECUTOR):
        named = line.removeprefix(_EXECUTOR).strip()
    elif not line:
        named = named or area.executor
    if named:
        return Choice(named, _as_shell_text(area, area.launcher) if named == COMMAND else "")
    line = line or area.launcher
    if not line or _means_local(line, environ):
        return _LOCALLY
    return Choice(COMMAND, _as_shell_text(area, line))


def _as_shell_text(area: Area, line: str) -> str:
    """Return a launcher line for the shell; under `[jobtools] useshell no` its words mean just themselves."""
    if area.use_shell:
        return line
    from megatest.workarea.quote import sh_quote  # planning needs nothing else of the work area

    return " ".join(sh_quote(word) for word in line.split())


def executors_of_items(area: Area) -> set[str]:
    """Return the executors that ``[launchers]`` chooses by a pattern that looks at items."""
    lines = [area.host_types[host_type] for pattern, host_type in area.launchers if "/" in pattern]
    return {line.removeprefix(_EXECUTOR).strip() for line in lines if line.startswith(_EXECUTOR)}


def _flexible_line(area: Area, test_id: TestId) -> str:
    if not area.launchers:
        return ""
    from megatest.model.pattern import parse_pattern

    for pattern, host_type in area.launchers:
        if parse_pattern(pattern).matches(test_id.test, test_id.item):
            return area.host_types[host_type]
    return ""


def _means_local(line: str, environ: Mapping[str, str]) -> bool:
    import shutil

    words = [word for word in line.split() if "=" not in word]
    program = os.path.basename(words[0]) if words else ""
    return program in _OUR_OWN and shutil.which(words[0], path=environ.get("PATH", os.defpath)) is None
