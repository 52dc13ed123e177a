"""What commands change in the store: runs, states by hand, removal, values, requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from megatest.model.ids import Target
from megatest.model.record import EditRecord, RunRecord, TestRecord
from megatest.model.spec import TestMeta
from megatest.model.status import State
from megatest.store.query import SqliteReading
from megatest.store.rows import Bound, bindable

_OF_A_RUN: Final = (
    *(
        "forget_steps",
        "forget_attempts",
        "forget_values",
        "forget_rundat",
        "forget_edits",
        "delete_tests_of_run",
    ),
    *("delete_stats", "delete_requests_of_run", "end_lease", "delete_run"),
)
_OF_A_TEST: Final = ("clear_steps", "delete_attempts", "delete_values", "delete_rundat", "delete_edits")


class SqliteEditing(SqliteReading):
    """Satisfies `megatest.store.port.Editing`; see there."""

    def register_run(
        self, target: Target, runname: str, *, owner: str, comment: str = "", time: int
    ) -> RunRecord:
        """Make sure that a run exists."""
        with self._database.transaction():
            known = self._any_run(target, runname)
            if known is None:
                self._insert_run(target, runname, owner, comment, time)
            elif comment or known.state == "deleted":
                state = "new" if known.state == "deleted" else known.state
                self._update_run(known.id, state=state, comment=comment or known.comment)
            record = self._any_run(target, runname)
        assert record is not None
        return record

    def _insert_run(self, target: Target, runname: str, owner: str, comment: str, time: int) -> None:
        tail: tuple[Bound, ...] = (bindable(runname), bindable(owner), time, bindable(comment))
        _, now = self._database.stamp
        self._database.run("insert_run", *map(bindable, target.values), *tail, now)

    def _update_run(self, run_id: int, **changes: Bound) -> None:
        _, now = self._database.stamp
        values = [*map(bindable, changes.values()), now, run_id]
        self._database.run_with("update_run", tuple(changes), values)

    def set_run(
        self,
        run_id: int,
        *,
        state: str | None = None,
        status: str | None = None,
        comment: str | None = None,
        fail_count: int | None = None,
        pass_count: int | None = None,
    ) -> RunRecord | None:
        """Set columns of a run."""
        given: dict[str, Bound] = {
            "state": state,
            "status": status,
            "comment": comment,
            "fail_count": fail_count,
            "pass_count": pass_count,
        }
        changes = {column: value for column, value in given.items() if value is not None}
        if changes:
            with self._database.transaction():
                self._update_run(run_id, **changes)
        return self.run_by_id(run_id)

    def lock_run(self, run_id: int, *, locked: bool, user: str, time: int) -> RunRecord | None:
        """Lock or unlock a run and log who did it."""
        state = "locked" if locked else "unlocked"
        with self._database.transaction():
            record = self.run_by_id(run_id)
            if record is not None:
                self._update_run(run_id, state=state)
                self._database.run("log_access", bindable(user), time, bindable(f"{state} {record.name}"))
        return self.run_by_id(run_id)

    def set_state_status(
        self,
        rows: Iterable[int],
        *,
        state: str | None = None,
        status: str | None = None,
        comment: str | None = None,
        user: str,
        reason: str,
        time: int,
        only_if: Callable[[TestRecord], bool] | None = None,
    ) -> Sequence[TestRecord]:
        """Set tests by hand."""
        changed = []
        with self._database.transaction():
            for row in rows:
                record = self.test_by_id(row)
                if record is None or (only_if is not None and not only_if(record)):
                    continue
                edit = EditRecord(
                    test_row=row,
                    time=time,
                    user=user,
                    reason=reason,
                    old_state=record.state,
                    old_status=record.status,
                    new_state=record.state if state is None else state,
                    new_status=record.status if status is None else status,
                    comment=record.comment if comment is None else comment,
                )
                self._edit(edit)
                changed.append(row)
            found = [self.test_by_id(row) for row in changed]
        return [record for record in found if record is not None]

    def _edit(self, edit: EditRecord) -> None:
        state, status, comment = map(bindable, (edit.new_state, edit.new_status, edit.comment))
        self._database.run(
            "edit_test", state, status, comment, edit.time, *self._database.stamp, edit.test_row
        )
        self._add_edit(edit)

    def _add_edit(self, edit: EditRecord) -> None:
        before = (edit.user, edit.reason, edit.old_state, edit.old_status)
        after = (edit.new_state, edit.new_status, edit.comment)
        self._database.run("add_edit", edit.test_row, edit.time, *map(bindable, before + after))

    def request_kill(
        self, rows: Iterable[int], *, held: bool = False, user: str, reason: str, time: int
    ) -> Sequence[TestRecord]:
        """Set KILLREQ where a process may exist, or will."""
        return self.set_state_status(
            rows,
            state=State.KILLREQ,
            user=user,
            reason=reason,
            time=time,
            only_if=lambda record: record.is_under_way(held=held),
        )

    def delete_tests(self, rows: Iterable[int]) -> int:
        """Remove tests with all that belongs to them."""
        deleted = 0
        with self._database.transaction():
            for row in rows:
                for statement in _OF_A_TEST:
                    self._database.run(statement, row)
                deleted += self._database.run("delete_test", row)
        return deleted

    def delete_run(self, run_id: int) -> None:
        """Remove a run with its tests."""
        with self._database.transaction():
            for statement in _OF_A_RUN:
                self._database.run(statement, run_id)

    def put_meta(self, metas: Mapping[str, TestMeta]) -> None:
        """Record what the files say about tests for people."""
        with self._database.transaction():
            for test, meta in metas.items():
                texts = (test, meta.author, meta.owner, meta.description, meta.reviewed)
                tags = ",".join(meta.tags)
                self._database.run("put_meta", *map(bindable, (*texts, tags, meta.jobgroup)))

    def add_request(self, run_id: int, kind: str, payload: str, *, time: int) -> int:
        """Ask something of the engine that holds a run."""
        with self._database.transaction():
            self._database.run("add_request", run_id, bindable(kind), bindable(payload), time)
            return self._database.inserted_id()
