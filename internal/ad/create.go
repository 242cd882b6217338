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

// memberChunk is the number of values of member in one request, well below
// the 5,000 changes that a domain controller is to be given at once.
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

	// A value that is refused fails the whole; with fewer values in the first
	// request, in the end with none, the group comes to be, and what is left
	// over is added, and the culprits found, as with any other change.
	inFirst := min(len(members), memberChunk)
	for {
		err = t.write(ctx, dn, func(l *ldap.Conn) error {
			return l.Add(addRequest(dn, attributes, t.memberValues(members[:inFirst])))
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
		// An earlier try, in this run or the one before, may have made it, with
		// members that are not known.
		rest = members
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		t.forgetParent()
		if now, err := t.parentDN(ctx, parent); err == nil && now != container { // it has just got another name
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

// Created implements contract.TargetReader. Of the names that a group is to have
// sAMAccountName is the one that every domain controller has an index of.
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

// newValues maps the attributes to the values they are to have.
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

// ours reads the object of that name and returns its objectGUID when it carries
// the mark and the stamp that the new group is to have and was made by us; zero
// when there is none or it is another's.
func (t *target) ours(ctx context.Context, dn string, wanted map[string][]string) (directory.GUID, error) {
	e, err := t.pool.read(ctx, query{base: dn, attributes: markAttributes(), sdFlags: sdOwner})
	if err != nil || e == nil || !sameMark(e, wanted) || !t.made(e) {
		return directory.GUID{}, err
	}
	return guidOf(e)
}

// markAttributes are what tells whose an object is.
func markAttributes() []string {
	return []string{attrGUID, attrAdminDesc, attrExternalID, attrExtension, attrDescriptor}
}

// sameMark reports whether the entry has every mark and stamp that is wanted,
// of which there is at least one mark.
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
