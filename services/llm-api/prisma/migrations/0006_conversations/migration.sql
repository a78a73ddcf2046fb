CREATE TABLE conversation (
  id text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  title text,
  metadata jsonb NOT NULL DEFAULT '{}',
  referrer text,
  project_id text,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
  active_branch text NOT NULL DEFAULT 'MAIN',
  item_count int NOT NULL DEFAULT 0,
  item_bytes int NOT NULL DEFAULT 0,
  last_seq int NOT NULL DEFAULT 0,
  words tsvector NOT NULL DEFAULT '',
  created_at timestamptz(3) NOT NULL,
  last_activity_at timestamptz(3) NOT NULL,
  deleted_at timestamptz(3)
);
CREATE INDEX conversation_by_activity ON conversation (workspace_id, last_activity_at DESC, id DESC)
  WHERE deleted_at IS NULL;
CREATE INDEX conversation_by_project ON conversation (workspace_id, project_id, last_activity_at DESC, id DESC)
  WHERE deleted_at IS NULL AND project_id IS NOT NULL;
-- Words begin with a mark of their workspace (words-of.ts), so nobody's search reads what is of others.
CREATE INDEX conversation_words ON conversation USING gin (words);

-- The items of a branch are those of its sources, each up to a number: what it shares with others is stored once.
CREATE TABLE conversation_branch (
  conversation_id text NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
  name text NOT NULL,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  parent text,
  forked_from_item_id text,
  first_seq int NOT NULL,
  sources text[] NOT NULL,
  up_to int[] NOT NULL,
  created_at timestamptz(3) NOT NULL,
  PRIMARY KEY (conversation_id, name)
);

-- `json`, not `jsonb`: it is kept to the character, and a U+0000 in the output of a tool is no reason to lose it.
CREATE TABLE conversation_item (
  conversation_id text NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
  id text NOT NULL,
  workspace_id text NOT NULL,
  created_by text NOT NULL,
  branch text NOT NULL,
  seq int NOT NULL,
  item json NOT NULL,
  words tsvector NOT NULL DEFAULT '',
  rating text CHECK (rating IN ('like', 'unlike')),
  rating_comment text,
  rated_at timestamptz(3),
  created_at timestamptz(3) NOT NULL,
  deleted_at timestamptz(3),
  PRIMARY KEY (conversation_id, id)
);
CREATE UNIQUE INDEX conversation_item_in_order ON conversation_item (conversation_id, branch, seq);
CREATE INDEX conversation_item_words ON conversation_item USING gin (words);
