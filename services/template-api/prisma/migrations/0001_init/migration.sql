CREATE TABLE note (
  id           text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by   text NOT NULL,
  text         text NOT NULL,
  created_at   timestamptz(3) NOT NULL
);
