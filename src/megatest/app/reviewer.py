"""The engine's reviewer: a failure's signature, the area's waivers, the retries of the test's file.

Everything about the attempt comes from its run directory, the testconfig as it was resolved for
it included; so whoever settles an attempt comes to the same opinion, with or without a plan.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from megatest.app.errand import Errand, Errands
from megatest.app.evidence import Evidence, gather, read_end
from megatest.config.source import ParseCache
from megatest.config.waivers import load_waivers
from megatest.engine.ports import Clock, Failure, Opinion
from megatest.model.attempt import JournalPart
from megatest.model.ids import Target, TestId
from megatest.model.record import TestRecord
from megatest.model.retry import RetryRule
from megatest.model.rundir import SCRIPT
from megatest.model.slotted import dataclass, replace
from megatest.model.spec import Variable
from megatest.model.status import State, Status
from megatest.model.waiver import appeal
from megatest.workarea.jobscript import resolved_from_script
from megatest.workarea.quote import sh_quote

COMPARISON_LIMIT_S: Final = 60.0
COMPARISON_LOG: Final = "waiver-check.log"

_COMPARE: Final = "diff %file1% %file2%"
_COMPARE_BY_RULES: Final = "diff %file1% %file2% | logpro %waivername%.logpro %waivername%.html"
_MOST_SCRIPT_BYTES: Final = 1 << 20
_AT_ONCE: Final = 4

Settings = Mapping[str, Sequence[Variable]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the reviewer works with.

    Attributes:
        home: the area.
        target: of the run.
        read_journal: see `megatest.engine.ports.WorkArea`.
        earlier: the same test in the run of the same target before this one; None if there is none.
        environment: of the comparisons' processes.
        clock: the time.
    """

    home: str
    target: Target
    read_journal: Callable[[str, int], JournalPart]
    earlier: Callable[[TestId], TestRecord | None]
    environment: Mapping[str, str]
    clock: Clock


class FailureReviewer:
    """Satisfies `megatest.engine.ports.Reviewer`; see there."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._cache = ParseCache()
        self._errands = Errands(at_once=_AT_ONCE, monotonic=bench.clock.monotonic)
        self._ready: list[Opinion] = []

    def ask(self, failure: Failure) -> Opinion | None:
        """Return what is known about a failure; None while an earlier waiver's comparison runs."""
        entries = self._bench.read_journal(failure.run_dir, 0).entries if failure.run_dir else ()
        evidence = gather(failure, entries, area=self._bench.home)
        opinion = Opinion(row=failure.row, attempt=failure.attempt, signature=evidence.signature)
        if failure.state != State.COMPLETED:
            return opinion
        found = self._appeal(failure, opinion)
        if found.waived:
            return found
        settings = _settings(failure.run_dir)
        opinion = replace(found, retries=_retries(settings, failure, evidence))
        command, earlier = self._comparison(failure, settings)
        if not command or earlier is None:
            return opinion
        waived = replace(opinion, waived=failure.said or earlier.comment or "waived as in an earlier run")
        self._errands.run(
            Errand(
                command=command,
                directory=failure.run_dir,
                environment=self._bench.environment,
                log=os.path.join(failure.run_dir, COMPARISON_LOG),
                limit_s=COMPARISON_LIMIT_S,
                done=lambda code: self._ready.append(opinion if code else waived),
            )
        )
        return None

    def poll(self) -> Sequence[Opinion]:
        """Return the opinions whose comparisons have ended."""
        self._errands.poll()
        ready, self._ready = self._ready, []
        return ready

    def answer(self, failure: Failure) -> Opinion:
        """Return what is known about a failure, once its comparisons have ended."""
        opinion = self.ask(failure)
        if opinion is not None:
            return opinion
        self._errands.wait(COMPARISON_LIMIT_S + 1)
        for ready in self._ready:
            if (ready.row, ready.attempt) == (failure.row, failure.attempt):
                self._ready.remove(ready)
                return ready
        raise AssertionError("an errand with a time limit has ended when the wait is over")

    def fds(self) -> Sequence[int]:
        """Return file descriptors that become readable when a comparison has ended."""
        return self._errands.fds()

    def close(self) -> None:
        """Let go of comparisons that still run; the next engine asks again."""
        self._errands.close()

    def _appeal(self, failure: Failure, opinion: Opinion) -> Opinion:
        """Return the opinion with what the area's waivers say."""
        waivers = load_waivers(self._bench.home, self._cache).value
        if not waivers:
            return opinion
        today = datetime.datetime.fromtimestamp(self._bench.clock.now(), datetime.UTC).astimezone().date()
        found = appeal(waivers, failure.test_id, self._bench.target, opinion.signature.id, today)
        waived = found.waiver.comment if found.waiver is not None else ""
        return replace(opinion, waived=waived, objection=found.objection)

    def _comparison(self, failure: Failure, settings: Settings) -> tuple[str, TestRecord | None]:
        """Return the command that says whether an earlier run's waiver holds; empty if there is none."""
        lines = settings.get("waivers", ())
        if not lines or failure.status != Status.FAIL:
            return "", None
        earlier = self._bench.earlier(failure.test_id)
        if earlier is None or (earlier.state, earlier.status) != (State.COMPLETED, Status.WAIVED):
            return "", None
        if not os.path.isdir(earlier.shortdir):
            return "", None
        rules = {variable.name: variable.value for variable in settings.get("waiver_rules", ())}
        return comparison(lines, rules, failure.run_dir, earlier.shortdir), earlier


def comparison(waivers: Sequence[Variable], rules: Mapping[str, str], new_dir: str, old_dir: str) -> str:
    """Return the shell command that succeeds if every comparison of ``[waivers]`` does; empty without any.

    Args:
        waivers: NAME and its lines RULE GLOB.
        rules: ``[waiver_rules]``.
        new_dir, old_dir: the run directories that are compared; it runs in the new one.
    """
    parts = []
    for waiver in waivers:
        for line in waiver.value.splitlines():
            rule, _, glob = line.strip().partition(" ")
            if not rule or not glob.strip():
                continue
            default = _COMPARE
            if os.path.isfile(os.path.join(new_dir, f"{waiver.name}.logpro")):
                default = _COMPARE_BY_RULES
            command = rules.get(rule) or default
            for place, text in (
                ("%file1%", f"{sh_quote(new_dir)}/{glob.strip()}"),
                ("%file2%", f"{sh_quote(old_dir)}/{glob.strip()}"),
                ("%waivername%", waiver.name),
            ):
                command = command.replace(place, text)
            parts.append(f"(\n{command}\n)")
    return " && ".join(parts)


def _settings(run_dir: str) -> Settings:
    """Return the testconfig as it was resolved for an attempt; empty if that is not known."""
    script = read_end(os.path.join(run_dir, SCRIPT), _MOST_SCRIPT_BYTES) if run_dir else None
    return resolved_from_script(script) if script else {}


def _retries(settings: Settings, failure: Failure, evidence: Evidence) -> int:
    given = {variable.name: variable.value.strip() for variable in settings.get("requirements", ())}
    text = given.get("retries", "")
    if not text.isdigit():
        return 0
    rule = RetryRule(retries=int(text[:9]), on=tuple(given.get("retry-on", "").replace(",", " ").split()))
    return rule.allowed(
        status=failure.status, code=evidence.code, signature=evidence.signature, log=evidence.log
    )
