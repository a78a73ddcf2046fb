-- What admins have changed of the rules for tools: one row.
CREATE TABLE tool_policy (
  id integer PRIMARY KEY CHECK (id = 1),
  document jsonb NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  updated_by text NOT NULL
);
