-- Attempts that are not the latest any more, what a failure has in common with its like, and how
-- often a test is being tried again.

ALTER TABLE tests ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tests ADD COLUMN signature TEXT NOT NULL DEFAULT '';
ALTER TABLE tests ADD COLUMN failure TEXT NOT NULL DEFAULT '';

-- The latest attempt is the test's own row; it is copied here when the next one follows.
CREATE TABLE attempts (
    id           INTEGER PRIMARY KEY,
    test_id      INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    state        TEXT NOT NULL,
    status       TEXT NOT NULL,
    comment      TEXT NOT NULL,
    host         TEXT NOT NULL,
    event_time   INTEGER NOT NULL,
    run_duration REAL NOT NULL,
    signature    TEXT NOT NULL,
    failure      TEXT NOT NULL,
    UNIQUE (test_id, attempt)
);

-- Partial: a row that is neither costs nothing.
CREATE INDEX tests_flaky ON tests (run_id) WHERE flaky = 1;
CREATE INDEX tests_failed_alike ON tests (run_id, signature) WHERE signature <> '';
