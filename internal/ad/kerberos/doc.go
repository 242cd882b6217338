// Package kerberos gets tickets by password or keytab, and signs in to LDAP with them.
// It is the only package that imports gokrb5, which is hardly maintained (ADR 28).
package kerberos

import (
	"strings"

	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/krberror"
)

// MutualRequired is the option of a request by which the server has to prove who it is.
const MutualRequired = flags.APOptionMutualRequired

// NoNetwork reports whether the error means that no KDC could be reached. gokrb5 says so
// only in its text.
func NoNetwork(err error) bool { return strings.Contains(err.Error(), krberror.NetworkingError) }
