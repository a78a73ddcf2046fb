-- What a request that added several files to a vector store told of them: it stays, whatever becomes of the files.
CREATE TABLE file_batch (
  id text PRIMARY KEY,
  collection_id text NOT NULL REFERENCES collection ON DELETE CASCADE,
  file_ids text[] NOT NULL,
  -- How many of them could be read, and how many could not.
  completed integer NOT NULL,
  failed integer NOT NULL,
  created_at timestamptz(3) NOT NULL
);
CREATE INDEX file_batch_of_collection ON file_batch (collection_id, created_at, id);

INSERT INTO file_batch (id, collection_id, file_ids, completed, failed, created_at)
SELECT batch_id, collection_id, array_agg(id ORDER BY key), count(*) FILTER (WHERE status = 'completed'),
  count(*) FILTER (WHERE status = 'failed'), min(indexed_at)
FROM document WHERE batch_id IS NOT NULL GROUP BY batch_id, collection_id;
ALTER TABLE document DROP COLUMN batch_id;
