-- One row per call of a model, written once and in batches.
CREATE TABLE model_call (
  id text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  caller_kind text NOT NULL,
  key_id text,
  via text,
  request_id text NOT NULL,
  conversation_id text,
  response_id text,
  project_id text,
  operation text NOT NULL,
  stream boolean NOT NULL,
  model text NOT NULL,
  provider_id text,
  provider_name text,
  provider_model_id text,
  prompt_tokens integer NOT NULL,
  completion_tokens integer NOT NULL,
  cached_tokens integer NOT NULL,
  reasoning_tokens integer NOT NULL,
  is_estimated boolean NOT NULL,
  cost_micro_usd bigint NOT NULL,
  attempts integer NOT NULL,
  status integer NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('ok', 'failed', 'cancelled')),
  first_token_ms integer,
  duration_ms integer NOT NULL,
  started_at timestamptz(3) NOT NULL
);
CREATE INDEX model_call_of_workspace ON model_call (workspace_id, started_at, id);

-- Totals of model_call by day (UTC), added to by the statement that adds the rows. '' stands for none: of a key, of a
-- project, and of a person who was erased.
CREATE TABLE usage_day (
  day date NOT NULL,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  key_id text NOT NULL,
  project_id text NOT NULL,
  model text NOT NULL,
  provider_name text NOT NULL,
  requests bigint NOT NULL,
  estimated_requests bigint NOT NULL,
  prompt_tokens bigint NOT NULL,
  completion_tokens bigint NOT NULL,
  cached_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_micro_usd bigint NOT NULL,
  PRIMARY KEY (day, workspace_id, created_by, key_id, project_id, model, provider_name)
);
CREATE INDEX usage_day_of_workspace ON usage_day (workspace_id, day);
CREATE INDEX usage_day_of_person ON usage_day (created_by, day);
CREATE INDEX usage_day_of_key ON usage_day (key_id, day) WHERE key_id <> '';
CREATE INDEX usage_day_of_project ON usage_day (project_id, day) WHERE project_id <> '';

CREATE TABLE budget (
  id text PRIMARY KEY,
  subject_kind text NOT NULL CHECK (subject_kind IN ('user', 'key', 'project')),
  subject_id text NOT NULL,
  period text NOT NULL CHECK (period IN ('day', 'month')),
  tokens bigint CHECK (tokens >= 0),
  micro_usd bigint CHECK (micro_usd >= 0),
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  UNIQUE (subject_kind, subject_id, period),
  CHECK (tokens IS NOT NULL OR micro_usd IS NOT NULL)
);

CREATE TABLE call_limit (
  id text PRIMARY KEY,
  subject_kind text NOT NULL CHECK (subject_kind IN ('user', 'key', 'model')),
  subject_id text NOT NULL,
  requests_per_minute integer CHECK (requests_per_minute >= 0),
  tokens_per_minute integer CHECK (tokens_per_minute >= 0),
  concurrent_requests integer CHECK (concurrent_requests >= 0),
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  UNIQUE (subject_kind, subject_id)
);

CREATE TABLE workspace_settings (
  workspace_id text PRIMARY KEY,
  record_payloads boolean NOT NULL,
  updated_at timestamptz(3) NOT NULL
);
