-- The control plane: approvals, jobs with leases, controls, ingested spans, signed checkpoints; keys
-- and references that know the workspace; a tree per workspace. SQLite cannot change a CHECK or a key in
-- place, so every table is made anew and its rows are carried over.
PRAGMA defer_foreign_keys = ON;

ALTER TABLE run RENAME TO run_1;
ALTER TABLE step RENAME TO step_1;
ALTER TABLE decision RENAME TO decision_1;
ALTER TABLE effect RENAME TO effect_1;
ALTER TABLE artefact RENAME TO artefact_1;
ALTER TABLE score RENAME TO score_1;
ALTER TABLE review RENAME TO review_1;
ALTER TABLE disposition RENAME TO disposition_1;
ALTER TABLE audit RENAME TO audit_1;
DROP INDEX run_started;
DROP INDEX decision_run;
DROP INDEX effect_run;
DROP INDEX score_run;
DROP INDEX review_run;
DROP INDEX audit_run;
DROP INDEX audit_subject;
DROP TRIGGER audit_is_never_updated;
DROP TRIGGER audit_is_never_deleted;

CREATE TABLE run (
  workspace     TEXT NOT NULL,
  id            TEXT NOT NULL,
  workflow      TEXT NOT NULL,
  worker        TEXT NOT NULL,
  worker_digest TEXT NOT NULL,
  "trigger"     TEXT NOT NULL,
  actor         TEXT NOT NULL,
  level         INTEGER NOT NULL CHECK (level BETWEEN 0 AND 5),
  policy        TEXT NOT NULL,
  parent        TEXT,
  input         TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'held', 'waiting_review', 'accepted',
    'rejected', 'failed', 'interrupted', 'cancelled')),
  outcome       TEXT,
  started       INTEGER NOT NULL,
  ended         INTEGER,
  PRIMARY KEY (workspace, id)
) STRICT;
CREATE INDEX run_started ON run (workspace, started DESC);
INSERT INTO run SELECT workspace, id, workflow, worker, worker_digest, trigger, actor, level, policy, NULL,
  input, state, outcome, started, ended FROM run_1;

CREATE TABLE step (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL,
  run       TEXT NOT NULL,
  number    INTEGER NOT NULL,
  name      TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'refused', 'interrupted')),
  note      TEXT,
  started   INTEGER NOT NULL,
  ended     INTEGER,
  PRIMARY KEY (workspace, id),
  UNIQUE (workspace, run, number),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
) STRICT;
INSERT INTO step SELECT * FROM step_1;

CREATE TABLE decision (
  workspace     TEXT NOT NULL,
  id            TEXT NOT NULL,
  run           TEXT NOT NULL,
  step          TEXT NOT NULL,
  principal     TEXT NOT NULL,
  action        TEXT NOT NULL,
  action_digest TEXT NOT NULL,
  risk          INTEGER NOT NULL CHECK (risk BETWEEN 0 AND 4),
  risk_reasons  TEXT NOT NULL,
  level         INTEGER NOT NULL CHECK (level BETWEEN 0 AND 5),
  answer        TEXT NOT NULL CHECK (answer IN ('permit', 'hold', 'deny')),
  determining   TEXT NOT NULL,
  missing       TEXT NOT NULL,
  policy        TEXT NOT NULL,
  circumstances TEXT NOT NULL DEFAULT '',
  approval      TEXT,
  at            INTEGER NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id),
  FOREIGN KEY (workspace, step) REFERENCES step (workspace, id)
) STRICT;
CREATE INDEX decision_run ON decision (workspace, run, at);
INSERT INTO decision SELECT workspace, id, run, step, principal, action, action_digest, risk, risk_reasons,
  level, answer, determining, missing, policy, '', NULL, at FROM decision_1;

-- The only door to side effects: a row is written, and synced, before anything is sent.
CREATE TABLE effect (
  workspace       TEXT NOT NULL,
  id              TEXT NOT NULL,
  run             TEXT NOT NULL,
  step            TEXT NOT NULL,
  decision        TEXT NOT NULL,
  action_digest   TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  verb            TEXT NOT NULL,
  target          TEXT NOT NULL,
  inverse         TEXT,
  state           TEXT NOT NULL CHECK (state IN
    ('reserved', 'committed', 'failed', 'ambiguous', 'compensated')),
  receipt         TEXT,
  reserved        INTEGER NOT NULL,
  settled         INTEGER,
  PRIMARY KEY (workspace, id),
  UNIQUE (workspace, decision),
  UNIQUE (workspace, idempotency_key),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id),
  FOREIGN KEY (workspace, step) REFERENCES step (workspace, id),
  FOREIGN KEY (workspace, decision) REFERENCES decision (workspace, id)
) STRICT;
CREATE INDEX effect_run ON effect (workspace, run, reserved);
INSERT INTO effect SELECT * FROM effect_1;

