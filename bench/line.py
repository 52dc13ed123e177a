"""One measured value of ours, with the goal it has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A value, and the most that it may be.

    Attributes:
        workload: W6 ...
        title: what was measured.
        value: None when it could not be measured; `problem` says why.
        unit: of value and goal.
        goal: the most it may be; None where there is no goal.
        floor: what the recording loop reached; None where it was not asked.
        problem: why there is no value.
    """

    workload: str
    title: str
    value: float | None
    unit: str
    goal: float | None = None
    floor: float | None = None
    problem: str = ""

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, ``void``, or nothing where there is no goal."""
        if self.value is None:
            return "void"
        if self.goal is None:
            return ""
        return "met" if self.value <= self.goal else "missed"


def void(workload: str, title: str, problem: str) -> Line:
    """Return the line of something that could not be measured."""
    return Line(workload=workload, title=title, value=None, unit="", problem=problem)
