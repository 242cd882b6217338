#!/bin/bash
# Makes the lab, runs the command in it and exits with the command's exit code, or with 4 if the
# lab fails. run starts it as the first process of the lab's namespaces.
# usage: inside.sh SCHEMA RECYCLE_BIN(yes|no) KEEP_LOG_DIR COMMAND [ARGS...]
set -euo pipefail
trap 'exit 143' TERM USR1

export GWB_LAB_SCHEMA=$1
recycle_bin=$2 keep_log=$3
shift 3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lab/network.sh
. "$here/network.sh"
# shellcheck source=tests/lab/certificates.sh
. "$here/certificates.sh"
# shellcheck source=tests/lab/dc.sh
. "$here/dc.sh"
# shellcheck source=tests/lab/tenant.sh
. "$here/tenant.sh"

lab_failed() {
    echo "tests/lab/run: $1" >&2
    if [[ -s ${2-} ]]; then
        tail -n 40 "$2" >&2
    fi
    exit 4
}

# shellcheck disable=SC2317 # called by a trap
keep_logs() {
    cp -r "$GWB_LAB_DIR"/log/. "$keep_log"/ || true
}

# Keep all files in memory. The mount hides the machine's own Samba state, which is in this
# directory, from the lab.
mount -t tmpfs -o mode=0755 lab /var/lib/samba
export GWB_LAB=1 GWB_LAB_DIR=/var/lib/samba/lab
mkdir -p "$GWB_LAB_DIR/log"
[[ ! $keep_log ]] || trap keep_logs EXIT

export GWB_LAB_DOMAIN=contoso.test GWB_LAB_REALM=CONTOSO.TEST GWB_LAB_SERVER=dc1.contoso.test
export GWB_LAB_BASE=DC=contoso,DC=test
export GWB_LAB_CONTAINER=OU=Writeback,$GWB_LAB_BASE
export GWB_LAB_OTHER=OU=Other,$GWB_LAB_BASE
export GWB_LAB_PEOPLE=OU=People,$GWB_LAB_BASE
export GWB_LAB_USER=svc-gwb@$GWB_LAB_DOMAIN
export GWB_LAB_DELETED_USER=svc-gwb-deleted@$GWB_LAB_DOMAIN
export GWB_LAB_NONE_USER=svc-none@$GWB_LAB_DOMAIN
export GWB_LAB_ADMIN_USER=Administrator@$GWB_LAB_DOMAIN
GWB_LAB_PASSWORD=Lab-$(openssl rand -hex 12)
GWB_LAB_ADMIN_PASSWORD=Admin-$(openssl rand -hex 12)
export GWB_LAB_PASSWORD GWB_LAB_ADMIN_PASSWORD

make_network
make_certificates
make_dc "$here/provision.py" "$recycle_bin"
start_tenant

# The shell makes a background command ignore Ctrl+C and Ctrl+\; the tested one must not.
env --default-signal=INT,QUIT -- "$@" <&0 &
command=$!
trap 'kill -TERM "$command" 2>/dev/null' TERM
trap : USR1
status=0
wait "$command" || status=$?
while kill -0 "$command" 2>/dev/null; do
    status=0
    wait "$command" || status=$?
done
exit "$status"
