"""What a user sees while a run goes on: one line at the foot of a terminal, or plain lines.

The engine calls a watcher at each event; a watcher must be quick.  The terminal's foot line is
redrawn a few times a second at most, whatever happens.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TextIO

from megatest.model.ids import TestId
from megatest.reports import verdict
from megatest.reports.listing import counts_text, duration, ordered, with_flaky
from megatest.reports.table import printable, width

_REDRAW_S = 0.1
_ANSI = {"green": "32", "yellow": "33", "red": "31", "magenta": "35", "blue": "34", "cyan": "36"}


class Tally:
    """Counts how tests came out and what runs.

    Args:
        monotonic: seconds that only ever grow.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.results: Counter[str] = Counter()
        self.running: dict[TestId, float] = {}
        self.flaky = 0
        self.waiting = 0
        self.began = monotonic()

    def start(self, test_id: TestId) -> None:
        """Count a test that was launched."""
        self.running[test_id] = self._monotonic()

    def end(self, test_id: TestId, state: str, status: str, flaky: bool = False) -> str:
        """Count a test that ended; return its verdict."""
        self.running.pop(test_id, None)
        result = verdict.word(state, status)
        self.results[result] += 1
        self.flaky += flaky
        return result

    def summary(self) -> str:
        """Return ``12 PASS  1 FAIL  1 flaky in 3.1s``."""
        counts = with_flaky(ordered(self.results), self.flaky)
        return f"{counts_text(counts)} in {duration(self._monotonic() - self.began)}"


class PlainWatcher:
    """A line for each test that ended; for pipes and logs.

    Args:
        out: where the lines go.
        quiet: tests that passed get none.
        monotonic: seconds that only ever grow.
    """

    def __init__(
        self, out: TextIO, *, quiet: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.tally = Tally(monotonic)
        self._out = out
        self._quiet = quiet

    def launched(self, test_id: TestId, attempt: int) -> None:
        """See `megatest.engine.ports.Watcher`."""
        self.tally.start(test_id)

    def ended(
        self,
        test_id: TestId,
        state: str,
        status: str,
        duration_s: float,
        comment: str,
        flaky: bool = False,
    ) -> None:
        """See `megatest.engine.ports.Watcher`."""
        result = self.tally.end(test_id, state, status, flaky)
        if not self._quiet or flaky or verdict.needs_attention(state, status):
            self._show(result, result_line(result, test_id, duration_s, comment, flaky=flaky))

    def _show(self, result: str, line: str) -> None:
        self._out.write(line + "\n")

    def counted(self, running: int, waiting: int) -> None:
        """See `megatest.engine.ports.Watcher`."""
        self.tally.waiting = waiting

    def said(self, sentence: str) -> None:
        """See `megatest.engine.ports.Watcher`."""
        self._out.flush()
        sys.stderr.write(f"megatest: {printable(sentence)}\n")

    def close(self) -> None:
        """Write out what is buffered."""
        self._out.flush()


class TerminalWatcher(PlainWatcher):
    """Lines for results as they come, and a foot line that says what runs now."""

    def __init__(
        self,
        out: TextIO,
        *,
        columns: int,
        colour: bool = True,
        quiet: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(out, quiet=quiet, monotonic=monotonic)
        self._columns = columns
        self._colour = colour
        self._monotonic = monotonic
        self._next_draw = 0.0
        self._foot = ""

    def _show(self, result: str, line: str) -> None:
        # One line each: the whole comment is in the records.
        self._print(self._coloured(result, _cut(line, self._columns)))

    def counted(self, running: int, waiting: int) -> None:
        """See `megatest.engine.ports.Watcher`; also the moment to redraw."""
        self.tally.waiting = waiting
        now = self._monotonic()
        if now >= self._next_draw:
            self._next_draw = now + _REDRAW_S
            self._draw(now)

    def said(self, sentence: str) -> None:
        """See `megatest.engine.ports.Watcher`."""
        self._print(f"megatest: {printable(sentence)}")

    def close(self) -> None:
        """Take the foot line away."""
        self._clear()
        self._out.flush()

    def _draw(self, now: float) -> None:
        tally = self.tally
        done = sum(tally.results.values())
        total = done + len(tally.running) + tally.waiting
        longest = sorted(tally.running.items(), key=lambda pair: pair[1])[:3]
        names = ", ".join(f"{test_id} {duration(now - since)}" for test_id, since in longest)
        more = len(tally.running) - len(longest)
        foot = f"[{done}/{total}] {counts_text(ordered(tally.results))} | {len(tally.running)} running"
        if names:
            foot += f": {names}{f' and {more} more' if more else ''}"
        foot = _cut(foot, self._columns - 1)
        if foot != self._foot:
            self._out.write(f"\r\x1b[2K{foot}")
            self._out.flush()
            self._foot = foot

    def _print(self, line: str) -> None:
        self._clear()
        self._out.write(line + "\n")

    def _clear(self) -> None:
        if self._foot:
            self._out.write("\r\x1b[2K")
            self._foot = ""

    def _coloured(self, result: str, text: str) -> str:
        code = _ANSI.get(verdict.COLOURS.get(result, ""), "")
        if not self._colour or not code:
            return text
        return f"\x1b[{code}m{text[: len(result)]}\x1b[0m{text[len(result) :]}"


class ClassicWatcher(PlainWatcher):
    """The lines that the original printed during a run.

    Args:
        out: where they go.
        directory: of the run, in the link tree.
        now: seconds since the epoch.
    """

    def __init__(self, out: TextIO, *, directory: str, now: Callable[[], float] = time.time) -> None:
        super().__init__(out)
        self._directory = directory
        self._now = now
        self._headed = False

    def ended(
        self,
        test_id: TestId,
        state: str,
        status: str,
        duration_s: float,
        comment: str,
        flaky: bool = False,
    ) -> None:
        """See `megatest.engine.ports.Watcher`."""
        from megatest.reports.classic import progress_header, progress_line

        self.tally.end(test_id, state, status, flaky)
        if not self._headed:
            self._out.write(progress_header() + "\n")
            self._headed = True
        start = self._now() - duration_s
        path = f"{self._directory}/{test_id}"
        self._out.write(progress_line(state, status, start, f"{round(duration_s)}s", path) + "\n")


def result_line(result: str, test_id: TestId, duration_s: float, comment: str, *, flaky: bool = False) -> str:
    """Return ``PASS        compile/json  0.21s  comment``."""
    took = duration(duration_s) if duration_s else ""
    if flaky:
        comment = f"flaky: it had failed before; {comment}" if comment else "flaky: it had failed before"
    return f"{result:<11} {printable(str(test_id)):<40} {took:>8}  {printable(comment)}".rstrip()


def _cut(text: str, cells: int) -> str:
    if width(text) <= cells:
        return text
    return text[: max(0, cells - 3)] + "..."
