"""What a batch executor remembers of the jobs that it answers for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from megatest.executors.queue import Ref
from megatest.model.job import ChangeKind, Job, JobChange
from megatest.model.slotted import dataclass, field


class Stage(Enum):
    """How far a job has come, as far as the batch system told."""

    UNSENT = "unsent"  # handed over, but no job id came back
    QUEUED = "queued"  # accepted: pending or running
    GONE = "gone"  # no longer in the queue; its final word is sought


@dataclass(slots=True)
class Tracked:
    """One job between its submission and its end (mutable).

    Attributes:
        job: as the engine gave it.
        ref: where it stands.
        stage: see there.
        since: monotonic time from which on the queue must know it.
        told: the last news: kind and reason.
        gone_at: monotonic time at which the queue first did not know it.
        denials: answers that knew nothing of it, since then.
        exit_code: of the exit record in its journal, once that was seen.
        host: where it was last seen.
        kill_at: monotonic time after which force is used; None while nobody asked for its end.
        kill_again_at: when force is used the next time.
        softly: TERM was sent.
        confirmed: its job id came with a reply or a list: one from an old record may belong to
            somebody else's job by now, and is not to be ended.
    """

    job: Job
    ref: Ref
    stage: Stage
    since: float
    told: tuple[ChangeKind, str] | None = None
    gone_at: float = 0
    denials: int = 0
    exit_code: int | None = None
    host: str = ""
    kill_at: float | None = None
    kill_again_at: float = 0
    softly: bool = False
    confirmed: bool = False

    def change(self, kind: ChangeKind, reason: str = "") -> JobChange:
        """Return news of this job."""
        return JobChange(row=self.job.row, attempt=self.job.attempt, kind=kind, reason=reason, host=self.host)


@dataclass(slots=True)
class Register:
    """The tracked jobs, by row and by their place in an array (mutable)."""

    _by_row: dict[int, Tracked] = field(default_factory=dict)
    _by_key: dict[tuple[str, int], Tracked] = field(default_factory=dict)
    _of_array: dict[str, set[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_row)

    def __iter__(self) -> Iterator[Tracked]:
        return iter(tuple(self._by_row.values()))

    def add(self, tracked: Tracked) -> None:
        """Take a job; one of the same row is replaced."""
        earlier = self._by_row.get(tracked.job.row)
        if earlier is not None:
            self.remove(earlier)
        self._by_row[tracked.job.row] = tracked
        self._by_key[tracked.ref.key] = tracked
        self._of_array.setdefault(tracked.ref.name, set()).add(tracked.ref.index)

    def remove(self, tracked: Tracked) -> bool:
        """Let a job go; return whether it was the last of its array."""
        del self._by_row[tracked.job.row]
        del self._by_key[tracked.ref.key]
        left = self._of_array[tracked.ref.name]
        left.discard(tracked.ref.index)
        if not left:
            del self._of_array[tracked.ref.name]
        return not left

    def of_row(self, row: int) -> Tracked | None:
        """Return the job of a row."""
        return self._by_row.get(row)

    def of_ref(self, ref: Ref) -> Tracked | None:
        """Return the job at a place in an array, whatever its id."""
        return self._by_key.get(ref.key)

    def of_array(self, name: str) -> Sequence[Tracked]:
        """Return the jobs of an array that are left, in order."""
        return [self._by_key[(name, index)] for index in sorted(self._of_array.get(name, ()))]

    def arrays(self) -> Sequence[str]:
        """Return the names of the arrays that have jobs left."""
        return list(self._of_array)
