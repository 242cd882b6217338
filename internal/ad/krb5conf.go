package ad

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"groupwriteback/internal/ad/kerberos"
	"groupwriteback/internal/contract"
)

// kdc is a domain controller known to serve a realm.
type kdc struct{ realm, host string }

// loadKrb5Conf loads the named configuration, otherwise the one in KRB5_CONFIG,
// otherwise the system's, and completes it for the realm. The KDCs of a realm are those
// in the configuration. If there is no configuration, as on Windows, or it names none,
// loadKrb5Conf uses the known domain controller of that realm, and failing that the
// hosts that DNS names at or below the realm. Other hosts are never used: somebody who
// forges DNS answers must not be asked for tickets.
func loadKrb5Conf(ctx context.Context, path, realm string, known []kdc, lookup lookupSRV) (*kerberos.Config, error) {
	given := path != ""
	if !given {
		path, given = os.LookupEnv("KRB5_CONFIG")
	}
	if !given || path == "" {
		path = "/etc/krb5.conf"
	}
	krb5 := kerberos.NewConfig()
	if _, err := os.Stat(path); given || !errors.Is(err, fs.ErrNotExist) {
		if krb5, err = kerberos.LoadConfig(path); err != nil {
			return nil, &contract.Error{
				Category: contract.InvalidData, ID: "KerberosConfigInvalid", Object: path,
				Message: "The Kerberos configuration cannot be read.",
				Advice:  "Correct the file, or specify another one with -KerberosConfigPath.", Err: err,
			}
		}
	}
	found := addKDCs(ctx, krb5, realm, known, lookup)
	for _, k := range known {
		addKDCs(ctx, krb5, strings.ToUpper(k.realm), known, nil)
	}
	if krb5.ByDNS {
		// A ticket for a service in another realm is obtained through the realms above.
		for _, r := range []string{realm, known[0].realm} {
			for _, above, ok := strings.Cut(r, "."); ok && strings.Contains(above, "."); _, above, ok = strings.Cut(above, ".") {
				addKDCs(ctx, krb5, strings.ToUpper(above), nil, lookup)
			}
		}
	}
	if !found {
		return nil, &contract.Error{
			Category: contract.Connection, ID: "KdcNotFound", Object: realm,
			Message: "No Kerberos KDC of the realm was found: krb5.conf lists none, and neither does DNS at or below the realm's name.",
			Advice:  "Check the account's realm (-KerberosRealm), or list its KDCs in a krb5.conf and specify that file with -KerberosConfigPath.",
		}
	}
	return krb5, nil
}

// addKDCs adds KDCs of the realm to the configuration if it has none, and reports
// whether it has some now.
func addKDCs(ctx context.Context, krb5 *kerberos.Config, realm string, known []kdc, lookup lookupSRV) bool {
	if len(krb5.KDCs(realm)) > 0 {
		return true
	}
	var hosts []string
	if i := slices.IndexFunc(known, func(k kdc) bool { return sameHost(k.realm, realm) }); i >= 0 {
		hosts = []string{known[i].host}
	} else if lookup != nil {
		hosts = find(ctx, lookup, "kerberos", hostName(realm), realm).below
	}
	for _, host := range hosts {
		krb5.AddKDC(realm, net.JoinHostPort(host, "88"))
	}
	return len(hosts) > 0
}
