-- What is ours: attempts, executors, the order of changes, who holds a run, what another process
-- asks of that holder, and who changed what by hand.

ALTER TABLE tests ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tests ADD COLUMN is_parent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tests ADD COLUMN executor TEXT NOT NULL DEFAULT '';
ALTER TABLE tests ADD COLUMN handle TEXT NOT NULL DEFAULT '';
ALTER TABLE tests ADD COLUMN flaky INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tests ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;

-- Other programs left NULL where a word belongs.
UPDATE tests SET state = 'UNKNOWN' WHERE state IS NULL;
UPDATE OR IGNORE tests SET item_path = '' WHERE item_path IS NULL;

-- `attemptnum` says nothing here: by 2017 it held a process id.
UPDATE tests SET is_parent = 1
 WHERE item_path = ''
   AND EXISTS (SELECT 1 FROM tests AS item
                WHERE item.run_id = tests.run_id AND item.testname = tests.testname AND item.item_path <> '');
UPDATE tests SET attempt = 1 WHERE state <> 'NOT_STARTED' AND is_parent = 0;

-- Counts per state and status of a run without a look at the rows, and the rows of a run in a
-- state (kill requests, what is active).  The only index beside the unique one: each costs every commit.
CREATE INDEX tests_by_state ON tests (run_id, is_parent, state, status);

CREATE INDEX test_rundat_by_test ON test_rundat (test_id);

-- `seq`: the number of the latest commit; `tests.seq` is that of the row's latest change.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
INSERT INTO counters (name, value) VALUES ('seq', 0);

-- A row stays when its holder goes, because the token must grow from holder to holder.
CREATE TABLE leases (
    run_id      INTEGER PRIMARY KEY,
    token       INTEGER NOT NULL,
    held        INTEGER NOT NULL,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    pid_started INTEGER NOT NULL,
    boot_id     TEXT NOT NULL,
    user        TEXT NOT NULL,
    time        INTEGER NOT NULL
);

CREATE TABLE requests (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id  INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    payload TEXT NOT NULL,
    time    INTEGER NOT NULL
);

CREATE TABLE edits (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    test_id    INTEGER NOT NULL,
    time       INTEGER NOT NULL,
    user       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    old_state  TEXT NOT NULL,
    old_status TEXT NOT NULL,
    new_state  TEXT NOT NULL,
    new_status TEXT NOT NULL,
    comment    TEXT NOT NULL
);
CREATE INDEX edits_by_test ON edits (test_id);
