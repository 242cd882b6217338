# Sourced by inside.sh. Makes and starts the domain controller.
# shellcheck shell=bash

make_dc() {
    local provision=$1 recycle_bin=$2
    local dc=$GWB_LAB_DIR/dc log=$GWB_LAB_DIR/log
    mkdir -p "$dc"/{etc,private,lock,state,cache,run}
    configure_samba "$dc" >"$dc/etc/smb.conf"

    # Only Debian's Python has Samba's modules. PATH may hold another one.
    /usr/bin/python3 -B "$provision" "$dc/etc/smb.conf" "$GWB_LAB_SCHEMA" "$recycle_bin" \
        >"$log/provision" 2>&1 || lab_failed "provisioning the domain failed" "$log/provision"
    samba --interactive --model=prefork --debug-stdout --configfile="$dc/etc/smb.conf" \
        </dev/null >"$log/samba" 2>&1 &
    make_keytab
    wait_for_ldaps "$!" "$log/samba"
}

# configure_samba DIRECTORY prints a configuration with only the services that a directory needs:
# no file server, no name service, no winbind. drepl allocates further RIDs; without it the 500th
# new group fails. ldb:nosync is set because the files are in memory.
configure_samba() {
    cat <<SMB
[global]
    netbios name = DC1
    realm = $GWB_LAB_REALM
    workgroup = CONTOSO
    server role = active directory domain controller
    server services = ldap, kdc, drepl
    interfaces = lo
    bind interfaces only = yes
    private dir = $1/private
    lock directory = $1/lock
    state directory = $1/state
    cache directory = $1/cache
    pid directory = $1/run
    ncalrpc dir = $1/run/ncalrpc
    log file = $1/run/log
    ldap server require strong auth = allow_sasl_over_tls
    tls cafile = $GWB_LAB_DIR/tls/ca.pem
    tls certfile = $GWB_LAB_DIR/tls/dc1.pem
    tls keyfile = $GWB_LAB_DIR/tls/dc1.key
    ldb:nosync = true
    dsdb:schema update allowed = true
[sysvol]
    path = $1/state/sysvol
[netlogon]
    path = $1/state/sysvol/$GWB_LAB_DOMAIN/scripts
SMB
}

make_keytab() {
    local principal=${GWB_LAB_USER%@*}@$GWB_LAB_REALM
    export GWB_LAB_KEYTAB=$GWB_LAB_DIR/svc-gwb.keytab
    ktutil >"$GWB_LAB_DIR/log/keytab" 2>&1 <<KTUTIL
addent -password -p $principal -k 1 -e aes256-cts-hmac-sha1-96
$GWB_LAB_PASSWORD
wkt $GWB_LAB_KEYTAB
KTUTIL
    [[ -s $GWB_LAB_KEYTAB ]] || lab_failed "making the keytab failed" "$GWB_LAB_DIR/log/keytab"
}

wait_for_ldaps() {
    local samba=$1 log=$2 i
    for ((i = 0; i < 6000; i++)); do
        if LDAPTLS_CACERT=$GWB_LAB_CA ldapsearch -x -LLL -o nettimeout=2 -H "ldaps://$GWB_LAB_SERVER" \
            -b '' -s base isSynchronized 2>/dev/null | grep -q '^isSynchronized: TRUE'; then
            return
        fi
        kill -0 "$samba" 2>/dev/null || break
        sleep 0.05
    done
    lab_failed "the domain controller does not answer on LDAPS" "$log"
}
