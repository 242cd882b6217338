package ad

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
)

// incompleteError is the error of a read that may not have reached its end.
type incompleteError struct{ why string }

func (e *incompleteError) Error() string { return e.why }

// stopped returns the error for an operation that ended because its context did.
func stopped(ctx context.Context, object string, err error) error {
	if cause := ctx.Err(); !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	message, advice := "The operation was cancelled.", "Run it again when you want to continue."
	if errors.Is(err, context.DeadlineExceeded) {
		message, advice = "The operation timed out.", "Run it again. If it times out often, check the load on the domain controller."
	}
	return &contract.Error{Category: contract.Stopped, ID: "Cancelled", Object: object, Message: message, Advice: advice, Err: err}
}

// translated reports whether the error needs no translation.
func translated(err error) bool {
	var already *contract.Error
	return err == nil || errors.As(err, &already)
}

// readError translates the error that ended a read of object.
func (t *target) readError(ctx context.Context, object string, err error) error {
	if translated(err) {
		return err
	}
	if ctx.Err() != nil {
		return stopped(ctx, object, err)
	}
	var answer *ldap.Error
	switch {
	case !errors.As(err, &answer) || !isAnswer(err):
		return t.incomplete(object, err)
	case answer.ResultCode == ldap.LDAPResultInsufficientAccessRights:
		return t.accessDenied(object, "read", "Grant the account the right to read the object and its properties.", err)
	case answer.ResultCode == ldap.LDAPResultReferral,
		answer.ResultCode == ldap.LDAPResultSizeLimitExceeded,
		answer.ResultCode == ldap.LDAPResultTimeLimitExceeded,
		answer.ResultCode == ldap.LDAPResultAdminLimitExceeded,
		answer.ResultCode == ldap.LDAPResultUnavailableCriticalExtension:
		return t.incomplete(object, err)
	case transient(err):
		return t.busy(object, err)
	}
	return t.unexpected(object, err)
}

func (t *target) incomplete(object string, err error) error {
	return &contract.Error{
		Category: contract.Connection, ID: "IncompleteRead", Object: object,
		Message: fmt.Sprintf("%s did not return the complete search result. The partial result was discarded.", t.server.host),
		Advice:  "Run it again. If it fails again, check the domain controller's Directory Service event log and the network between this computer and the domain controller.", Err: err,
	}
}

func (t *target) busy(object string, err error) error {
	return &contract.Error{
		Category: contract.ResourceBusy, ID: "ServerBusy", Object: object,
		Message: fmt.Sprintf("%s was busy or unavailable, also after several attempts.", t.server.host),
		Advice:  "Run it again later, or specify another domain controller with -Server.", Err: err,
	}
}

func (t *target) unexpected(object string, err error) error {
	return &contract.Error{
		Category: contract.InvalidState, ID: "DirectoryError", Object: object,
		Message: fmt.Sprintf("%s returned an unexpected error.", t.server.host),
		Advice:  "Look for the error in the domain controller's Directory Service event log.", Err: err,
	}
}

// accessDenied returns the error for a missing right. right completes "the account may
// not".
func (t *target) accessDenied(object, right, advice string, err error) error {
	return &contract.Error{
		Category: contract.PermissionDenied, ID: "AccessDenied", Object: object,
		Message: fmt.Sprintf("%s did not allow the account to %s.", t.server.host, right), Advice: advice, Err: err,
	}
}

// writeError translates the error that ended a write to object; right is what the write
// requires.
func (t *target) writeError(ctx context.Context, object, right string, err error) error {
	if translated(err) {
		return err
	}
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		return t.outcomeUnknown(object, err)
	}
	if ctx.Err() != nil {
		return stopped(ctx, object, err)
	}
	var answer *ldap.Error
	if !errors.As(err, &answer) {
		return t.unexpected(object, err)
	}
	if cloudAuthority.MatchString(err.Error()) {
		return &contract.Error{
			Category: contract.PermissionDenied, ID: "CloudAuthorityEnforced", Object: object,
			Message: fmt.Sprintf("%s protects the object, which is marked as the cloud's (msDS-ObjectSoa), from accounts that are not on its list.", t.server.host),
			Advice:  "Add the SID of the account to msDS-Settings of CN=Cloud,CN=SOA-Policies,CN=System.", Err: err,
		}
	}
	switch answer.ResultCode {
	case ldap.LDAPResultInsufficientAccessRights:
		return t.accessDenied(object, right,
			fmt.Sprintf("Grant the account the right to %s. The simplest way is to delegate full control of groups in the target container.", right), err)
	case ldap.LDAPResultNoSuchObject:
		return groupNotFound(object, err)
	case ldap.LDAPResultReferral:
		return &contract.Error{
			Category: contract.InvalidState, ID: "ReferralReceived", Object: object,
			Message: fmt.Sprintf("%s does not have the object and returned a referral to another server.", t.server.host),
			Advice:  "Specify a writable domain controller of the container's domain with -Server.", Err: err,
		}
	case ldap.LDAPResultNoSuchAttribute, ldap.LDAPResultUndefinedAttributeType,
		ldap.LDAPResultConstraintViolation, ldap.LDAPResultAttributeOrValueExists,
		ldap.LDAPResultInvalidAttributeSyntax, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultNamingViolation,
		ldap.LDAPResultObjectClassViolation, ldap.LDAPResultNotAllowedOnNonLeaf, ldap.LDAPResultNotAllowedOnRDN:
		return writeRefused(object, fmt.Sprintf("%s rejected the change.", t.server.host),
			"The cause names the attribute or the rule. Correct the group in the tenant, or the schema.", err)
	}
	if transient(err) {
		return t.busy(object, err)
	}
	return t.unexpected(object, err)
}

