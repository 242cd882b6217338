package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/directory"
)

const (
	// nextRange is the hard maximum of MaxValRange; a server may return less.
	nextRange = 5000
	// rereads is how often a membership is read again because it changed while it was
	// read.
	rereads = 3
)

var (
	// errGroupGone says that the group was deleted during the read.
	errGroupGone = errors.New("the group was deleted during the read")
	// errChanged says that the membership has to be read from the beginning.
	errChanged = errors.New("the membership changed during the read")
)

// rangeReader reads the membership of one group range by range, on one connection,
// where the order of the values is stable as long as nobody changes the group. When a
// member account is deleted, its value disappears without a new uSNChanged, and later
// values move up into the part that was already read. To notice that, each range begins
// with the last value of the one before.
type rangeReader struct {
	c      *conn
	header []string               // the attributes without the members
	plain  []string               // those of them whose values are names
	group  *directory.TargetGroup // as parsed from its first entry
	known  []directory.GUID       // of these members, only the objectGUID is kept; ascending
	list   memberList             // read so far
	last   string                 // the last value read
	next   int                    // the number of the next value; -1 after the last
}

// read fills in the members of the group; the entry holds the first range. If the group
// changes in the meantime, read starts over.
func (r *rangeReader) read(ctx context.Context, e *ldap.Entry) error {
	for range rereads {
		err := r.readAll(ctx, e)
		r.group.Members = r.list.members
		if !errors.Is(err, errChanged) {
			return err
		}
		if e, err = r.ask(ctx, 0); err != nil {
			return err
		}
		if *r.group, err = parseGroup(e); err != nil {
			return &incompleteError{err.Error()}
		}
	}
	return &incompleteError{fmt.Sprintf("the membership of %s kept changing during the read", r.group.DN)}
}

// readAll reads the values from the first range, which the entry holds, to the last.
// Errors: errChanged, errGroupGone.
func (r *rangeReader) readAll(ctx context.Context, e *ldap.Entry) error {
	r.list, r.last, r.next = memberList{known: r.known}, "", 0
	for {
		if err := r.take(e); err != nil {
			return err
		}
		if r.next < 0 {
			return nil
		}
		var err error
		if e, err = r.ask(ctx, r.next-1); err != nil {
			return err
		}
		if usnOf(e) != r.group.USNChanged {
			return errChanged
		}
	}
}

// take adds the range that the entry holds. Every range but the first repeats the last
// value of the one before.
func (r *rangeReader) take(e *ldap.Entry) error {
	start := max(r.next-1, 0)
	part, following, err := rangedValues(e, attrMember, start)
	if err != nil {
		return &incompleteError{err.Error()}
	}
	if r.next > 0 {
		if len(part) == 0 || part[0] != r.last {
			return errChanged
		}
		part = part[1:]
	}
	if following >= 0 && following <= r.next {
		return &incompleteError{fmt.Sprintf("the server returns only one value of %s per request", attrMember)}
	}
	if len(part) > 0 {
		r.last = part[len(part)-1]
	}
	r.next = following
	return r.list.add(part)
}

// ask reads the group with the range that begins at value number start.
func (r *rangeReader) ask(ctx context.Context, start int) (*ldap.Entry, error) {
	var found *ldap.Entry
	err := r.c.search(ctx, query{
		base: byGUID(r.group.GUID), scope: ldap.ScopeBaseObject, plain: r.plain, extendedDN: true,
		attributes: append(slices.Clone(r.header), memberRange(start, nextRange)),
	}, func(e *ldap.Entry) error {
		found = e
		return nil
	})
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return nil, errGroupGone
	case ldap.IsErrorWithCode(err, ldap.LDAPResultOperationsError) && start > 0:
		return nil, errChanged // the membership now ends before the range begins
	case err == nil && found == nil:
		return nil, errGroupGone
	}
	return found, err
}

// memberRange returns the attribute option that asks for count values of member from
// number start on.
func memberRange(start, count int) string {
	return fmt.Sprintf("%s;range=%d-%d", attrMember, start, start+count-1)
}

// memberList is the members of a group, each listed once.
type memberList struct {
	known   []directory.GUID // of these only the objectGUID is kept; ascending
	members []directory.MemberRef
	seen    map[directory.GUID]bool
}

// add parses extended names into members. A value without a GUID names an object that
// this server knows only by name. Nothing can be compared with it, so it is neither
// counted nor removed. Deleted objects are skipped as well: with the recycle bin enabled,
// their values persist until the object is restored; Windows hides them and Samba does
// not.
func (l *memberList) add(values []string) error {
	if l.seen == nil {
		l.members, l.seen = make([]directory.MemberRef, 0, len(values)), make(map[directory.GUID]bool, len(values))
	}
	for _, v := range values {
		name, err := parseExtendedDN(v)
		if err != nil {
			return &incompleteError{err.Error()}
		}
		if name.guid.IsZero() || l.seen[name.guid] || name.deleted() {
			continue
		}
		l.seen[name.guid] = true
		ref := directory.MemberRef{GUID: name.guid}
		if _, known := slices.BinarySearchFunc(l.known, name.guid, directory.GUID.Compare); !known {
			ref.DN, ref.SID = name.dn, name.sid
		}
		l.members = append(l.members, ref)
	}
	return nil
}
