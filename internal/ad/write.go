package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

const oidPermissiveModify = "1.2.840.113556.1.4.1413"

// writer writes for as long as its lease holds.
type writer struct {
	*target
	lease contract.Lease
}

// Writer implements contract.Target.
func (t *target) Writer(lease contract.Lease) contract.TargetWriter { return &writer{t, lease} }

// write sends one change and retries transient failures. When an answer is lost, landed
// looks whether the change was made. landed is nil if the change may be repeated,
// because making it twice has the same effect as once. The error is the server's answer
// or a contract.Error.
func (t *writer) write(ctx context.Context, object string, send func(*ldap.Conn) error, landed func() (bool, error)) error {
	var unknown error // the last lost answer that was not settled
	err := retry(ctx, t.server.host, func() error {
		if err := t.lease.Holds(ctx); err != nil {
			return err
		}
		err := t.pool.use(ctx, func(c *conn) error { return c.do(ctx, send) })
		lost := (*lostError)(nil)
		if !errors.As(err, &lost) {
			if err == nil || isAnswer(err) && !transient(err) {
				unknown = nil
			}
			return err
		}
		unknown = err
		if landed == nil || ctx.Err() != nil {
			return err
		}
		done, lookErr := landed()
		if lookErr != nil {
			return err
		}
		unknown = nil
		if done {
			return nil
		}
		return err
	})
	switch {
	case err == nil:
		return nil
	case unknown != nil:
		return t.outcomeUnknown(object, errors.Join(unknown, context.Cause(ctx)))
	case isAnswer(err):
		return err
	}
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		// Each look has shown that the change was not made.
		return t.busy(object, err)
	}
	return t.writeError(ctx, object, "change the object", err)
}

// permissive returns the control with which adding an existing value and removing a
// missing one succeed (MS-ADTS 3.1.1.3.4.1.8).
func permissive() []ldap.Control {
	return []ldap.Control{ldap.NewControlString(oidPermissiveModify, true, "")}
}

// Modify implements contract.TargetWriter.
func (t *writer) Modify(ctx context.Context, group directory.GUID, attributes []plan.AttributeChange) error {
	request := ldap.NewModifyRequest(byGUID(group), permissive())
	for _, a := range attributes {
		changeAttribute(request, t.asWritten(a))
	}
	if len(request.Changes) == 0 {
		return nil
	}
	err := t.write(ctx, group.String(), func(l *ldap.Conn) error { return l.Modify(request) }, nil)
	return t.refused(ctx, group.String(), byGUID(group), "write "+named(attributes)+" of the group", err)
}

// asWritten returns the change with the objects that it names as they are to be written.
func (t *target) asWritten(a plan.AttributeChange) plan.AttributeChange {
	if containsFold(keepsGUID, a.Name) {
		a.Old, a.New = t.objectValues(a.Old), t.objectValues(a.New)
	}
	return a
}

func (t *target) objectValues(values []string) []string {
	refs := make([]directory.MemberRef, len(values))
	for i, value := range values {
		var err error
		if refs[i], err = directory.ParseExtendedName(value); err != nil || refs[i].GUID.IsZero() {
			return values // an administrator's mapping gives plain names
		}
	}
	return t.memberValues(refs)
}

// named lists the attributes' names.
func named(attributes []plan.AttributeChange) string {
	names := make([]string, len(attributes))
	for i, a := range attributes {
		names[i] = a.Name
	}
	return strings.Join(names, ", ")
}

// changeAttribute adds to the request what turns Old into New. For an attribute that
// others also write to, it sends only the difference, so their values stay. Removals
// come before additions, because Active Directory treats two values that differ only in
// case as the same.
func changeAttribute(request *ldap.ModifyRequest, a plan.AttributeChange) {
	if !a.Shared {
		// An empty replace removes the attribute, and succeeds even if it is absent.
		request.Replace(a.Name, a.New)
		return
	}
	if gone := without(a.Old, a.New); len(gone) > 0 {
		request.Delete(a.Name, gone)
	}
	if added := without(a.New, a.Old); len(added) > 0 {
		request.Add(a.Name, added)
	}
}

// without returns the values that are not among the others.
func without(values, others []string) []string {
	var rest []string
	for _, v := range values {
		if !slices.Contains(others, v) {
			rest = append(rest, v)
		}
	}
	return rest
}

