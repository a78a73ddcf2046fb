CREATE TABLE audit_event (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  at timestamptz(3) NOT NULL,
  act text NOT NULL,
  actor text,
  actor_kind text,
  key_id text,
  target text,
  address text,
  request_id text NOT NULL,
  details text NOT NULL
);
CREATE INDEX audit_event_actor ON audit_event (actor, seq);
CREATE INDEX audit_event_act ON audit_event (act, seq);

-- What was noted stays as it was noted.
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log cannot be changed';
END $$;
CREATE TRIGGER audit_event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
