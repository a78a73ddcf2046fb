CREATE TABLE used_login_state (
  id text PRIMARY KEY,
  expires_at timestamptz(3) NOT NULL
);
CREATE INDEX used_login_state_expires_at ON used_login_state (expires_at);
