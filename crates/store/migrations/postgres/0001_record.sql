-- The record, PostgreSQL: the same tables as SQLite has after its second migration. Times are unix
-- nanoseconds; ids are UUIDv7 text; digests are lower-case hex; bodies live apart, by digest.
CREATE TABLE run (
  workspace     TEXT NOT NULL,
  id            TEXT NOT NULL,
  workflow      TEXT NOT NULL,
  worker        TEXT NOT NULL,
  worker_digest TEXT NOT NULL,
  "trigger"     TEXT NOT NULL,
  actor         TEXT NOT NULL,
  level         BIGINT NOT NULL CHECK (level BETWEEN 0 AND 5),
  policy        TEXT NOT NULL,
  parent        TEXT,
  input         TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'held', 'waiting_review', 'accepted',
    'rejected', 'failed', 'interrupted', 'cancelled')),
  outcome       TEXT,
  started       BIGINT NOT NULL,
  ended         BIGINT,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX run_started ON run (workspace, started DESC);

CREATE TABLE step (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL,
  run       TEXT NOT NULL,
  number    BIGINT NOT NULL,
  name      TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'refused', 'interrupted')),
  note      TEXT,
  started   BIGINT NOT NULL,
  ended     BIGINT,
  PRIMARY KEY (workspace, id),
  UNIQUE (workspace, run, number),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
);

CREATE TABLE decision (
  workspace     TEXT NOT NULL,
  id            TEXT NOT NULL,
  run           TEXT NOT NULL,
  step          TEXT NOT NULL,
  principal     TEXT NOT NULL,
  action        TEXT NOT NULL,
  action_digest TEXT NOT NULL,
  risk          BIGINT NOT NULL CHECK (risk BETWEEN 0 AND 4),
  risk_reasons  TEXT NOT NULL,
  level         BIGINT NOT NULL CHECK (level BETWEEN 0 AND 5),
  answer        TEXT NOT NULL CHECK (answer IN ('permit', 'hold', 'deny')),
  determining   TEXT NOT NULL,
  missing       TEXT NOT NULL,
  policy        TEXT NOT NULL,
  circumstances TEXT NOT NULL DEFAULT '',
  approval      TEXT,
  at            BIGINT NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id),
  FOREIGN KEY (workspace, step) REFERENCES step (workspace, id)
);
CREATE INDEX decision_run ON decision (workspace, run, at);

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
  reserved        BIGINT NOT NULL,
  settled         BIGINT,
  PRIMARY KEY (workspace, id),
  UNIQUE (workspace, decision),
  UNIQUE (workspace, idempotency_key),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id),
  FOREIGN KEY (workspace, step) REFERENCES step (workspace, id),
  FOREIGN KEY (workspace, decision) REFERENCES decision (workspace, id)
);
CREATE INDEX effect_run ON effect (workspace, run, reserved);

CREATE TABLE artefact (
  workspace  TEXT NOT NULL,
  id         TEXT NOT NULL,
  run        TEXT NOT NULL,
  name       TEXT NOT NULL,
  media_type TEXT NOT NULL,
  digest     TEXT NOT NULL,
  bytes      BIGINT NOT NULL,
  kept       BIGINT NOT NULL CHECK (kept IN (0, 1)),
  at         BIGINT NOT NULL,
  PRIMARY KEY (workspace, id),
  UNIQUE (workspace, run, name),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
);

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
  at          BIGINT NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
);
CREATE INDEX score_run ON score (workspace, run);

CREATE TABLE review (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL,
  run       TEXT NOT NULL,
  kind      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  title     TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'rejected')),
  created   BIGINT NOT NULL,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
);
CREATE INDEX review_run ON review (workspace, run);

CREATE TABLE disposition (
  workspace TEXT NOT NULL,
  review    TEXT NOT NULL,
  finding   TEXT NOT NULL DEFAULT '',  -- '' is the report as a whole
  reviewer  TEXT NOT NULL,
  identity  TEXT NOT NULL CHECK (identity IN ('asserted', 'proved')),
  judgement TEXT NOT NULL CHECK (judgement IN ('accept', 'reject')),
  reason    TEXT,
  at        BIGINT NOT NULL,
  PRIMARY KEY (workspace, review, finding, reviewer),
  FOREIGN KEY (workspace, review) REFERENCES review (workspace, id)
);

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
  risk      BIGINT NOT NULL CHECK (risk BETWEEN 0 AND 4),
  missing   TEXT NOT NULL,
  humans    BIGINT NOT NULL,
  stewards  BIGINT NOT NULL,
  author    TEXT NOT NULL,
  owner     TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('open', 'granted', 'denied', 'expired', 'stale', 'used')),
  created   BIGINT NOT NULL,
  expires   BIGINT NOT NULL,
  decided   BIGINT,
  PRIMARY KEY (workspace, id),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
);
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
  at        BIGINT NOT NULL,
  PRIMARY KEY (workspace, approval, voter),
  FOREIGN KEY (workspace, approval) REFERENCES approval (workspace, id)
);

