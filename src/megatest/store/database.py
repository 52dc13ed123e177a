"""One connection to one database file: how it is opened, read, and written in transactions.

What is particular to SQLite (pragmas, journal modes, file identity) is here and in migrate.py;
statements are in queries.sql.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final, NoReturn

from megatest.failpoint import reach
from megatest.model.error import DatabaseLost, EnvironmentFault
from megatest.model.lease import Lease, LeaseLost
from megatest.store.fault import fault_from_error, told
from megatest.store.rows import Bound, Row, holder_from_row, text_from_bytes

if TYPE_CHECKING:
    from megatest.store.port import Clock

OLDEST_SQLITE: Final = (3, 24, 0)  # the first with ON CONFLICT DO UPDATE
CACHE_KIB: Final = 32768  # holds what registering 100,000 tests changes; used only as needed
LARGEST_IDLE_WAL_BYTES: Final = 64 * 1024 * 1024


def connect(path: str, *, network: bool, read_only: bool, timeout_s: float) -> sqlite3.Connection:
    """Open the file of an existing database, or an empty file, without looking at its tables.

    Args:
        path: absolute.
        network: it lies on a network file system, where the shared memory of a write-ahead log
            does not work between hosts; a rollback journal does, at the price of blocking readers.
        read_only: nothing is written, not even a journal left by somebody else is rolled back.
        timeout_s: how long to wait for another program's lock.

    Raises:
        sqlite3.Error: see `told`.
    """
    uri = f"file://{_in_uri(path)}?mode={'ro' if read_only else 'rw'}"
    db = _open(uri, timeout_s)
    try:
        if read_only and not _is_readable(db):
            db.close()
            has_log = _size(f"{path}-wal") > 0
            db = _open_copy(path, timeout_s) if has_log else _open(f"{uri}&immutable=1", timeout_s)
        if network and not read_only:
            # Set before the first access, or a file in WAL mode would map its shared memory.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except BaseException:
        db.close()
        raise
    return db


def _in_uri(path: str) -> str:
    """Return an absolute path as it stands in a URI of SQLite's, which gives three characters a meaning."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _open(uri: str, timeout_s: float) -> sqlite3.Connection:
    """Open without an access to the file: these pragmas only set flags."""
    db = sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None, cached_statements=256)
    # No schema of somebody else's may call functions of ours, and a damaged cell is an error, not a crash.
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    # A memory map is not used: a truncated file would be a SIGBUS instead of an error.
    db.execute("PRAGMA mmap_size = 0")
    return db


def _is_readable(db: sqlite3.Connection) -> bool:
    """Return False where what lies on disk can only be read as it is, without a lock.

    A file in WAL mode needs its shared memory beside it.  That cannot be made where the directory
    cannot be written, nor made anew where a writer died and left its log.
    """
    try:
        db.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        return False
    return True


def _open_copy(path: str, timeout_s: float) -> sqlite3.Connection:
    """Open a copy of a database with the log that a writer left; nobody else ever sees the copy.

    Raises:
        sqlite3.Error: see `told`.
        OSError: there is no room for it.
    """
    import shutil  # not at the top: hardly ever needed, and slow to import
    import tempfile

    with tempfile.TemporaryDirectory(prefix="megatest-") as directory:
        for companion in ("", "-wal"):
            shutil.copyfile(path + companion, f"{directory}/copy{companion}")
        db = _open(f"file://{_in_uri(directory)}/copy?mode=rw", timeout_s)
        # With this the log is read and all files are open; their names may go.
        db.execute("PRAGMA schema_version").fetchone()
        return db


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def choose_journal(db: sqlite3.Connection, *, network: bool) -> None:
    """Set the journal mode of a database that is known to be ours.

    Raises:
        sqlite3.Error: see `told`.
    """
    if network:
        db.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
        db.execute("PRAGMA locking_mode = NORMAL")
    elif db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        # Refused while others are connected; then they decide, and both modes are safe.
        with suppress(sqlite3.OperationalError):
            db.execute("PRAGMA journal_mode = WAL").fetchone()
    wal = db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    # In WAL mode a power failure may lose the last commits but never damages the file, and what they
    # said is still in the journals of the run directories.  With a rollback journal it may damage it.
    db.execute(f"PRAGMA synchronous = {'NORMAL' if wal else 'FULL'}")
    db.execute(f"PRAGMA journal_size_limit = {LARGEST_IDLE_WAL_BYTES}")


