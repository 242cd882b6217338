# Sourced by inside.sh. Makes the domain controller's certificate, its CA and a foreign CA.
# shellcheck shell=bash

make_certificates() {
    local tls=$GWB_LAB_DIR/tls
    mkdir "$tls"
    {
        make_ca ca "Contoso Lab CA"
        make_ca other-ca "Another CA"
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -keyout "$tls/dc1.key" -out "$tls/dc1.csr" -subj "/CN=$GWB_LAB_SERVER"
        openssl x509 -req -in "$tls/dc1.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -set_serial 2 \
            -days 30 -out "$tls/dc1.pem" -extfile <(
                echo "subjectAltName = DNS:$GWB_LAB_SERVER, DNS:$GWB_LAB_DOMAIN, IP:127.0.0.1"
                echo "extendedKeyUsage = serverAuth, clientAuth"
                echo "basicConstraints = critical, CA:false"
            )
    } >"$GWB_LAB_DIR/log/certificates" 2>&1 || lab_failed "making certificates failed" "$GWB_LAB_DIR/log/certificates"
    chmod 0600 "$tls"/*.key
    export GWB_LAB_CA=$tls/ca.pem GWB_LAB_OTHER_CA=$tls/other-ca.pem
}

make_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -keyout "$tls/$1.key" -out "$tls/$1.pem" -subj "/CN=$2" \
        -addext "basicConstraints = critical, CA:true" -addext "keyUsage = critical, keyCertSign, cRLSign"
}