-- Who works on a run. `fence` counts up with every lease; a write with an older one is refused.
CREATE TABLE job (
  workspace TEXT NOT NULL,
  run       TEXT NOT NULL,
  queue     TEXT NOT NULL CHECK (queue IN ('person', 'workers')),
  state     TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'parked', 'done')),
  ready     BIGINT NOT NULL,
  priority  BIGINT NOT NULL,
  attempt   BIGINT NOT NULL,
  owner     TEXT,
  until     BIGINT,
  fence     BIGINT NOT NULL,
  cancel    BIGINT NOT NULL CHECK (cancel IN (0, 1)),
  PRIMARY KEY (workspace, run),
  FOREIGN KEY (workspace, run) REFERENCES run (workspace, id)
);
CREATE INDEX job_waiting ON job (workspace, queue, priority DESC, ready) WHERE state IN ('ready', 'leased');

-- Levels, ceilings and switches: each change is a row, the newest of a name is in force.
CREATE TABLE control (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL,
  name      TEXT NOT NULL,
  value     TEXT NOT NULL,
  "by"      TEXT NOT NULL,
  identity  TEXT NOT NULL CHECK (identity IN ('asserted', 'proved')),
  reason    TEXT NOT NULL,
  at        BIGINT NOT NULL,
  PRIMARY KEY (workspace, id)
);
CREATE INDEX control_name ON control (workspace, name, at);

-- Spans that others sent over OTLP, after redaction; `body` is the span in OTLP's own JSON.
CREATE TABLE span (
  workspace TEXT NOT NULL,
  trace     TEXT NOT NULL,
  span      TEXT NOT NULL,
  parent    TEXT,
  name      TEXT NOT NULL,
  started   BIGINT NOT NULL,
  ended     BIGINT NOT NULL,
  status    TEXT NOT NULL,
  body      TEXT NOT NULL,
  received  BIGINT NOT NULL,
  PRIMARY KEY (workspace, trace, span)
);
CREATE INDEX span_started ON span (workspace, started, trace);

-- RFC 6962 leaves, one tree per workspace, `sequence` from 0 without gaps; never updated, never deleted.
CREATE TABLE audit (
  workspace TEXT NOT NULL,
  sequence  BIGINT NOT NULL,
  form      BIGINT NOT NULL,
  kind      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  run       TEXT,
  body      TEXT NOT NULL,
  at        BIGINT NOT NULL,
  hash      TEXT NOT NULL,
  PRIMARY KEY (workspace, sequence)
);
CREATE INDEX audit_run ON audit (workspace, run, sequence);
CREATE INDEX audit_subject ON audit (workspace, subject, sequence);
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'audit leaves are never updated or deleted'; END $$;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- The size of each workspace's tree. Taking the next position locks the row, so that positions have no
-- gaps and stand in the order of their commits.
CREATE TABLE tree (
  workspace TEXT NOT NULL PRIMARY KEY,
  size      BIGINT NOT NULL,
  newest    BIGINT NOT NULL              -- the time of the newest leaf
);

-- Signed notes of the tree: C2SP signed-note and checkpoint.
CREATE TABLE checkpoint (
  workspace TEXT NOT NULL,
  size      BIGINT NOT NULL,
  root      TEXT NOT NULL,
  note      TEXT NOT NULL,
  anchor    TEXT,                      -- where it was put outside, such as a git ref or a file
  at        BIGINT NOT NULL,
  PRIMARY KEY (workspace, size)
);

-- Bodies by digest. Each workspace has its own, so that nobody reads or erases another's.
CREATE TABLE blob (
  workspace TEXT NOT NULL,
  digest    TEXT NOT NULL,
  body      BYTEA NOT NULL,
  PRIMARY KEY (workspace, digest)
);
