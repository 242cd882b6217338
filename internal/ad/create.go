package ad

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// memberChunk is the number of member values in one request, well below the 5,000
// changes that a domain controller should be given at once.
const memberChunk = 1000

// Create implements contract.TargetWriter.
func (t *writer) Create(ctx context.Context, parent directory.GUID, attributes []plan.AttributeChange, members []directory.MemberRef) ([]contract.Refusal, error) {
	container, err := t.parentDN(ctx, parent)
	if err != nil {
		return nil, err
	}
	wanted := newValues(attributes)
	cn := first(wanted["cn"])
	dn := directory.RDN{Type: "CN", Value: cn}.String() + "," + container
	members = distinct(members)

	// One refused value fails the whole request. With fewer values in the first
	// request, down to none, the group is created. The rest are added afterwards, where
	// the culprits are found as with any other change.
	inFirst := min(len(members), memberChunk)
	sent := make([]plan.AttributeChange, len(attributes))
	for i, a := range attributes {
		sent[i] = t.asWritten(a)
	}
	for {
		err = t.write(ctx, dn, func(l *ldap.Conn) error {
			return l.Add(addRequest(dn, sent, t.memberValues(members[:inFirst])))
		}, func() (bool, error) {
			created, err := t.ours(ctx, dn, wanted)
			return !created.IsZero(), err
		})
		if inFirst == 0 || !refusesValues(err) || ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists) {
			break
		}
		inFirst /= 2
	}
	rest := members[inFirst:]
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists):
		// An earlier attempt, in this run or the one before, may have created the
		// group, with members we do not know.
		rest = members
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		t.forgetParent()
		if now, err := t.parentDN(ctx, parent); err == nil && now != container { // the container was renamed a moment ago
			return t.Create(ctx, parent, attributes, members)
		}
		return nil, containerNotFound(container, err)
	case err != nil:
		return nil, t.refused(ctx, dn, container, "create groups in "+container, err)
	case len(rest) == 0:
		return nil, nil
	}
	exists := err
	created, err := t.ours(ctx, dn, wanted)
	switch {
	case err != nil:
		return nil, t.outcomeUnknown(dn, err)
	case created.IsZero() && exists != nil:
		return nil, t.clash(ctx, dn, cn, first(wanted[attrSAM]))
	case created.IsZero():
		return nil, t.outcomeUnknown(dn, &incompleteError{"the new group was not found when it was read back"})
	}
	return t.ChangeMembers(ctx, created, rest, nil)
}

// Created implements contract.TargetReader. It searches by sAMAccountName because that
// is the only one of a group's names that every domain controller indexes.
func (t *target) Created(ctx context.Context, parent directory.GUID, groups [][]plan.AttributeChange) ([]contract.Created, error) {
	found := make([]contract.Created, 0, len(groups))
	for batch := range slices.Chunk(groups, batchSize) {
		wanted := make([]map[string][]string, len(batch))
		names := make([]string, len(batch))
		for i, attributes := range batch {
			wanted[i] = newValues(attributes)
			names[i] = first(wanted[i][attrSAM])
		}
		entries, err := t.pool.find(ctx, query{
			base: byGUID(parent), scope: ldap.ScopeSingleLevel, filter: anyOf(attrSAM, names), attributes: append(markAttributes(), attrSAM), sdFlags: sdOwner,
		})
		if err != nil {
			return nil, t.readError(ctx, parent.String(), err)
		}
		for i := range batch {
			at := slices.IndexFunc(entries, func(e *ldap.Entry) bool {
				return strings.EqualFold(e.GetAttributeValue(attrSAM), names[i]) && sameMark(e, wanted[i]) && t.made(e)
			})
			if at < 0 {
				found = append(found, contract.Created{})
				continue
			}
			guid, err := guidOf(entries[at])
			if err != nil {
				return nil, t.readError(ctx, entries[at].DN, err)
			}
			found = append(found, contract.Created{GUID: guid, DN: entries[at].DN})
		}
	}
	return found, nil
}

// newValues maps each attribute to its new values.
func newValues(attributes []plan.AttributeChange) map[string][]string {
	values := make(map[string][]string, len(attributes))
	for _, a := range attributes {
		values[a.Name] = a.New
	}
	return values
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func addRequest(dn string, attributes []plan.AttributeChange, members []string) *ldap.AddRequest {
	request := ldap.NewAddRequest(dn, nil)
	request.Attribute("objectClass", []string{"top", "group"})
	for _, a := range attributes {
		if len(a.New) > 0 {
			request.Attribute(a.Name, a.New)
		}
	}
	if len(members) > 0 {
		request.Attribute(attrMember, members)
	}
	return request
}

// ours returns the objectGUID of the object with that name if it carries the mark and
// stamp intended for the new group and was made by us. It returns zero if there is no
// such object or it is not ours.
func (t *target) ours(ctx context.Context, dn string, wanted map[string][]string) (directory.GUID, error) {
	e, err := t.pool.read(ctx, query{base: dn, attributes: markAttributes(), sdFlags: sdOwner})
	if err != nil || e == nil || !sameMark(e, wanted) || !t.made(e) {
		return directory.GUID{}, err
	}
	return guidOf(e)
}

// markAttributes returns the attributes that tell whose an object is.
func markAttributes() []string {
	return []string{attrGUID, attrAdminDesc, attrExternalID, attrExtension, attrDescriptor}
}

// sameMark reports whether the entry has every wanted mark and stamp. It is false if no
// mark is wanted.
func sameMark(e *ldap.Entry, wanted map[string][]string) bool {
	for _, name := range []string{attrAdminDesc, attrExternalID, attrExtension} {
		has := e.GetAttributeValues(name)
		for _, value := range wanted[name] {
			if !containsFold(has, value) {
				return false
			}
		}
	}
	return len(wanted[attrAdminDesc])+len(wanted[attrExternalID]) > 0
}
