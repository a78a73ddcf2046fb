-- A workspace may have only so many uploads that nobody has completed: they are counted with every new one.
CREATE INDEX upload_slot_open_idx ON upload_slot (workspace_id) WHERE media_id IS NULL;
