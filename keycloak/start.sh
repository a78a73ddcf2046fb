#!/bin/sh
# Starts Keycloak with the realm of Jan Server; what is given here goes to `kc.sh start`.
# KEYCLOAK_HOME says where Keycloak is (/opt/keycloak in its image). Keycloak would import a placeholder without a value
# as it stands, and anybody who knows this repository would know the secret.
set -eu
: "${JAN_BACKEND_CLIENT_SECRET:?JAN_BACKEND_CLIENT_SECRET is not set: the secret of the client that manages users}"
case "$JAN_BACKEND_CLIENT_SECRET" in
  *[!A-Za-z0-9_-]*) echo 'JAN_BACKEND_CLIENT_SECRET may hold letters, digits, - and _ only' >&2; exit 1 ;;
esac
[ "${#JAN_BACKEND_CLIENT_SECRET}" -ge 32 ] || { echo 'JAN_BACKEND_CLIENT_SECRET needs 32 characters or more' >&2; exit 1; }
exec "${KEYCLOAK_HOME:-/opt/keycloak}/bin/kc.sh" start --import-realm "$@"
