package server

import (
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// result says how an operation ended. The text has the form that Windows uses: a
// hexadecimal Windows error code at the beginning, a NUL at the end.
type result struct {
	code      uint16
	matched   string
	text      string
	referrals []string
}

func (r *result) Error() string { return r.text }

func refuse(code uint16, windows uint32, text string) *result {
	return &result{code: code, text: fmt.Sprintf("%08X: %s\n\x00", windows, text)}
}

// noSuchObject names the deepest existing ancestor.
func noSuchObject(matched string) *result {
	r := refuse(ldap.LDAPResultNoSuchObject, 0x208D, fmt.Sprintf("NameErr: DSID-0310028D, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'%s'", matched))
	r.matched = matched
	return r
}

func accessDenied() *result {
	return refuse(ldap.LDAPResultInsufficientAccessRights, 0x2098, "SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0")
}

func badName(why string) *result {
	return refuse(ldap.LDAPResultInvalidDNSyntax, 0x208F, "NameErr: DSID-03100225, problem 2006 (BAD_NAME), data 8350, "+why)
}

func entryExists(windows uint32) *result {
	return refuse(ldap.LDAPResultEntryAlreadyExists, windows, "UpdErr: DSID-031A11C5, problem 6005 (ENTRY_EXISTS), data 0")
}

func valueExists(attribute string) *result {
	return refuse(ldap.LDAPResultAttributeOrValueExists, 0x2083, "AtrErr: DSID-03151830, #1:\n\t0: problem 1006 (ATT_OR_VALUE_EXISTS), "+attribute)
}

func noSuchValue(attribute string) *result {
	return refuse(ldap.LDAPResultNoSuchAttribute, 0x2085, "AtrErr: DSID-03152392, #1:\n\t0: problem 1001 (NO_ATTRIBUTE_OR_VAL), "+attribute)
}

func constraint(windows uint32, attribute string) *result {
	return refuse(ldap.LDAPResultConstraintViolation, windows, "AtrErr: DSID-03150A4A, #1:\n\t0: problem 1005 (CONSTRAINT_ATT_TYPE), "+attribute)
}

func unwilling(windows uint32, why string) *result {
	return refuse(ldap.LDAPResultUnwillingToPerform, windows, "SvcErr: DSID-031A120C, problem 5003 (WILL_NOT_PERFORM), data 0, "+why)
}

func busy() *result {
	return refuse(ldap.LDAPResultBusy, 0x200E, "SvcErr: DSID-03200BA8, problem 5001 (BUSY), data 0")
}
