# Sourced by inside.sh. Sets up the names and addresses that the lab sees.
# shellcheck shell=bash

make_network() {
    local files=$GWB_LAB_DIR/etc
    mkdir "$files"
    ip link set lo up

    # Kerberos clients look up the name of an address. OpenLDAP uses the host name for a local one.
    hostname dc1
    cat >"$files/hosts" <<HOSTS
127.0.0.1 $GWB_LAB_SERVER dc1 $GWB_LAB_DOMAIN
127.0.0.1 localhost alias.$GWB_LAB_DOMAIN
::1 localhost
HOSTS
    echo "search $GWB_LAB_DOMAIN" >"$files/resolv.conf"
    cat >"$files/krb5.conf" <<KRB5
[libdefaults]
    default_realm = $GWB_LAB_REALM
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    default_ccache_name = FILE:$GWB_LAB_DIR/krb5cc_%{uid}
[realms]
    $GWB_LAB_REALM = {
        kdc = 127.0.0.1:88
    }
[domain_realm]
    .$GWB_LAB_DOMAIN = $GWB_LAB_REALM
    $GWB_LAB_DOMAIN = $GWB_LAB_REALM
KRB5
    export KRB5_CONFIG=$files/krb5.conf
    unset KRB5CCNAME

    local name
    for name in hosts resolv.conf krb5.conf; do
        if [[ -e /etc/$name ]]; then
            mount --bind "$files/$name" "/etc/$name"
        fi
    done
}
