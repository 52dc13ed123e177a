-- The tables of version 1.12 (2011), with its names, so that scripts which read or update
-- megatest.db go on working.  A database of that version has them already and keeps its own.
--
-- `runs` gets a column for each field of the area and its unique index when the store is opened
-- (fields.py).  Times are seconds since the epoch.  AUTOINCREMENT: the id of a removed test never comes
-- back, so nobody who still holds it can hit another test.

CREATE TABLE IF NOT EXISTS keys (
    id        INTEGER PRIMARY KEY,
    fieldname TEXT,
    fieldtype TEXT,
    UNIQUE (fieldname)
);

CREATE TABLE IF NOT EXISTS runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    runname    TEXT DEFAULT 'norun',
    state      TEXT DEFAULT '',
    status     TEXT DEFAULT '',
    owner      TEXT DEFAULT '',
    event_time TIMESTAMP,
    comment    TEXT DEFAULT '',
    fail_count INTEGER DEFAULT 0,
    pass_count INTEGER DEFAULT 0
);

CREATE TABLE IF NOT EXISTS tests (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id       INTEGER,
    testname     TEXT,
    host         TEXT DEFAULT 'n/a',
    cpuload      REAL DEFAULT -1,
    diskfree     INTEGER DEFAULT -1,
    uname        TEXT DEFAULT 'n/a',
    rundir       TEXT DEFAULT 'n/a',
    item_path    TEXT DEFAULT '',
    state        TEXT DEFAULT 'NOT_STARTED',
    status       TEXT DEFAULT 'n/a',
    attemptnum   INTEGER DEFAULT 0,
    final_logf   TEXT DEFAULT 'logs/final.log',
    logdat       BLOB,
    run_duration REAL DEFAULT 0,
    comment      TEXT DEFAULT '',
    event_time   TIMESTAMP,
    fail_count   INTEGER DEFAULT 0,
    pass_count   INTEGER DEFAULT 0,
    UNIQUE (run_id, testname, item_path)
);

CREATE TABLE IF NOT EXISTS test_steps (
    id         INTEGER PRIMARY KEY,
    test_id    INTEGER,
    stepname   TEXT,
    state      TEXT DEFAULT 'NOT_STARTED',
    status     TEXT DEFAULT 'n/a',
    event_time TIMESTAMP,
    comment    TEXT DEFAULT '',
    UNIQUE (test_id, stepname, state)
);

CREATE TABLE IF NOT EXISTS extradat (
    id     INTEGER PRIMARY KEY,
    run_id INTEGER,
    key    TEXT,
    val    TEXT
);

CREATE TABLE IF NOT EXISTS access_log (
    id       INTEGER PRIMARY KEY,
    user     TEXT,
    accessed TIMESTAMP,
    args     TEXT
);
