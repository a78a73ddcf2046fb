-- Objects of every kind, of any size, for a time; files of OpenAI's API among them.
ALTER TABLE media_object ALTER COLUMN bytes TYPE bigint;
ALTER TABLE media_object
  ADD COLUMN width      integer,
  ADD COLUMN height     integer,
  ADD COLUMN pages      integer,
  ADD COLUMN purpose    text,
  ADD COLUMN text_key   text,
  ADD COLUMN expires_at timestamptz(3),
  ADD COLUMN deleted_at timestamptz(3);

-- Decides between identical uploads that arrive at once. A file keeps its own name and purpose, and so its own row.
DROP INDEX media_object_workspace_id_sha256_key;
CREATE UNIQUE INDEX media_object_content_key ON media_object (workspace_id, sha256)
  WHERE purpose IS NULL AND deleted_at IS NULL;
CREATE INDEX media_object_workspace_id_id_idx ON media_object (workspace_id, id);
CREATE INDEX media_object_expires_at_idx ON media_object (expires_at) WHERE deleted_at IS NULL;
CREATE INDEX media_object_deleted_at_idx ON media_object (deleted_at) WHERE deleted_at IS NOT NULL;

-- A direct upload on its way. Once complete it names the object that it became, perhaps one that was there before.
CREATE TABLE upload_slot (
  id           text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by   text NOT NULL,
  mime         text NOT NULL,
  bytes        bigint,
  sha256       text,
  filename     text,
  media_id     text,
  created_at   timestamptz(3) NOT NULL,
  expires_at   timestamptz(3) NOT NULL
);
CREATE INDEX upload_slot_workspace_id_idx ON upload_slot (workspace_id);
CREATE INDEX upload_slot_expires_at_idx ON upload_slot (expires_at) WHERE media_id IS NULL;
CREATE INDEX upload_slot_media_id_idx ON upload_slot (media_id);

-- What each workspace holds, counted as rows come and go.
CREATE TABLE workspace_usage (
  workspace_id text PRIMARY KEY,
  bytes        bigint NOT NULL,
  objects      integer NOT NULL
);
INSERT INTO workspace_usage
  SELECT workspace_id, sum(bytes), count(*) FROM media_object GROUP BY workspace_id;
