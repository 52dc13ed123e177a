-- What the original had added by 2017: measured values, what is known about a test over all runs,
-- statistics, archives and the queue of tasks.  Same rule: what is there already is kept.

ALTER TABLE runs ADD COLUMN contour TEXT DEFAULT '';
ALTER TABLE runs ADD COLUMN last_update INTEGER DEFAULT 0;

ALTER TABLE tests ADD COLUMN shortdir TEXT DEFAULT '';
ALTER TABLE tests ADD COLUMN archived INTEGER DEFAULT 0;
ALTER TABLE tests ADD COLUMN last_update INTEGER DEFAULT 0;

ALTER TABLE test_steps ADD COLUMN logfile TEXT DEFAULT '';
ALTER TABLE test_steps ADD COLUMN last_update INTEGER DEFAULT 0;

-- NUMERIC: a script may compare and add the values; what is no number stays text.
CREATE TABLE IF NOT EXISTS test_data (
    id          INTEGER PRIMARY KEY,
    test_id     INTEGER,
    category    TEXT DEFAULT '',
    variable    TEXT,
    value       NUMERIC,
    expected    NUMERIC,
    tol         NUMERIC,
    units       TEXT,
    comment     TEXT DEFAULT '',
    status      TEXT DEFAULT 'n/a',
    type        TEXT DEFAULT '',
    last_update INTEGER DEFAULT 0,
    UNIQUE (test_id, category, variable)
);

CREATE TABLE IF NOT EXISTS test_rundat (
    id           INTEGER PRIMARY KEY,
    test_id      INTEGER,
    update_time  TIMESTAMP,
    cpuload      REAL DEFAULT -1,
    diskfree     INTEGER DEFAULT -1,
    diskusage    INTEGER DEFAULT -1,
    run_duration REAL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS test_meta (
    id          INTEGER PRIMARY KEY,
    testname    TEXT DEFAULT '',
    author      TEXT DEFAULT '',
    owner       TEXT DEFAULT '',
    description TEXT DEFAULT '',
    reviewed    TEXT DEFAULT '',
    iterated    TEXT DEFAULT '',
    avg_runtime REAL DEFAULT -1,
    avg_disk    REAL DEFAULT -1,
    tags        TEXT DEFAULT '',
    jobgroup    TEXT DEFAULT 'default',
    UNIQUE (testname)
);

CREATE TABLE IF NOT EXISTS run_stats (
    id          INTEGER PRIMARY KEY,
    run_id      INTEGER,
    state       TEXT,
    status      TEXT,
    count       INTEGER,
    last_update INTEGER DEFAULT 0
);

CREATE TABLE IF NOT EXISTS tasks_queue (
    id             INTEGER PRIMARY KEY,
    action         TEXT DEFAULT '',
    owner          TEXT,
    state          TEXT DEFAULT 'new',
    target         TEXT DEFAULT '',
    name           TEXT DEFAULT '',
    testpatt       TEXT DEFAULT '',
    keylock        TEXT,
    params         TEXT,
    creation_time  TIMESTAMP,
    execution_time TIMESTAMP
);

CREATE TABLE IF NOT EXISTS archive_disks (
    id                INTEGER PRIMARY KEY,
    archive_area_name TEXT,
    disk_path         TEXT,
    last_df           INTEGER DEFAULT -1,
    last_df_time      TIMESTAMP,
    creation_time     TIMESTAMP
);

CREATE TABLE IF NOT EXISTS archive_blocks (
    id              INTEGER PRIMARY KEY,
    archive_disk_id INTEGER,
    disk_path       TEXT,
    last_du         INTEGER DEFAULT -1,
    last_du_time    TIMESTAMP,
    creation_time   TIMESTAMP
);

CREATE TABLE IF NOT EXISTS archive_allocations (
    id               INTEGER PRIMARY KEY,
    archive_block_id INTEGER,
    testname         TEXT,
    item_path        TEXT,
    creation_time    TIMESTAMP
);

CREATE TABLE IF NOT EXISTS archives (
    id           INTEGER PRIMARY KEY,
    test_id      INTEGER,
    state        TEXT DEFAULT 'new',
    status       TEXT DEFAULT 'n/a',
    archive_type TEXT DEFAULT 'bup',
    du           INTEGER,
    archive_path TEXT
);

CREATE TABLE IF NOT EXISTS metadat (
    id  INTEGER PRIMARY KEY,
    var TEXT,
    val TEXT,
    UNIQUE (var)
);

CREATE VIEW IF NOT EXISTS runs_tests AS
    SELECT * FROM runs INNER JOIN tests ON runs.id = tests.run_id;
