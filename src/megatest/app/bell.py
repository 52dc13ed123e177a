"""``[triggers]``: commands that start when a test gets a state or status, beside the engine.

The testconfig's come first, then the area's.  A command gets as arguments: the test's row, its run
directory, the key that fired, test name, item path, state, status, seconds since the epoch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from megatest.typed import Final

from megatest.app.errand import Errand, Errands
from megatest.engine.ports import Move
from megatest.model.slotted import dataclass
from megatest.model.spec import Area, Trigger
from megatest.workarea.quote import sh_quote

TRIGGERS_AT_ONCE: Final = 8
_PATIENCE_S: Final = 60.0
_LOGS: Final = "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fired:
    trigger: Trigger
    key: str
    prefix: str


class TriggerBell:
    """Satisfies `megatest.engine.ports.Bell`; see there.

    Args:
        area: its own triggers, and where logs go that have no run directory.
        of_test: the triggers of a test's file, by name.
        environment: of every command.
    """

    def __init__(
        self,
        *,
        area: Area,
        of_test: Callable[[str], Sequence[Trigger]],
        environment: Mapping[str, str],
        monotonic: Callable[[], float],
    ) -> None:
        self._area = area
        self._of_test = of_test
        self._environment = environment
        self._errands = Errands(at_once=TRIGGERS_AT_ONCE, monotonic=monotonic)

    def moved(self, moves: Sequence[Move]) -> None:
        """Start what these moves fire, and hear of what ended meanwhile."""
        by_area = self._area.triggers
        for move in moves:
            if not by_area and not self._of_test(move.test_id.test):
                continue  # so it is for almost every test
            for fired in self._fired(move):
                self._errands.run(self._errand(move, fired))
        self._errands.poll()

    def close(self) -> int:
        """Wait until every command has begun; return how many had not after a minute."""
        left = self._errands.wait(_PATIENCE_S)
        self._errands.close()
        return left

    def _fired(self, move: Move) -> Iterator[_Fired]:
        for prefix, triggers in (
            ("tconfig", self._of_test(move.test_id.test)),
            ("mtconfig", self._area.triggers),
        ):
            for key in (f"{move.state}/{move.status}", f"{move.state}/", f"/{move.status}"):
                for trigger in triggers:
                    if f"{trigger.state}/{trigger.status}" == key and trigger.command:
                        yield _Fired(trigger=trigger, key=key, prefix=prefix)

    def _errand(self, move: Move, fired: _Fired) -> Errand:
        run_dir = move.run_dir if os.path.isdir(move.run_dir) else ""
        arguments = (
            str(move.row), run_dir, fired.key, move.test_id.test, move.test_id.item, move.state, move.status,
            str(move.time),
        )  # fmt: skip
        name = f"{fired.prefix}-last-trigger-{_file_name(move.state)}-{_file_name(move.status)}.log"
        return Errand(
            command=f"{fired.trigger.command} {' '.join(map(sh_quote, arguments))}",
            directory=run_dir or self._area.home,
            environment={
                **self._environment,
                "MT_TEST_NAME": move.test_id.test,
                "MT_ITEMPATH": move.test_id.item,
                "MT_TEST_RUN_DIR": run_dir,
            },
            log=os.path.join(run_dir or logs_of(self._area), name),
        )


def logs_of(area: Area) -> str:
    """Return the directory of an area's own logs; it is made if need be and possible."""
    path = os.path.join(area.home, _LOGS)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError:
        return area.home
    return path


def _file_name(word: str) -> str:
    return word.replace("/", "_") or "_"