CREATE TABLE artefact (
  workspace  TEXT NOT NULL,
  id         TEXT NOT NULL,
  run        TEXT NOT NULL,
  name       TEXT NOT NULL,
  media_type TEXT NOT NULL,
  digest     TEXT NOT NULL,
  bytes      INTEGER NOT NULL,
  kept       INTEGER NOT NULL CHECK (kept IN (0, 1)),
  at         INTEGER NOT NULL,
  PRIMARY KEY (workspace, id),
  UNIQUE (workspace, run, name),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
) STRICT;
INSERT INTO artefact SELECT * FROM artefact_1;

CREATE TABLE score (
  workspace   TEXT NOT NULL,
  id          TEXT NOT NULL,
  run         TEXT NOT NULL,
  dimension   TEXT NOT NULL CHECK (dimension IN ('quality', 'safety', 'cost', 'reliability')),
  name        TEXT NOT NULL,
  evaluator   TEXT NOT NULL,
  verdict     TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
  value       TEXT NOT NULL,
  explanation TEXT NOT NULL,
  at          INTEGER NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
) STRICT;
CREATE INDEX score_run ON score (workspace, run);
INSERT INTO score SELECT * FROM score_1;

CREATE TABLE review (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL,
  run       TEXT NOT NULL,
  kind      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  title     TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'rejected')),
  created   INTEGER NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
) STRICT;
CREATE INDEX review_run ON review (workspace, run);
INSERT INTO review SELECT * FROM review_1;

CREATE TABLE disposition (
  workspace TEXT NOT NULL,
  review    TEXT NOT NULL,
  finding   TEXT NOT NULL DEFAULT '',  -- '' is the report as a whole
  reviewer  TEXT NOT NULL,
  identity  TEXT NOT NULL CHECK (identity IN ('asserted', 'proved')),
  judgement TEXT NOT NULL CHECK (judgement IN ('accept', 'reject')),
  reason    TEXT,
  at        INTEGER NOT NULL,
  PRIMARY KEY (workspace, review, finding, reviewer),
  FOREIGN KEY (workspace, review) REFERENCES review (workspace, id)
) STRICT;
INSERT INTO disposition SELECT * FROM disposition_1;

-- A question to people. A yes binds `subject`, the digest of plan, snapshot and policy.
CREATE TABLE approval (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL,
  run       TEXT NOT NULL,
  kind      TEXT NOT NULL CHECK (kind IN ('action', 'step')),
  subject   TEXT NOT NULL,
  "plan"    TEXT NOT NULL,
  snapshot  TEXT NOT NULL,
  policy    TEXT NOT NULL,
  summary   TEXT NOT NULL,
  risk      INTEGER NOT NULL CHECK (risk BETWEEN 0 AND 4),
  missing   TEXT NOT NULL,
  humans    INTEGER NOT NULL,
  stewards  INTEGER NOT NULL,
  author    TEXT NOT NULL,
  owner     TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('open', 'granted', 'denied', 'expired', 'stale', 'used')),
  created   INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  decided   INTEGER,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
) STRICT;
CREATE INDEX approval_run ON approval (workspace, run, created);
-- Of one run, one living question to one digest.
CREATE UNIQUE INDEX approval_alive ON approval (workspace, run, kind, subject)
  WHERE state IN ('open', 'granted');

CREATE TABLE vote (
  workspace TEXT NOT NULL,
  approval  TEXT NOT NULL,
  voter     TEXT NOT NULL,
  identity  TEXT NOT NULL CHECK (identity IN ('asserted', 'proved')),
  roles     TEXT NOT NULL,
  ballot    TEXT NOT NULL CHECK (ballot IN ('yes', 'no')),
  subject   TEXT NOT NULL,
  reason    TEXT,
  at        INTEGER NOT NULL,
  PRIMARY KEY (workspace, approval, voter),
  FOREIGN KEY (workspace, approval) REFERENCES approval (workspace, id)
) STRICT;

