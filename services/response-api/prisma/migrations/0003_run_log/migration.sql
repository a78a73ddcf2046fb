-- A run is its events; this row says who may add to them.
CREATE TABLE response_run (
  id text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  -- For whom it acts: what a token of ours says of them, as JSON.
  principal text NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'completed', 'failed', 'incomplete', 'cancelled')),
  -- Rises with every claim: what the holder of an earlier one adds is refused.
  epoch integer NOT NULL,
  owner text,
  lease_until timestamptz,
  -- Of the code that may go on with it.
  loop_version integer NOT NULL,
  model text NOT NULL,
  previous_response_id text,
  conversation_id text,
  metadata jsonb NOT NULL,
  -- JSON is kept as text: jsonb refuses \u0000 and lone surrogates, which models do produce.
  request text NOT NULL,
  input text NOT NULL,
  output text,
  result text,
  created_at timestamptz(3) NOT NULL,
  completed_at timestamptz(3)
-- Room for the row that a beat writes beside the old one, and what is long outside of it.
) WITH (fillfactor = 50, toast_tuple_target = 256);
CREATE INDEX response_run_open ON response_run (created_at) WHERE state IN ('queued', 'running');
CREATE INDEX response_run_of_workspace ON response_run (workspace_id, created_at, id);

CREATE TABLE run_event (
  run_id text NOT NULL,
  seq integer NOT NULL,
  epoch integer NOT NULL,
  type text NOT NULL,
  data text NOT NULL,
  -- No foreign key: whoever appends locks the run's row.
  PRIMARY KEY (run_id, seq)
);
