package ad

import (
	"context"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

const (
	attrIsDeleted  = "isDeleted"
	attrIsRecycled = "isRecycled"
	attrLastParent = "lastKnownParent"
)

// Deleted implements contract.TargetReader.
func (t *target) Deleted(ctx context.Context, guids []directory.GUID) ([]contract.DeletedGroup, error) {
	if err := t.atOnce(guids); err != nil {
		return nil, err
	}
	visible, err := t.deletedVisible(ctx)
	if err != nil {
		return nil, err
	}
	if !visible {
		hidden := *contract.AsError(t.deletedNotVisible())
		hidden.Advice = "Name an account that may restore deleted objects, such as an administrator of the domain, with -Credential."
		return nil, &hidden
	}
	bin, err := t.recycleBin(ctx)
	if err != nil {
		return nil, err
	}
	q := query{base: t.deletedObjects(), scope: ldap.ScopeSingleLevel, filter: "(objectClass=group)", deleted: true, extendedDN: true}
	q.attributes, q.plain = t.header()
	q.attributes = append(q.attributes, attrIsRecycled, attrLastParent)
	entries, err := findAny(ctx, t.pool, q, attrGUID, valuesOf(guids, directory.GUID.AD))
	if err != nil {
		return nil, t.readError(ctx, "CN=Deleted Objects,"+t.root.baseDN, err)
	}
	var found []contract.DeletedGroup
	for _, e := range entries {
		g, err := parseDeleted(e, bin)
		if err != nil {
			return nil, t.readError(ctx, e.DN, &incompleteError{err.Error()})
		}
		found = append(found, g)
	}
	return found, nil
}

// recycleBin reports whether the forest has its recycle bin on. The feature has this name
// in every language.
func (t *target) recycleBin(ctx context.Context) (bool, error) {
	partitions := "CN=Partitions," + t.root.configuration
	e, err := t.pool.read(ctx, query{base: partitions, attributes: []string{"msDS-EnabledFeature"}})
	if err != nil {
		return false, t.readError(ctx, partitions, err)
	}
	if e != nil {
		for _, feature := range e.GetAttributeValues("msDS-EnabledFeature") {
			if strings.HasPrefix(strings.ToLower(feature), "cn=recycle bin feature,") {
				return true, nil
			}
		}
	}
	return false, nil
}

// parseDeleted parses an entry that was read with the extended-DN control. bin says
// whether the recycle bin is on: only then does isRecycled mean that the object is lost.
func parseDeleted(e *ldap.Entry, bin bool) (contract.DeletedGroup, error) {
	g, err := parseGroup(e)
	if err != nil {
		return contract.DeletedGroup{}, err
	}
	d := contract.DeletedGroup{TargetGroup: g, Remains: contract.RemainsTombstone}
	d.CN, _, _ = strings.Cut(d.CN, "\nDEL:")
	if bin {
		d.Remains = contract.RemainsWhole
		if strings.EqualFold(e.GetAttributeValue(attrIsRecycled), "TRUE") {
			d.Remains = contract.RemainsNothing
		}
	}
	if parent := e.GetAttributeValue(attrLastParent); parent != "" {
		name, err := parseExtendedDN(parent)
		if err != nil {
			return d, err
		}
		d.Parent = directory.MemberRef{GUID: name.guid, DN: name.dn}
	}
	delete(d.Attributes, attrIsRecycled)
	delete(d.Attributes, attrLastParent)
	return d, nil
}

// Undelete implements contract.TargetWriter.
func (t *writer) Undelete(ctx context.Context, group contract.DeletedGroup, parent directory.GUID, cn string, attributes []plan.AttributeChange) (string, error) {
	container, err := t.parentDN(ctx, parent)
	if err != nil {
		return "", err
	}
	dn := directory.RDN{Type: "CN", Value: cn}.String() + "," + container
	request := ldap.NewModifyRequest(group.DN, append(permissive(), ldap.NewControlString(oidShowDeleted, true, "")))
	request.Delete(attrIsDeleted, nil)
	request.Replace("distinguishedName", []string{dn})
	for _, a := range attributes {
		changeAttribute(request, a)
	}
	err = t.write(ctx, dn, func(l *ldap.Conn) error { return l.Modify(request) }, func() (bool, error) {
		now, err := t.dnOf(ctx, group.GUID)
		return now != "", err
	})
	switch {
	case err == nil:
		return dn, nil
	case ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists):
		return "", t.clash(ctx, dn, cn, group.SAMAccountName)
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		t.forgetParent()
		if now, err := t.dnOf(ctx, parent); err == nil && now == "" {
			return "", containerNotFound(container, err)
		}
	}
	return "", t.refused(ctx, dn, container, "restore deleted objects (Reanimate Tombstones at "+t.root.baseDN+", and create groups in "+container+")", err)
}
