-- Who holds how much of a job group or pool, and which runs wait for what.

-- A row counts while its attempt is about to be launched or under way (queries.sql says when exactly);
-- nobody has to take it away when the attempt ends.
CREATE TABLE claims (
    test_id INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    units   TEXT NOT NULL,
    token   INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (test_id, kind, name)
) WITHOUT ROWID;

-- Counts while its engine holds the run under this token.
CREATE TABLE wants (
    run_id INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    amount INTEGER NOT NULL,
    ticket INTEGER NOT NULL,
    token  INTEGER NOT NULL,
    PRIMARY KEY (run_id, kind, name)
) WITHOUT ROWID;