class Database:
    """A connection with the statements of one area.

    Args:
        db: in autocommit mode.
        path: of its file.
        statements: by name.
        clock: for `last_update`.
        is_copy: it is a copy in memory, to which nothing can happen.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        *,
        path: str,
        statements: Mapping[str, str],
        clock: Clock,
        is_copy: bool = False,
    ) -> None:
        self._db = db
        self.path = path
        self._statements = statements
        self._turn, self._next_seq = statements["turn"], statements["next_seq"]
        self._clock = clock
        self._is_copy = is_copy
        self._identity = _identity(path)
        self._completed: dict[tuple[str, tuple[str, ...]], str] = {}
        self._now = 0
        self._seq = 0

    # -- reading -------------------------------------------------------------------------------

    def rows(self, name: str, *values: Bound) -> list[Row]:
        """Return all rows of a statement.

        Raises:
            EnvironmentFault: see `told`.
        """
        try:
            return self._db.execute(self._statements[name], values).fetchall()
        except sqlite3.Error as error:
            if self._db.text_factory is not str or "decode to UTF-8" not in str(error):
                self._tell(error)
        # Text that is not UTF-8 is rare and this way of reading text is slow, so it comes second.
        self._db.text_factory = text_from_bytes
        return self.rows(name, *values)

    def row(self, name: str, *values: Bound) -> Row | None:
        """Return the first row of a statement, or None."""
        found = self.rows(name, *values)
        return found[0] if found else None

    def stream(self, name: str, *values: Bound) -> Iterator[Row]:
        """Yield the rows of a statement as they are found; whoever stops early pays no more."""
        with told(self.path), closing(self._db.execute(self._statements[name], values)) as cursor:
            yield from cursor

    def data_version(self) -> int:
        """Return a number that changes when another connection has committed.

        Raises:
            EnvironmentFault: also when the file was replaced or removed.
        """
        self.check_file()
        with told(self.path):
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # -- writing -------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, lease: Lease | None = None) -> Iterator[None]:
        """Do everything in the block or nothing.

        Raises:
            LeaseLost: the lease is no longer the holder's.
            EnvironmentFault: see `told`; or the file was replaced or removed.
        """
        self.check_file()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._begin(lease)
                yield
                reach("store before commit")
                self._db.execute("COMMIT")
                reach("store after commit")
            except BaseException:
                self._roll_back()
                raise
        except sqlite3.Error as error:
            self._tell(error)

    def _begin(self, lease: Lease | None) -> None:
        token, seq = self._db.execute(self._turn, (lease.run_id if lease else 0,)).fetchone()
        if lease is not None and token != lease.token:
            raise LeaseLost(f"another engine holds run {lease.run_id} now")
        self._db.execute(self._next_seq)
        self._seq = seq + 1
        self._now = int(self._clock.now())

    def _roll_back(self) -> None:
        # Some errors (a full disk) have rolled back already; the first error is the one that counts.
        if self._db.in_transaction:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    @property
    def stamp(self) -> tuple[int, int]:
        """The values of `seq` and `last_update` in the present transaction."""
        return self._seq, self._now

    def run(self, name: str, *values: Bound) -> int:
        """Execute a statement; return how many rows it wrote."""
        return self._db.execute(self._statements[name], values).rowcount

    def run_with(self, name: str, columns: tuple[str, ...], values: Sequence[Bound]) -> int:
        """Execute a statement that sets these columns, which come first among the values.

        Returns:
            How many rows it wrote.
        """
        sql = self._completed.get((name, columns))
        if sql is None:  # once for each combination of columns
            assignments = "".join(f"{column} = ?, " for column in columns)
            sql = self._statements[name].replace("{assignments}", assignments)
            self._completed[name, columns] = sql
        return self._db.execute(sql, values).rowcount

    def run_many(self, name: str, rows: Iterable[Sequence[Bound]]) -> None:
        """Execute a statement once for each of many rows of values; streaming."""
        self._db.executemany(self._statements[name], rows)

    def inserted_id(self) -> int:
        """Return the id of the row inserted last."""
        return int(self._db.execute("SELECT last_insert_rowid()").fetchone()[0])

    def close(self) -> None:
        """Give the connection up; the last one to do so folds the log into the file."""
        self._db.close()

    # -- faults --------------------------------------------------------------------------------

    def check_file(self) -> None:
        """Make sure that the path still names the file that is open.

        Writing on would go to a file without a name, and be lost.

        Raises:
            DatabaseLost: it was removed, replaced or cut to nothing.
            EnvironmentFault: it cannot be looked at now.
        """
        if self._is_copy:
            return
        now = _identity(self.path)
        if now == self._identity and now is not None:
            return
        what, first = "was replaced by another file", ""
        if now is None:
            what = "was removed or emptied"
            first = "make it again from what lies on disk with: megatest rebuild; then "
        raise DatabaseLost(
            f"{self.path} {what} while it was in use",
            hint=f"{first}give the same command again; a run goes on with the tests that still run",
        )

    def _tell(self, error: sqlite3.Error) -> NoReturn:
        busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
        fault = fault_from_error(error, self.path, self._held_by() if busy else "")
        if fault is None:
            raise error
        raise fault from error

    def _held_by(self) -> str:
        """Return who is known to work with the file, as far as that can be read while it is locked."""
        patience_ms = self._db.execute("PRAGMA busy_timeout").fetchone()[0]
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            found = self._db.execute(self._statements["holders"]).fetchall()
        except sqlite3.Error:
            return ""
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {patience_ms}")
        holders = [holder_from_row(row) for row in found]
        return ", ".join(f"pid {h.pid} of {h.user} on {h.host} is at work with it" for h in holders)


def _identity(path: str) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name; None without a file.

    Raises:
        EnvironmentFault: whether it is there cannot be said, as when its file server does not answer.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be looked at: {error.strerror}", hint="check its disk and its directory"
        ) from error
    return (found.st_dev, found.st_ino) if found.st_size else None
