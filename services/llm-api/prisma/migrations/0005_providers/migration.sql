-- What was known of models until now is learned anew from those who serve them.
DELETE FROM provider;

ALTER TABLE provider
  DROP CONSTRAINT provider_base_url_key,
  ADD COLUMN source text NOT NULL CHECK (source IN ('environment', 'file', 'api')),
  ADD COLUMN name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
  ADD COLUMN kind text NOT NULL,
  ADD COLUMN active boolean NOT NULL,
  ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN secret text,
  ADD COLUMN key_hint text,
  ADD COLUMN updated_at timestamptz(3) NOT NULL,
  ADD COLUMN failed_at timestamptz(3),
  ADD COLUMN last_error text;

-- Admins may add any number of custom providers, and one of each kind that is known by name.
CREATE UNIQUE INDEX provider_kind ON provider (kind) WHERE source = 'api' AND kind <> 'custom';

ALTER TABLE provider_model
  ADD COLUMN public_id text NOT NULL,
  ADD COLUMN listed jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN edits jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN active boolean NOT NULL,
  ADD COLUMN updated_at timestamptz(3) NOT NULL;

CREATE INDEX provider_model_public_id ON provider_model (public_id);

CREATE TABLE model_catalog (
  id text PRIMARY KEY,
  listed jsonb NOT NULL DEFAULT '{}',
  listed_by text,
  filled boolean NOT NULL,
  edits jsonb NOT NULL DEFAULT '{}',
  active boolean NOT NULL,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL
);

CREATE INDEX model_catalog_created_at ON model_catalog (created_at, id);
