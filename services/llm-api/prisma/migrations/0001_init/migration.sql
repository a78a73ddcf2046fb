CREATE TABLE workspace (
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('guest', 'user')),
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL
);

CREATE TABLE provider (
  id text PRIMARY KEY,
  base_url text NOT NULL UNIQUE,
  created_at timestamptz(3) NOT NULL,
  synced_at timestamptz(3)
);

CREATE TABLE provider_model (
  id text PRIMARY KEY,
  provider_id text NOT NULL REFERENCES provider (id) ON DELETE CASCADE,
  model_id text NOT NULL,
  owned_by text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  gone_at timestamptz(3),
  UNIQUE (provider_id, model_id)
);
