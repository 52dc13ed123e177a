"""What a reading is asked for, and under which rules."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from megatest.config.expand import Found
from megatest.config.source import ParseCache
from megatest.model.ids import Target
from megatest.model.slotted import dataclass


class Commands(Enum):
    """What happens to commands that the file names."""

    RUN = "run"
    DEFER = "defer"  # KEY [system CMD] is put off; #{shell} runs
    FORBID = "forbid"  # KEY [system CMD] lines are dropped, #{shell} stays as text


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One reading.

    Attributes:
        cwd: where commands run and what relative scripts refer to.
        home: the area's directory.
        env: the environment that helpers and commands see; the reading changes it.
        cache: parsed files.
        commands: what happens to commands.
        target: its values are exported on leaving ``[fields]``; None exports nothing.
        runname: of the run that this is for; empty if for none.
        target_section: the section of the target, where ``#{rget}`` looks before ``default``; empty
            for ``default`` only.
        restricted: keep only `target_section` (made if the file has none) and ``default``, and run
            commands only in them.
        echoed: a regular expression; values of sections whose name has a match of it pass through
            ``echo`` and are exported.  Empty for no section.
        run_value: what ``#{rget}`` finds when the file itself has nothing.
    """

    cwd: str
    home: str
    env: dict[str, str]
    cache: ParseCache
    commands: Commands = Commands.RUN
    target: Target | None = None
    runname: str = ""
    target_section: str = ""
    restricted: bool = False
    echoed: str = ""
    run_value: Callable[[str], Found | None] | None = None

    def keeps(self, section: str) -> bool:
        """Tell whether this section is one of those that the reading is about."""
        return not self.restricted or section in ("default", self.target_section)
