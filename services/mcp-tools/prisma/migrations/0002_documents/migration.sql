-- What people have indexed to be searched. A collection is what OpenAI calls a vector store.
CREATE TABLE collection (
  id text PRIMARY KEY,
  workspace_id text NOT NULL,
  name text NOT NULL,
  -- Where documents go that nobody named a collection for.
  is_default boolean NOT NULL DEFAULT false,
  metadata jsonb NOT NULL DEFAULT '{}',
  -- It may be searched until so many days after its last use.
  expires_after_days integer,
  created_at timestamptz(3) NOT NULL,
  last_active_at timestamptz(3) NOT NULL
);
CREATE INDEX collection_of_workspace ON collection (workspace_id, created_at, id);
CREATE UNIQUE INDEX collection_default ON collection (workspace_id) WHERE is_default;

CREATE TABLE document (
  -- Rises in the order of making, and stays when a document is indexed again.
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id text NOT NULL,
  collection_id text NOT NULL REFERENCES collection ON DELETE CASCADE,
  -- Chosen by whoever indexed it.
  id text NOT NULL,
  title text NOT NULL,
  tags text[] NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  -- A media id or a URL; null for a text that was sent.
  source text,
  -- A configuration of PostgreSQL's full-text search, or 'simple'.
  language text NOT NULL,
  status text NOT NULL CHECK (status IN ('completed', 'failed')),
  error_code text,
  error_message text,
  -- Its text in bytes of UTF-8 and in UTF-16 units, and in how many pieces of which size and overlap it is kept.
  bytes integer NOT NULL,
  chars integer NOT NULL,
  chunks integer NOT NULL,
  chunk_chars integer NOT NULL,
  overlap_chars integer NOT NULL,
  -- Of whose vectors its pieces have, if any.
  embedding_model text,
  batch_id text,
  created_at timestamptz(3) NOT NULL,
  indexed_at timestamptz(3) NOT NULL,
  UNIQUE (collection_id, id)
);
CREATE INDEX document_of_workspace ON document (workspace_id, key);
CREATE INDEX document_of_batch ON document (batch_id) WHERE batch_id IS NOT NULL;

CREATE TABLE document_chunk (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id text NOT NULL,
  document_key bigint NOT NULL REFERENCES document ON DELETE CASCADE,
  -- Where it begins in the text of its document, in UTF-16 units. Neighbours overlap.
  start_at integer NOT NULL,
  text text NOT NULL,
  -- Marked by workspace: a look-up touches only what begins with the mark.
  words tsvector NOT NULL,
  -- Of length 1; pgvector compares it as it is, where it is installed.
  embedding real[]
-- Ranking reads the words of every piece that may fit: they stay in their row, uncompressed.
) WITH (toast_tuple_target = 8160);
ALTER TABLE document_chunk ALTER words SET STORAGE MAIN, ALTER text SET STORAGE EXTERNAL, ALTER embedding SET STORAGE EXTERNAL;
CREATE INDEX document_chunk_of_document ON document_chunk (document_key, start_at);
-- Without a list of what is to be merged later, which every search would read from end to end.
CREATE INDEX document_chunk_words ON document_chunk USING gin (words) WITH (fastupdate = off);
