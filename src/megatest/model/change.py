"""Changes to the records, in the form in which the engine hands them to the store."""

from __future__ import annotations

from megatest.typed import TYPE_CHECKING, Any, TypedDict

from megatest.model.record import ValueRecord
from megatest.model.slotted import dataclass

if TYPE_CHECKING:
    from megatest.typed import Unpack


class Columns(TypedDict, total=False):
    """The columns of a test's row that a change sets, under the names of `TestRecord`'s fields.

    `time` is seconds since the epoch, for `event_time`; `attempt` the number of the attempt that the
    change is about.
    """

    time: int | None
    state: str | None
    status: str | None
    attempt: int | None
    host: str | None
    uname: str | None
    cpuload: float | None
    diskfree_kib: int | None
    rundir: str | None
    shortdir: str | None
    final_logf: str | None
    run_duration_s: float | None
    comment: str | None
    fail_count: int | None
    pass_count: int | None
    executor: str | None
    handle: str | None
    flaky: bool | None
    retries: int | None
    signature: str | None
    failure: str | None


class TestChange:
    """New values for some columns of one test's row; a value of None leaves its column as it is.

    It holds the columns that it sets and no others: a run makes several changes a test, each is
    written twice (to the run's journal and to the database), and most set a handful of the columns.

    Attributes:
        row: the test's row.
        expected_state: the state that the writer believes the row to have.  A row in another
            state is left alone and the change is reported back as a conflict.
        values: the columns; whoever gets a change does not change them.
    """

    __slots__ = ("expected_state", "row", "values")

    def __init__(self, *, row: int, expected_state: str, **columns: Unpack[Columns]) -> None:
        self.row = row
        self.expected_state = expected_state
        self.values: dict[str, Any] = {name: v for name, v in columns.items() if v is not None}

    @property
    def state(self) -> str | None:
        """The state that it sets, if any."""
        return self.values.get("state")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TestChange):
            return NotImplemented
        mine = (self.row, self.expected_state, self.values)
        return mine == (other.row, other.expected_state, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"TestChange(row={self.row}, expected_state={self.expected_state!r}, **{self.values})"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChange:
    """A step's word: replaces what the same test, step and state said before."""

    row: int
    stepname: str
    state: str
    status: str
    time: int
    comment: str = ""
    logfile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsCleared:
    """A new attempt begins: steps and values of the test's earlier attempt leave their tables."""

    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptKept:
    """Another attempt follows: what the row says of the one that ended is copied to the attempts.

    It is about the row as the changes before it leave it; a row that has no ended attempt is passed over.
    """

    row: int


Change = TestChange | StepChange | ValueRecord | StepsCleared | AttemptKept
"""A measured value needs no form of its own: it replaces what its test, category and variable had."""
