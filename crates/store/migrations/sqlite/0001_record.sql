-- The record, SQLite. Times are unix nanoseconds; ids are UUIDv7 text; digests are lower-case hex;
-- bodies live in the blob folder by digest, so that redaction and erasure never touch a row.
CREATE TABLE run (
  workspace     TEXT NOT NULL,
  id            TEXT NOT NULL PRIMARY KEY,
  workflow      TEXT NOT NULL,
  worker        TEXT NOT NULL,
  worker_digest TEXT NOT NULL,
  trigger       TEXT NOT NULL,
  actor         TEXT NOT NULL,
  level         INTEGER NOT NULL CHECK (level BETWEEN 0 AND 5),
  policy        TEXT NOT NULL,
  input         TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN
    ('running', 'held', 'waiting_review', 'accepted', 'rejected', 'failed', 'interrupted')),
  outcome       TEXT,
  started       INTEGER NOT NULL,
  ended         INTEGER
) STRICT;
CREATE INDEX run_started ON run (workspace, started DESC);

CREATE TABLE step (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL PRIMARY KEY,
  run       TEXT NOT NULL REFERENCES run (id),
  number    INTEGER NOT NULL,
  name      TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'refused', 'interrupted')),
  note      TEXT,
  started   INTEGER NOT NULL,
  ended     INTEGER,
  UNIQUE (run, number)
) STRICT;

CREATE TABLE decision (
  workspace     TEXT NOT NULL,
  id            TEXT NOT NULL PRIMARY KEY,
  run           TEXT NOT NULL REFERENCES run (id),
  step          TEXT NOT NULL REFERENCES step (id),
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
  at            INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_run ON decision (run, at);

-- The only door to side effects: a row is written, and synced, before anything is sent.
CREATE TABLE effect (
  workspace       TEXT NOT NULL,
  id              TEXT NOT NULL PRIMARY KEY,
  run             TEXT NOT NULL REFERENCES run (id),
  step            TEXT NOT NULL REFERENCES step (id),
  decision        TEXT NOT NULL UNIQUE REFERENCES decision (id),
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
  UNIQUE (workspace, idempotency_key)
) STRICT;
CREATE INDEX effect_run ON effect (run, reserved);

CREATE TABLE artefact (
  workspace  TEXT NOT NULL,
  id         TEXT NOT NULL PRIMARY KEY,
  run        TEXT NOT NULL REFERENCES run (id),
  name       TEXT NOT NULL,
  media_type TEXT NOT NULL,
  digest     TEXT NOT NULL,
  bytes      INTEGER NOT NULL,
  kept       INTEGER NOT NULL CHECK (kept IN (0, 1)),
  at         INTEGER NOT NULL,
  UNIQUE (run, name)
) STRICT;

CREATE TABLE score (
  workspace   TEXT NOT NULL,
  id          TEXT NOT NULL PRIMARY KEY,
  run         TEXT NOT NULL REFERENCES run (id),
  dimension   TEXT NOT NULL CHECK (dimension IN ('quality', 'safety', 'cost', 'reliability')),
  name        TEXT NOT NULL,
  evaluator   TEXT NOT NULL,
  verdict     TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
  value       TEXT NOT NULL,
  explanation TEXT NOT NULL,
  at          INTEGER NOT NULL
) STRICT;
CREATE INDEX score_run ON score (run);

CREATE TABLE review (
  workspace TEXT NOT NULL,
  id        TEXT NOT NULL PRIMARY KEY,
  run       TEXT NOT NULL REFERENCES run (id),
  kind      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  title     TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'rejected')),
  created   INTEGER NOT NULL
) STRICT;
CREATE INDEX review_run ON review (run);

CREATE TABLE disposition (
  workspace TEXT NOT NULL,
  review    TEXT NOT NULL REFERENCES review (id),
  finding   TEXT NOT NULL DEFAULT '',  -- '' is the report as a whole
  reviewer  TEXT NOT NULL,
  identity  TEXT NOT NULL CHECK (identity IN ('asserted', 'proved')),
  judgement TEXT NOT NULL CHECK (judgement IN ('accept', 'reject')),
  reason    TEXT,
  at        INTEGER NOT NULL,
  PRIMARY KEY (review, finding, reviewer)
) STRICT;

-- RFC 6962 leaves in the order in which they were acknowledged; never updated, never deleted.
CREATE TABLE audit (
  workspace TEXT NOT NULL,
  sequence  INTEGER PRIMARY KEY,
  kind      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  run       TEXT,
  body      TEXT NOT NULL,
  at        INTEGER NOT NULL,
  hash      TEXT NOT NULL
) STRICT;
CREATE INDEX audit_run ON audit (run, sequence);
CREATE INDEX audit_subject ON audit (subject, sequence);
CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit leaves are never updated'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit leaves are never deleted'); END;
