-- Every statement on a database of stored environments (envdat.py); the table is the original's.

-- name: make
CREATE TABLE IF NOT EXISTS envvars (
    id INTEGER PRIMARY KEY,
    context TEXT NOT NULL,
    var TEXT NOT NULL,
    val TEXT NOT NULL,
    CONSTRAINT envvars_constraint UNIQUE (context, var))

-- name: forget
DELETE FROM envvars WHERE context = ?

-- name: keep
INSERT INTO envvars (context, var, val) VALUES (?, ?, ?)

-- name: variables
-- Read with the type that the caller is promised: other programs write here too.
SELECT CAST(var AS TEXT), CAST(val AS TEXT) FROM envvars WHERE context = ?
