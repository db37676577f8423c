#!/bin/sh
# Starts nginx in a container: asks the container's own name server for the gateways, wherever that runs.
# GATEWAY_ADDRESS: their name and port. nginx knows no search domains, so outside of Compose the name is a full one.
set -eu
server=$(awk '$1 == "nameserver" {print $2; exit}' /etc/resolv.conf)
case $server in
    "") echo "start.sh: /etc/resolv.conf names no name server" >&2; exit 1 ;;
    *:*) server="[$server]" ;;
esac
cat > /tmp/place.conf <<END
resolver $server valid=2s ipv6=off;
map "" \$gateway {
    default "${GATEWAY_ADDRESS:-gateway:8000}";
}
END
# It comes last where Compose starts it, so this is the line to look for.
echo "Opsroom is ready: ${OPSROOM_ADDRESS:-port 8080}"
exec nginx -g 'daemon off;'
