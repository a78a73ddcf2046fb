-- What is deleted leaves its id and times, without content: a page may be asked for after it.
CREATE TABLE project (
  id text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  name text NOT NULL,
  instruction text CHECK (char_length(instruction) <= 32768),
  is_favorite boolean NOT NULL,
  archived_at timestamptz(3),
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  deleted_at timestamptz(3),
  CHECK (deleted_at IS NOT NULL OR char_length(name) BETWEEN 1 AND 120)
);
-- The same letters are the same name, however they are composed.
CREATE UNIQUE INDEX project_name ON project (workspace_id, normalize(name, NFC)) WHERE deleted_at IS NULL;
CREATE INDEX project_by_change ON project (workspace_id, updated_at, id);

CREATE TABLE assistant (
  id text PRIMARY KEY,
  -- A shared one outlives who made it, and belongs to nobody then.
  workspace_id text,
  created_by text,
  shared boolean NOT NULL,
  name text NOT NULL,
  description text,
  model text,
  instructions text,
  temperature double precision CHECK (temperature BETWEEN 0 AND 2),
  tools jsonb,
  metadata jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  deleted_at timestamptz(3),
  CHECK (shared OR (workspace_id IS NOT NULL AND created_by IS NOT NULL)),
  CHECK (deleted_at IS NOT NULL OR char_length(name) BETWEEN 1 AND 256)
);
CREATE INDEX assistant_of_workspace ON assistant (workspace_id, created_at, id);
CREATE INDEX assistant_shared ON assistant (created_at, id) WHERE shared;
