-- Counts the tries of a response: what an earlier one writes late is refused.
ALTER TABLE response ADD COLUMN epoch integer NOT NULL DEFAULT 1;
