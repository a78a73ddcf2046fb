CREATE TABLE api_key (
  id uuid PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  username text,
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 128),
  prefix text NOT NULL,
  suffix text NOT NULL,
  hash text NOT NULL UNIQUE CHECK (hash ~ '^[0-9a-f]{64}$'),
  scopes text[] NOT NULL,
  person_roles text[] NOT NULL,
  person_enabled boolean NOT NULL,
  created_at timestamptz(3) NOT NULL,
  expires_at timestamptz(3) NOT NULL,
  revoked_at timestamptz(3),
  last_used_at timestamptz(3)
);

CREATE INDEX api_key_of_person ON api_key (workspace_id, created_by, created_at DESC);
CREATE INDEX api_key_created_by ON api_key (created_by);
