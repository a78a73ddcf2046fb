-- Who renews an access, and until when nobody else does: whoever dies at it is waited for no longer.
ALTER TABLE mcp_login ADD renewer text, ADD renewing_until timestamptz(3);