// cloudAuthority matches the words of a domain controller that refuses to change an object
// of the cloud. Microsoft says that its error tells that the object "is managed by a cloud
// SOA policy", and does not give the words, so this was not tried on Windows.
var cloudAuthority = regexp.MustCompile(`(?i)\bSOA polic(y|ies)\b|\bsource of authority\b`)

func writeRefused(object, message, advice string, err error) error {
	return &contract.Error{
		Category: contract.InvalidData, ID: "WriteRefused", Object: object, Message: message, Advice: advice, Err: err,
	}
}

func (t *target) outcomeUnknown(object string, err error) error {
	return &contract.Error{
		Category: contract.Connection, ID: "OutcomeUnknown", Object: object,
		Message: fmt.Sprintf("The response from %s to the change was lost, so it is not known whether the change was made.", t.server.host),
		Advice:  "Start another sync. It reads the group again and makes the change if it is missing.", Err: err,
	}
}

func groupNotFound(object string, err error) error {
	return &contract.Error{
		Category: contract.ObjectNotFound, ID: "GroupNotFound", Object: object,
		Message: "The group does not exist in Active Directory.",
		Advice:  "Start another sync. It determines whether the group was deleted or moved.", Err: err,
	}
}

func containerNotFound(object string, err error) error {
	return &contract.Error{
		Category: contract.ObjectNotFound, ID: "ContainerNotFound", Object: object,
		Message: "The container does not exist, or the account cannot read it.",
		Advice:  "Check the distinguished name, and whether the account can list and read the container.", Err: err,
	}
}

func nameClash(object, message, advice string) error {
	return &contract.Error{Category: contract.InvalidState, ID: "NameClash", Object: object, Message: message, Advice: advice}
}

func targetConfigInvalid(object, message, advice string) error {
	return &contract.Error{
		Category: contract.InvalidArgument, ID: "TargetConfigInvalid", Object: object, Message: message, Advice: advice,
	}
}

func catalogNotFound(object, message, advice string) error {
	return &contract.Error{
		Category: contract.Connection, ID: "GlobalCatalogNotFound", Object: object, Message: message, Advice: advice,
	}
}

// bindFailures explains the hexadecimal data codes that Active Directory returns with a
// refused bind.
var bindFailures = map[string]struct{ id, message, advice string }{
	"525":      {"LdapInvalidCredentials", "The account does not exist.", "Check the user name. It can be user@domain, DOMAIN\\user or a distinguished name."},
	"52e":      {"LdapInvalidCredentials", "The user name or the password is wrong.", "Enter the credentials again. The engine does not retry them, so that the account is not locked out."},
	"530":      {"LogonNotPermitted", "The account is not allowed to sign in at this time.", "Change the account's logon hours."},
	"531":      {"LogonNotPermitted", "The account is not allowed to sign in from this computer.", "Change the workstations that the account can log on to."},
	"532":      {"PasswordExpired", "The password of the account has expired.", "Set a new password. For a service account, also select \"Password never expires\"."},
	"533":      {"AccountDisabled", "The account is disabled.", "Enable the account."},
	"534":      {"LogonNotPermitted", "The account does not have the right to log on over the network.", "Grant the account \"Access this computer from the network\" on the domain controllers."},
	"576":      {"ClockSkew", "The clocks of this computer and of the domain controller are too far apart.", "Synchronise both clocks."},
	"701":      {"AccountExpired", "The account has expired.", "Extend the account's expiry date."},
	"773":      {"PasswordMustChange", "The account must change its password before it can sign in.", "Change the password, or clear \"User must change password at next logon\"."},
	"775":      {"AccountLocked", "The account is locked out.", "Unlock the account, and find out what locks it out."},
	"80090324": {"ClockSkew", "The clocks of this computer and of the domain controller are too far apart.", "Synchronise both clocks."},
	"80090346": {"ChannelBindingRequired", "The domain controller rejected the channel binding.", "Check whether a proxy between this computer and the domain controller inspects TLS, and bypass it."},
}

var bindData = regexp.MustCompile(`\bdata ([0-9a-fA-F]+)\b`)

