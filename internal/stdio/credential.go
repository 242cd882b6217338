package stdio

import (
	"fmt"
	"slices"

	"groupwriteback/internal/contract"
)

// credentialFields are the fields that belong to one kind of credential.
type credentialFields struct {
	kind               string
	required, optional []string
}

var sourceCredentials = []credentialFields{
	{kind: string(contract.ClientSecret), required: []string{"secret"}},
	{kind: string(contract.ClientCertificate), required: []string{"certificatePath"}, optional: []string{"certificatePassword"}},
	{kind: string(contract.CertificateThumbprint), required: []string{"thumbprint", "certificate"}},
	{kind: string(contract.ManagedIdentity)},
	{kind: string(contract.WorkloadIdentity), optional: []string{"federatedTokenFile"}},
	{kind: string(contract.AccessToken), required: []string{"accessToken"}, optional: []string{"canRefresh"}},
}

var targetCredentials = []credentialFields{
	{kind: string(contract.SimpleBind), required: []string{"user", "password"}},
	{kind: string(contract.KerberosPassword), required: []string{"user", "password"}, optional: []string{"realm", "krb5Conf"}},
	{kind: string(contract.KerberosKeytab), required: []string{"user", "keytab"}, optional: []string{"realm", "krb5Conf"}},
	{kind: string(contract.CurrentIdentity)},
}

// given says whether a field of a credential was given.
type given struct {
	name  string
	given bool
}

// checkCredential refuses a kind that is not in the table, a required field that is
// missing, and a field that does not belong to the kind: a client that sends a password
// with managedIdentity means something else.
func checkCredential(path, kind string, table []credentialFields, fields []given) error {
	kinds := make([]string, len(table))
	for i := range table {
		kinds[i] = table[i].kind
	}
	i := slices.Index(kinds, kind)
	if i < 0 {
		return contract.InvalidParameter(path+".kind", kind, contract.OneOf(kinds))
	}
	for _, f := range fields {
		required := slices.Contains(table[i].required, f.name)
		switch {
		case required && !f.given:
			return missing(path + "." + f.name)
		case f.given && !required && !slices.Contains(table[i].optional, f.name):
			return invalidParameter(path+"."+f.name, fmt.Sprintf("%s cannot be used with the kind of credential %s.", f.name, kind), "Omit it, or choose a kind that uses it.")
		}
	}
	return nil
}

func missing(name string) error {
	return invalidParameter(name, name+" is missing.", "Specify "+name+".")
}
