-- Every statement of the store, by name (statement.py reads this file).
--
-- `-- fragment: NAME` is text that statements use as {NAME}.  {fields}, {field_texts},
-- {field_marks} and {field_match} stand for the quoted columns of the area's fields, whose names
-- were checked before they come near this file; {assignments} for columns of ours, each with a
-- comma behind it.  Values are always bound.
--
-- Scripts and older programs write to this database too, so every column is read with the type
-- that the records promise.

-- ------------------------------------------------------------------------------------- runs

-- fragment: run_columns
id, {field_texts}, CAST(coalesce(runname, '') AS TEXT), CAST(coalesce(state, '') AS TEXT),
CAST(coalesce(status, '') AS TEXT), CAST(coalesce(owner, '') AS TEXT),
CAST(coalesce(event_time, 0) AS INTEGER), CAST(coalesce(comment, '') AS TEXT),
CAST(coalesce(fail_count, 0) AS INTEGER), CAST(coalesce(pass_count, 0) AS INTEGER)

-- name: runs
-- All runs in the order of their registration.  The original marks removed runs `deleted`.
SELECT {run_columns} FROM runs WHERE coalesce(state, '') <> 'deleted' ORDER BY id

-- name: run
-- One run by run name and target (unique index runs_by_name), removed ones included.
SELECT {run_columns} FROM runs WHERE runname = ? AND {field_match}

-- name: run_by_id
SELECT {run_columns} FROM runs WHERE id = ?

-- name: insert_run
INSERT INTO runs ({fields}, runname, state, status, owner, event_time, comment, last_update)
VALUES ({field_marks}, ?, 'new', 'n/a', ?, ?, ?, ?)

