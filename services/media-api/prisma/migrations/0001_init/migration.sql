CREATE TABLE media_object (
  id           text PRIMARY KEY,
  workspace_id text NOT NULL,
  created_by   text NOT NULL,
  storage_key  text NOT NULL,
  mime         text NOT NULL,
  bytes        integer NOT NULL CHECK (bytes > 0),
  sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  filename     text NOT NULL,
  created_at   timestamptz(3) NOT NULL
);

CREATE UNIQUE INDEX media_object_storage_key_key ON media_object (storage_key);

-- Decides between identical uploads that arrive at once.
CREATE UNIQUE INDEX media_object_workspace_id_sha256_key ON media_object (workspace_id, sha256);
