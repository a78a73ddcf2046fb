-- MCP servers that were added over the API. Those of the operator's file are not kept here.
CREATE TABLE mcp_server (
  id text PRIMARY KEY,
  -- Whose it is; null: everyone's.
  workspace_id text,
  name text NOT NULL,
  description text NOT NULL,
  type text NOT NULL CHECK (type IN ('http', 'sse')),
  url text NOT NULL,
  auth text NOT NULL CHECK (auth IN ('none', 'oauth')),
  -- JSON {headers, oauth}, encrypted.
  secrets text,
  header_names text[] NOT NULL,
  enabled boolean NOT NULL,
  timeout_ms integer NOT NULL CHECK (timeout_ms > 0),
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3) NOT NULL,
  UNIQUE NULLS NOT DISTINCT (workspace_id, name)
);

-- What a tool of a server said of itself when it was first seen, and what it says since.
CREATE TABLE mcp_tool_pin (
  -- An id of mcp_server, or `file_<name>`.
  server_id text NOT NULL,
  tool text NOT NULL,
  hash text NOT NULL,
  definition jsonb NOT NULL,
  pending_hash text,
  pending jsonb,
  pinned_at timestamptz(3) NOT NULL,
  changed_at timestamptz(3) NOT NULL,
  accepted_by text,
  PRIMARY KEY (server_id, tool)
);

-- A client that an authorization server knows us by, for all users of a server.
CREATE TABLE mcp_oauth_client (
  server_id text NOT NULL,
  issuer text NOT NULL,
  -- JSON, encrypted.
  client text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  PRIMARY KEY (server_id, issuer)
);

-- Somebody's own access to a server.
CREATE TABLE mcp_login (
  server_id text NOT NULL,
  workspace_id text NOT NULL,
  issuer text NOT NULL,
  -- JSON, encrypted.
  tokens text NOT NULL,
  expires_at timestamptz(3),
  updated_at timestamptz(3) NOT NULL,
  PRIMARY KEY (server_id, workspace_id)
);

CREATE INDEX mcp_login_workspace_id_idx ON mcp_login (workspace_id);