// Rename implements contract.TargetWriter.
func (t *writer) Rename(ctx context.Context, group directory.GUID, cn string, parent directory.GUID) (string, error) {
	dn, err := t.groupDN(ctx, group, nil)
	if err != nil {
		return "", err
	}
	superior := ""
	if !parent.IsZero() {
		t.forgetParent()
		if superior, err = t.parentDN(ctx, parent); err != nil {
			return "", err
		}
	}
	parsed, err := directory.ParseDN(dn)
	if err != nil {
		return "", t.unexpected(dn, err)
	}
	under := superior
	if under == "" {
		under = parsed.Parent().String()
	}
	rdn := directory.RDN{Type: "CN", Value: cn}.String()
	wanted := rdn + "," + under
	request := ldap.NewModifyDNRequest(dn, rdn, true, superior)
	err = t.write(ctx, dn, func(l *ldap.Conn) error { return l.ModifyDN(request) }, func() (bool, error) {
		now, err := t.dnOf(ctx, group)
		return sameName(now, wanted), err
	})
	if ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists) {
		return "", t.clash(ctx, wanted, cn, "")
	}
	if err != nil {
		right := "rename the group"
		if superior != "" {
			right = "move the group (delete it in its container, and create it in " + superior + ")"
		}
		return "", t.refused(ctx, dn, byGUID(group), right, err)
	}
	now, err := t.dnOf(ctx, group)
	if err != nil || now == "" {
		return wanted, nil // it was renamed; only its exact spelling is unknown
	}
	return now, nil
}

// sameName compares two names. The object's own component is compared case-sensitively,
// because a change of case is a rename.
func sameName(a, b string) bool {
	x, errX := directory.ParseDN(a)
	y, errY := directory.ParseDN(b)
	return errX == nil && errY == nil && len(x) > 0 && x.Equal(y) && x[0].Value == y[0].Value
}

func (t *target) parentDN(ctx context.Context, parent directory.GUID) (string, error) {
	t.mu.Lock()
	known := t.parent
	t.mu.Unlock()
	if known.guid == parent && time.Since(known.read) < parentAge {
		return known.dn, nil
	}
	dn, err := t.dnOf(ctx, parent)
	if err == nil && dn == "" {
		err = containerNotFound(parent.String(), nil)
	}
	if err == nil {
		t.mu.Lock()
		t.parent = parentName{guid: parent, dn: dn, read: time.Now()}
		t.mu.Unlock()
	}
	return dn, err
}

// parentAge is how long a container's name is considered current, which saves one
// search for each of thousands of new groups.
const parentAge = 2 * time.Second

// parentName is a container's name as it was read.
type parentName struct {
	guid directory.GUID
	dn   string
	read time.Time
}

// forgetParent makes the next parentDN look up the container again.
func (t *target) forgetParent() {
	t.mu.Lock()
	t.parent = parentName{}
	t.mu.Unlock()
}

// Delete implements contract.TargetWriter.
func (t *writer) Delete(ctx context.Context, group directory.GUID) error {
	request := ldap.NewDelRequest(byGUID(group), nil)
	err := t.write(ctx, group.String(), func(l *ldap.Conn) error { return l.Del(request) }, nil)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return nil
	}
	return t.refused(ctx, group.String(), byGUID(group), "delete the group", err)
}

// clash returns the error for a name that is taken: the cn at dn, or else the
// sAMAccountName in the domain if one was given.
func (t *target) clash(ctx context.Context, dn, cn, account string) error {
	parsed, err := directory.ParseDN(dn)
	if err != nil {
		return t.unexpected(dn, err)
	}
	for _, k := range []struct {
		name, attribute, base string
		scope                 int
	}{
		{cn, "name", parsed.Parent().String(), ldap.ScopeSingleLevel},
		{account, attrSAM, t.root.baseDN, ldap.ScopeWholeSubtree},
	} {
		if k.name == "" {
			continue
		}
		holders, err := t.findNamed(ctx, k.base, k.scope, k.attribute, []string{k.name})
		if err != nil {
			return t.readError(ctx, dn, err)
		}
		if len(holders) > 0 {
			return nameClash(holders[0].DN, fmt.Sprintf("The name %q is taken by this object, which GroupWriteback does not manage.", k.name),
				"Rename the object, or rename the group in the tenant. Every run tries the group again.")
		}
	}
	return nameClash(dn, "The group's name or sAMAccountName is taken by an object that the account cannot read.",
		"Find the object as an administrator and rename it, or rename the group in the tenant.")
}
