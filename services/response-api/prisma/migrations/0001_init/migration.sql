-- JSON is kept as text: jsonb refuses \u0000 and lone surrogates, which models do produce.
CREATE TABLE response (
  id text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  status text NOT NULL CHECK (status IN ('in_progress', 'completed', 'incomplete', 'failed', 'cancelled')),
  model text NOT NULL,
  previous_response_id text,
  request text NOT NULL,
  result text,
  created_at timestamptz(3) NOT NULL,
  completed_at timestamptz(3)
);

CREATE TABLE response_item (
  response_id text NOT NULL REFERENCES response (id) ON DELETE CASCADE,
  direction text NOT NULL CHECK (direction IN ('input', 'output')),
  position integer NOT NULL,
  item_id text NOT NULL,
  item text NOT NULL,
  PRIMARY KEY (response_id, direction, position)
);

CREATE TABLE response_event (
  response_id text NOT NULL REFERENCES response (id) ON DELETE CASCADE,
  sequence_number integer NOT NULL,
  type text NOT NULL,
  data text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (response_id, sequence_number)
);