-- Who works on a run. `fence` counts up with every lease; a write with an older one is refused.
CREATE TABLE job (
  workspace TEXT NOT NULL,
  run       TEXT NOT NULL,
  queue     TEXT NOT NULL CHECK (queue IN ('person', 'workers')),
  state     TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'parked', 'done')),
  ready     INTEGER NOT NULL,
  priority  INTEGER NOT NULL,
  attempt   INTEGER NOT NULL,
  owner     TEXT,
  until     INTEGER,
  fence     INTEGER NOT NULL,
  cancel    INTEGER NOT NULL CHECK (cancel IN (0, 1)),
  PRIMARY KEY (workspace, run),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
) STRICT;
CREATE INDEX job_waiting ON job (workspace, queue, priority DESC, ready) WHERE state IN ('ready', 'leased');
-- Runs from before leases: over, or left to `belay runs resume`.
INSERT INTO job SELECT workspace, id, 'person',
  CASE WHEN state IN ('waiting_review', 'accepted', 'rejected', 'failed') THEN 'done' ELSE 'parked' END,
  started, 0, 1, NULL, NULL, 0, 0 FROM run_1;

-- Levels, ceilings and switches: each change is a row, the newest of a name is in force.
CREATE TABLE control (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL,
  name      TEXT NOT NULL,
  value     TEXT NOT NULL,
  "by"      TEXT NOT NULL,
  identity  TEXT NOT NULL CHECK (identity IN ('asserted', 'proved')),
  reason    TEXT NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (workspace, id)
) STRICT;
CREATE INDEX control_name ON control (workspace, name, at);

-- Spans that others sent over OTLP, after redaction; `body` is the span in OTLP's own JSON.
CREATE TABLE span (
  workspace TEXT NOT NULL,
  trace     TEXT NOT NULL,
  span      TEXT NOT NULL,
  parent    TEXT,
  name      TEXT NOT NULL,
  started   INTEGER NOT NULL,
  ended     INTEGER NOT NULL,
  status    TEXT NOT NULL,
  body      TEXT NOT NULL,
  received  INTEGER NOT NULL,
  PRIMARY KEY (workspace, trace, span)
) STRICT, WITHOUT ROWID;
CREATE INDEX span_started ON span (workspace, started, trace);

-- RFC 6962 leaves, one tree per workspace, `sequence` from 0 without gaps; never updated, never deleted.
CREATE TABLE audit (
  workspace TEXT NOT NULL,
  sequence  INTEGER NOT NULL,
  form      INTEGER NOT NULL,
  kind      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  run       TEXT,
  body      TEXT NOT NULL,
  at        INTEGER NOT NULL,
  hash      TEXT NOT NULL,
  PRIMARY KEY (workspace, sequence)
) STRICT;
INSERT INTO audit SELECT workspace, row_number() OVER (PARTITION BY workspace ORDER BY sequence) - 1, 1,
  kind, subject, run, body, at, hash FROM audit_1;
CREATE INDEX audit_run ON audit (workspace, run, sequence);
CREATE INDEX audit_subject ON audit (workspace, subject, sequence);
CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit leaves are never updated'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit leaves are never deleted'); END;

-- The size of each workspace's tree. Taking the next position locks the row, so that positions have no
-- gaps and stand in the order of their commits.
CREATE TABLE tree (
  workspace TEXT NOT NULL PRIMARY KEY,
  size      INTEGER NOT NULL,
  newest    INTEGER NOT NULL              -- the time of the newest leaf
) STRICT;
INSERT INTO tree SELECT workspace, count(*), max(at) FROM audit_1 GROUP BY workspace;

-- Signed notes of the tree: C2SP signed-note and checkpoint.
CREATE TABLE checkpoint (
  workspace TEXT NOT NULL,
  size      INTEGER NOT NULL,
  root      TEXT NOT NULL,
  note      TEXT NOT NULL,
  anchor    TEXT,                      -- where it was put outside, such as a git ref or a file
  at        INTEGER NOT NULL,
  PRIMARY KEY (workspace, size)
) STRICT;

DROP TABLE disposition_1;
DROP TABLE review_1;
DROP TABLE score_1;
DROP TABLE artefact_1;
DROP TABLE effect_1;
DROP TABLE decision_1;
DROP TABLE step_1;
DROP TABLE run_1;
DROP TABLE audit_1;