-- name: import_run
INSERT INTO runs (id, {fields}, runname, state, status, owner, event_time, comment, fail_count, pass_count)
VALUES (?, {field_marks}, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: update_run
UPDATE runs SET {assignments}last_update = ? WHERE id = ?

-- name: delete_run
DELETE FROM runs WHERE id = ?

-- name: log_access
INSERT INTO access_log (user, accessed, args) VALUES (?, ?, ?)

-- ------------------------------------------------------------------------------------ tests

-- fragment: test_columns
CAST(tests.testname AS TEXT), CAST(coalesce(tests.item_path, '') AS TEXT), tests.is_parent, tests.flaky,
tests.id, tests.run_id,
CAST(coalesce(tests.state, '') AS TEXT), CAST(coalesce(tests.status, '') AS TEXT), tests.attempt,
CAST(coalesce(tests.host, '') AS TEXT), CAST(coalesce(tests.uname, '') AS TEXT),
CAST(coalesce(tests.cpuload, -1) AS REAL), CAST(coalesce(tests.diskfree, -1) AS INTEGER),
CAST(coalesce(tests.rundir, '') AS TEXT), CAST(coalesce(tests.shortdir, '') AS TEXT),
CAST(coalesce(tests.final_logf, '') AS TEXT), CAST(coalesce(tests.run_duration, 0) AS REAL),
CAST(coalesce(tests.comment, '') AS TEXT), CAST(coalesce(tests.event_time, 0) AS INTEGER),
CAST(coalesce(tests.fail_count, 0) AS INTEGER), CAST(coalesce(tests.pass_count, 0) AS INTEGER),
tests.executor, tests.handle, tests.retries, tests.signature, tests.failure

-- fragment: is_active
state IN ('LAUNCHED', 'REMOTEHOSTSTART', 'RUNNING', 'KILLREQ')

-- name: tests
-- A run's tests in the order of the unique index, so nothing is sorted.
SELECT {test_columns} FROM tests WHERE run_id = ? AND coalesce(state, '') <> 'DELETED' ORDER BY testname, item_path

-- name: glances
-- What a list shows of a run's tests: reading a value costs more than finding its row.
SELECT CAST(tests.testname AS TEXT), CAST(coalesce(tests.item_path, '') AS TEXT),
       CAST(coalesce(tests.state, '') AS TEXT), CAST(coalesce(tests.status, '') AS TEXT), tests.attempt,
       CAST(coalesce(tests.host, '') AS TEXT), CAST(coalesce(tests.run_duration, 0) AS REAL),
       CAST(coalesce(tests.comment, '') AS TEXT), CAST(coalesce(tests.event_time, 0) AS INTEGER),
       tests.is_parent IS 1, tests.flaky IS 1
  FROM tests WHERE run_id = ? AND coalesce(state, '') <> 'DELETED' ORDER BY testname, item_path

-- name: tests_since
-- A run's tests that changed after a commit; reads the run's rows.
SELECT {test_columns} FROM tests WHERE run_id = ? AND seq > ? AND coalesce(state, '') <> 'DELETED' ORDER BY seq, id

-- name: test
SELECT {test_columns} FROM tests
 WHERE run_id = ? AND testname = ? AND item_path = ? AND coalesce(state, '') <> 'DELETED'

-- name: test_by_id
SELECT {test_columns} FROM tests WHERE id = ?

-- name: rows_of
-- One test of a run with its items, by the unique index.
SELECT {test_columns} FROM tests
 WHERE run_id = ? AND testname = ? AND coalesce(state, '') <> 'DELETED' ORDER BY item_path

-- name: history
-- One test over all runs, newest first: one probe of the unique index per run.
SELECT {test_columns} FROM runs
 CROSS JOIN tests ON tests.run_id = runs.id AND tests.testname = ? AND tests.item_path = ?
 WHERE coalesce(tests.state, '') <> 'DELETED' ORDER BY runs.id DESC

-- name: any_test
SELECT 1 FROM tests LIMIT 1

-- name: passes
-- Durations of one test's passes, newest run first, in the newest hundred runs.  Nothing is sorted,
-- so the reader pays for what it reads: it stops when it has seen enough runs.  The unary + keeps
-- SQLite from tests_by_state, where it would look through all passes of a run.  The item comes as
-- bytes, because a stream cannot be begun again for text that is not UTF-8.
SELECT tests.run_id, CAST(coalesce(tests.item_path, '') AS BLOB), CAST(tests.run_duration AS REAL)
  FROM runs CROSS JOIN tests ON tests.run_id = runs.id AND tests.testname = ?
 WHERE runs.id >= coalesce((SELECT id FROM runs ORDER BY id DESC LIMIT 1 OFFSET 99), 0)
   AND +tests.state = 'COMPLETED' AND +tests.status = 'PASS' AND +tests.is_parent = 0
 ORDER BY runs.id DESC

-- name: kill_requests
-- Both values of is_parent, so that the index tests_by_state serves.
SELECT id FROM tests WHERE run_id = ? AND is_parent IN (0, 1) AND state = 'KILLREQ' ORDER BY id

-- name: active_elsewhere
-- Four probes of tests_by_state per run.
SELECT {test_columns} FROM runs
 CROSS JOIN tests ON tests.run_id = runs.id AND tests.is_parent = 0 AND tests.{is_active}
 WHERE runs.id <> ? ORDER BY tests.id

-- name: counts
-- Rows of a run per state and status, parents and deleted ones too; reads tests_by_state only.  A
-- condition here would be tested on each row (four times the time); the reader leaves groups out.
SELECT run_id, is_parent, coalesce(state, ''), coalesce(status, ''), count(*) FROM tests
 WHERE run_id = ? GROUP BY is_parent, state, status

-- name: counts_of_all_runs
SELECT run_id, is_parent, coalesce(state, ''), coalesce(status, ''), count(*) FROM tests
 GROUP BY run_id, is_parent, state, status

-- name: flaky
-- Tests per run that passed after a failure; reads the partial index tests_flaky only.
SELECT run_id, count(*) FROM tests WHERE flaky = 1 GROUP BY run_id

-- name: failed_alike
-- A run's tests whose latest attempt failed in a known way; probes the partial index tests_failed_alike.
SELECT {test_columns} FROM tests
 WHERE run_id = ? AND signature <> '' AND coalesce(state, '') <> 'DELETED' ORDER BY signature, id

-- name: count_up_to
-- Whether a run has more rows than a limit, at the cost of that many index entries.
SELECT count(*) FROM (SELECT 1 FROM tests WHERE run_id = ? LIMIT ?)

-- name: register_test
-- A row that exists keeps everything, but whether it is a parent follows the test's files, and a row
-- that the original marked DELETED begins anew.
INSERT INTO tests (run_id, testname, item_path, is_parent, state, status, event_time, rundir, seq, last_update)
VALUES (?, ?, ?, ?, 'NOT_STARTED', 'n/a', ?, 'n/a', ?, ?)
ON CONFLICT (run_id, testname, item_path) DO UPDATE SET
    is_parent = excluded.is_parent,
    status = CASE state WHEN 'DELETED' THEN excluded.status ELSE status END,
    comment = CASE state WHEN 'DELETED' THEN '' ELSE comment END,
    event_time = CASE state WHEN 'DELETED' THEN excluded.event_time ELSE event_time END,
    state = CASE state WHEN 'DELETED' THEN excluded.state ELSE state END,
    seq = excluded.seq,
    last_update = excluded.last_update
 WHERE is_parent <> excluded.is_parent OR state = 'DELETED'

-- name: last_test_id
SELECT coalesce(max(id), 0) FROM tests

-- name: test_ids_after
SELECT id FROM tests WHERE id > ? ORDER BY id

-- name: import_test
INSERT INTO tests (testname, item_path, is_parent, flaky, id, run_id, state, status, attempt, host, uname,
    cpuload, diskfree, rundir, shortdir, final_logf, run_duration, comment, event_time, fail_count,
    pass_count, executor, handle, retries, signature, failure, attemptnum, seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)

-- name: update_test
-- By row and believed state: a row in another state is left alone.
UPDATE tests SET {assignments}seq = ?, last_update = ? WHERE id = ? AND state = ?

-- name: edit_test
-- What somebody says by hand ends what retries were under way.
UPDATE tests SET state = ?, status = ?, comment = ?, event_time = ?, retries = 0, seq = ?, last_update = ?
 WHERE id = ?

-- name: delete_tests_of_run
DELETE FROM tests WHERE run_id = ?

-- name: delete_test
DELETE FROM tests WHERE id = ?

-- ------------------------------------------------------------------- what belongs to a test

-- name: steps
SELECT test_id, CAST(stepname AS TEXT), CAST(coalesce(state, '') AS TEXT), CAST(coalesce(status, '') AS TEXT),
       CAST(coalesce(event_time, 0) AS INTEGER), CAST(coalesce(comment, '') AS TEXT),
       CAST(coalesce(logfile, '') AS TEXT)
  FROM test_steps WHERE test_id = ? ORDER BY id

-- name: put_step
-- Selects from tests so that a step of a removed test leaves nothing behind.
INSERT INTO test_steps (test_id, stepname, state, status, event_time, comment, logfile, last_update)
SELECT id, ?, ?, ?, ?, ?, ?, ? FROM tests WHERE id = ?
ON CONFLICT (test_id, stepname, state) DO UPDATE SET
    status = excluded.status, event_time = excluded.event_time, comment = excluded.comment,
    logfile = excluded.logfile, last_update = excluded.last_update

-- name: clear_steps
DELETE FROM test_steps WHERE test_id = ?

-- name: keep_attempt
-- Copies the row's latest attempt if that has ended; kept again (after a rebuild), it is replaced.
INSERT OR REPLACE INTO attempts (test_id, attempt, state, status, comment, host, event_time, run_duration,
    signature, failure)
SELECT id, attempt, CAST(state AS TEXT), CAST(coalesce(status, '') AS TEXT), CAST(coalesce(comment, '') AS TEXT),
       CAST(coalesce(host, '') AS TEXT), CAST(coalesce(event_time, 0) AS INTEGER),
       CAST(coalesce(run_duration, 0) AS REAL), signature, failure
  FROM tests WHERE id = ? AND attempt > 0 AND is_parent = 0 AND state <> 'NOT_STARTED' AND NOT {is_active}

-- name: attempts
SELECT test_id, attempt, state, status, comment, host, event_time, run_duration, signature, failure
  FROM attempts WHERE test_id = ? ORDER BY attempt

-- name: import_attempt
INSERT OR REPLACE INTO attempts (test_id, attempt, state, status, comment, host, event_time, run_duration,
    signature, failure)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: forget_attempts
DELETE FROM attempts WHERE test_id IN (SELECT id FROM tests WHERE run_id = ?)

-- name: delete_attempts
DELETE FROM attempts WHERE test_id = ?

-- fragment: value_columns
CAST(coalesce(test_data.category, '') AS TEXT), CAST(coalesce(test_data.variable, '') AS TEXT),
CAST(coalesce(test_data.value, '') AS TEXT), CAST(coalesce(test_data.expected, '') AS TEXT),
CAST(coalesce(test_data.tol, '') AS TEXT), CAST(coalesce(test_data.units, '') AS TEXT),
CAST(coalesce(test_data.comment, '') AS TEXT), CAST(coalesce(test_data.status, '') AS TEXT),
CAST(coalesce(test_data.type, '') AS TEXT)

-- name: values
SELECT test_id, {value_columns}
  FROM test_data WHERE test_id = ? ORDER BY id

-- name: values_of_run
-- For each test of the run one probe of the unique index of test_data.
SELECT CAST(tests.testname AS TEXT), CAST(coalesce(tests.item_path, '') AS TEXT),
       test_data.test_id, {value_columns}
  FROM tests CROSS JOIN test_data ON test_data.test_id = tests.id
 WHERE tests.run_id = ? AND coalesce(tests.state, '') <> 'DELETED'
 ORDER BY tests.testname, tests.item_path, test_data.id

-- name: put_value
INSERT INTO test_data (category, variable, value, expected, tol, units, comment, status, type, last_update, test_id)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, id FROM tests WHERE id = ?
ON CONFLICT (test_id, category, variable) DO UPDATE SET
    value = excluded.value, expected = excluded.expected, tol = excluded.tol, units = excluded.units,
    comment = excluded.comment, status = excluded.status, type = excluded.type,
    last_update = excluded.last_update

-- name: meta
SELECT CAST(testname AS TEXT), CAST(coalesce(author, '') AS TEXT), CAST(coalesce(owner, '') AS TEXT),
       CAST(coalesce(description, '') AS TEXT), CAST(coalesce(reviewed, '') AS TEXT),
       CAST(coalesce(tags, '') AS TEXT), CAST(coalesce(jobgroup, 'default') AS TEXT)
  FROM test_meta ORDER BY testname

-- name: put_meta
-- Averages stay as they are.
INSERT INTO test_meta (testname, author, owner, description, reviewed, tags, jobgroup)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (testname) DO UPDATE SET
    author = excluded.author, owner = excluded.owner, description = excluded.description,
    reviewed = excluded.reviewed, tags = excluded.tags, jobgroup = excluded.jobgroup

-- name: forget_steps
DELETE FROM test_steps WHERE test_id IN (SELECT id FROM tests WHERE run_id = ?)

-- name: forget_values
DELETE FROM test_data WHERE test_id IN (SELECT id FROM tests WHERE run_id = ?)

-- name: forget_rundat
DELETE FROM test_rundat WHERE test_id IN (SELECT id FROM tests WHERE run_id = ?)

-- name: forget_edits
DELETE FROM edits WHERE test_id IN (SELECT id FROM tests WHERE run_id = ?)

-- name: delete_values
DELETE FROM test_data WHERE test_id = ?

-- name: delete_rundat
DELETE FROM test_rundat WHERE test_id = ?

-- name: delete_edits
DELETE FROM edits WHERE test_id = ?

-- name: delete_stats
DELETE FROM run_stats WHERE run_id = ?

-- name: add_edit
INSERT INTO edits (test_id, time, user, reason, old_state, old_status, new_state, new_status, comment)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: edits
SELECT test_id, time, user, reason, old_state, old_status, new_state, new_status, comment
  FROM edits WHERE test_id = ? ORDER BY id

-- --------------------------------------------------------------------- engines and requests

-- name: next_seq
UPDATE counters SET value = value + 1 WHERE name = 'seq'

-- name: seq
SELECT value FROM counters WHERE name = 'seq'

-- name: turn
-- What a transaction under a lease has to know: is the lease still the holder's, and the latest seq.
SELECT (SELECT token FROM leases WHERE run_id = ? AND held = 1), value FROM counters WHERE name = 'seq'

-- name: lease_token
SELECT token FROM leases WHERE run_id = ? AND held = 1

-- name: holder
SELECT host, pid, pid_started, boot_id, user, time, token FROM leases WHERE run_id = ? AND held = 1

-- name: holders
SELECT host, pid, pid_started, boot_id, user, time, token FROM leases WHERE held = 1 ORDER BY time, run_id

-- name: take_lease
INSERT INTO leases (run_id, token, held, host, pid, pid_started, boot_id, user, time)
VALUES (?, 1, 1, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET
    token = token + 1, held = 1, host = excluded.host, pid = excluded.pid,
    pid_started = excluded.pid_started, boot_id = excluded.boot_id, user = excluded.user, time = excluded.time

-- name: renew_lease
-- By the engine that holds it, every few seconds: a holder that stands still is frozen or gone.
UPDATE leases SET time = ? WHERE run_id = ? AND token = ? AND held = 1

-- name: release_lease
UPDATE leases SET held = 0 WHERE run_id = ? AND token = ?

-- name: end_lease
-- Of a removed run: whoever still holds it finds another token.
UPDATE leases SET held = 0, token = token + 1 WHERE run_id = ?

-- name: add_request
INSERT INTO requests (run_id, kind, payload, time) VALUES (?, ?, ?, ?)

-- name: requests
SELECT id, run_id, kind, payload, time FROM requests WHERE run_id = ? ORDER BY id

-- name: delete_request
DELETE FROM requests WHERE id = ?

-- name: delete_requests_of_run
DELETE FROM requests WHERE run_id = ?

-- ----------------------------------------------------------------------------------- claims

-- fragment: is_in_force
-- What an attempt holds, from the moment before its LAUNCHED is recorded until its end is.  Before it, under
-- the lease of the engine that is about to launch it; so what a dead engine claimed in vain ends with its lease.
EXISTS (SELECT 1 FROM tests WHERE tests.id = claims.test_id AND (
    (tests.attempt = claims.attempt AND tests.{is_active})
    OR (tests.attempt < claims.attempt AND EXISTS (
        SELECT 1 FROM leases
         WHERE leases.run_id = tests.run_id AND leases.token = claims.token AND leases.held = 1))))

-- name: holdings
-- The table holds what is in force and the leavings since the last claim, so it is small.
SELECT tests.run_id, claims.test_id, CAST(tests.testname AS TEXT), CAST(coalesce(tests.item_path, '') AS TEXT),
       claims.attempt, claims.kind, CAST(claims.name AS TEXT), claims.amount, CAST(claims.units AS TEXT),
       claims.time
  FROM claims CROSS JOIN tests ON tests.id = claims.test_id
 WHERE {is_in_force} ORDER BY claims.time, claims.test_id, claims.kind, claims.name

-- name: forget_claims
DELETE FROM claims WHERE NOT {is_in_force}

-- name: put_claim
INSERT OR REPLACE INTO claims (test_id, kind, name, attempt, amount, units, token, time)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: delete_claims
DELETE FROM claims WHERE test_id = ?

-- name: wants
-- Of engines that hold their run.
SELECT wants.run_id, wants.kind, CAST(wants.name AS TEXT), wants.amount, wants.ticket, leases.time
  FROM wants JOIN leases ON leases.run_id = wants.run_id AND leases.token = wants.token AND leases.held = 1
 ORDER BY wants.ticket, wants.kind, wants.name

-- name: put_want
INSERT INTO wants (run_id, kind, name, amount, ticket, token) VALUES (?, ?, ?, ?, ?, ?)

-- name: delete_wants
DELETE FROM wants WHERE run_id = ?

-- ----------------------------------------------------------------------------------- health

-- name: tests_without_run
SELECT count(*) FROM tests WHERE run_id NOT IN (SELECT id FROM runs)

-- name: steps_without_test
SELECT count(*) FROM test_steps WHERE test_id NOT IN (SELECT id FROM tests)

-- name: forget_tests_without_run
DELETE FROM tests WHERE run_id NOT IN (SELECT id FROM runs)

-- name: forget_steps_without_test
DELETE FROM test_steps WHERE test_id NOT IN (SELECT id FROM tests)

-- name: forget_values_without_test
DELETE FROM test_data WHERE test_id NOT IN (SELECT id FROM tests)

-- name: forget_rundat_without_test
DELETE FROM test_rundat WHERE test_id NOT IN (SELECT id FROM tests)