// bindDataCode returns the data code in a refusal's text, in lower case, or "". A known
// Windows code at the beginning of the text ("80090346: LdapErr…") also counts.
func bindDataCode(text string) string {
	if m := bindData.FindStringSubmatch(text); m != nil {
		code := strings.ToLower(m[1])
		if _, known := bindFailures[code]; known {
			return code
		}
	}
	for code := range bindFailures {
		if len(code) == 8 && strings.Contains(strings.ToLower(text), code) {
			return code
		}
	}
	return ""
}

// bindError translates a refused or broken bind.
func bindError(ctx context.Context, e endpoint, user string, err error) error {
	return connectError(ctx, e, err, func(e endpoint, err error) error { return refusedBind(e, user, err) })
}

func refusedBind(e endpoint, user string, err error) error {
	object := fmt.Sprintf("%s on %s", user, e)
	if user == "" {
		object = e.String()
	}
	var answer *ldap.Error
	if !errors.As(err, &answer) || !isAnswer(err) {
		return unreachable(e, err)
	}
	switch answer.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		failure, known := bindFailures[bindDataCode(err.Error())]
		if !known {
			failure = bindFailures["52e"]
		}
		return &contract.Error{Category: contract.Authentication, ID: failure.id, Object: object, Message: failure.message, Advice: failure.advice, Err: err}
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired,
		ldap.LDAPResultAuthMethodNotSupported, ldap.LDAPResultInappropriateAuthentication:
		return &contract.Error{
			Category: contract.Authentication, ID: "StrongerAuthRequired", Object: object,
			Message: "The domain controller does not accept this sign-in method.",
			Advice:  "Use Kerberos, or allow simple binds over TLS on the domain controller.", Err: err,
		}
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return unreachable(e, err)
	}
	return &contract.Error{
		Category: contract.Authentication, ID: "BindRefused", Object: object,
		Message: "The domain controller refused the sign-in for an unknown reason.",
		Advice:  "Look for the error in the domain controller's Security and Directory Service event logs.", Err: err,
	}
}

func unreachable(e endpoint, err error) error {
	return &contract.Error{
		Category: contract.Connection, ID: "ServerUnreachable", Object: e.String(),
		Message: "The domain controller cannot be reached.",
		Advice:  fmt.Sprintf("Check that the server is running and that this computer can reach its port %s.", e.port), Err: err,
	}
}

// connectError translates the error that ended a step of connecting: as cancelled if
// ctx has ended, otherwise as step does.
func connectError(ctx context.Context, e endpoint, err error, step func(endpoint, error) error) error {
	if ctx.Err() != nil {
		return stopped(ctx, e.String(), err)
	}
	return step(e, err)
}

// dialError translates the error of a connection that could not be made.
func dialError(e endpoint, err error) error {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) && dns.IsNotFound {
		return &contract.Error{
			Category: contract.Connection, ID: "ServerNotFound", Object: e.host,
			Message: "DNS does not know the name of the domain controller.",
			Advice:  "Check the server name, and that this computer uses the domain's DNS servers.", Err: err,
		}
	}
	return unreachable(e, err)
}

// startTLSError translates an answer to StartTLS, or the lack of one.
func startTLSError(e endpoint, err error) error {
	if !isAnswer(err) {
		return unreachable(e, err)
	}
	return &contract.Error{
		Category: contract.Connection, ID: "StartTlsRefused", Object: e.String(),
		Message: "The domain controller refused to start TLS.",
		Advice:  "Install a server authentication certificate on the domain controller, or use LDAPS.", Err: err,
	}
}

// handshakeError translates the error of a TLS connection that could not be set up.
func handshakeError(e endpoint, err error) error {
	failure := &contract.Error{Category: contract.Connection, Object: e.String(), Err: err}
	var (
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		any     *tls.CertificateVerificationError
		timeout net.Error
	)
	switch {
	case errors.As(err, &host):
		failure.ID = "CertificateNameMismatch"
		failure.Message = fmt.Sprintf("The domain controller's certificate is not valid for the name %s.", e.host)
		failure.Advice = "Connect with a name that is in the certificate, usually the full DNS name of the domain controller."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		failure.ID = "CertificateExpired"
		failure.Message = "The domain controller's certificate has expired or is not yet valid."
		failure.Advice = "Renew the certificate on the domain controller, and check this computer's clock."
	case errors.As(err, &any):
		failure.ID = "CertificateNotTrusted"
		failure.Message = "The domain controller's certificate is not trusted."
		failure.Advice = "Install the certificate of the issuing authority on this computer, or specify its file with -DirectoryCAFile. The certificate is always verified."
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, net.ErrClosed):
		return unreachable(e, fmt.Errorf("no TLS connection within %v: %w", dialTimeout.Round(time.Second), err))
	default:
		failure.ID = "TlsFailed"
		failure.Message = "The TLS connection to the domain controller failed."
		failure.Advice = "Check that the port is the LDAPS port (on port 389, use StartTLS), and that the domain controller has a server authentication certificate."
	}
	return failure
}
