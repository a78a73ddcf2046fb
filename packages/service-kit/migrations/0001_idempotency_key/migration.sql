-- One row per Idempotency-Key of one owner. It is
--   under way  while it has a lease: `claim` says whose,
--   answered   once it has an answer,
--   free       when it has neither: the last try failed.
CREATE TABLE idempotency_key (
  workspace_id text NOT NULL,
  subject      text NOT NULL,
  key          text NOT NULL,
  -- What was asked.
  fingerprint  text NOT NULL,
  -- What the ids of a try are derived from: it stays the same over all tries.
  seed         text NOT NULL,
  claim        uuid NOT NULL,
  lease_until  timestamptz(3),
  -- Encrypted: answers may hold secrets.
  answer       text,
  created_at   timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace_id, subject, key),
  CHECK (lease_until IS NULL OR answer IS NULL)
);

-- For forgetting what is old.
CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);
