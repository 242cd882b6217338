package ad

import (
	"context"
	"fmt"
	"math"
	"slices"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/directory"
)

const (
	oidExtendedDN  = "1.2.840.113556.1.4.529"
	oidDomainScope = "1.2.840.113556.1.4.1339"
	oidShowDeleted = "1.2.840.113556.1.4.417"

	// pageSize is the number of entries in a page, below MaxPageSize (1,000).
	pageSize = 500
	// batchSize is the number of alternatives in one filter.
	batchSize = 100
	// searchSeconds is the time the server may take for one page.
	searchSeconds = 120
)

// attrDescriptor holds an object's owner and access control list, which
// [descriptor.Parse] parses. A query must say in sdFlags which parts it wants.
// Asking for all parts requires the right to read the audit list, and without that
// right the server returns nothing.
const attrDescriptor = "nTSecurityDescriptor"

// Parts of a security descriptor (MS-ADTS 3.1.1.3.4.1.11).
const (
	sdOwner = 0x1
	sdGroup = 0x2
	sdDACL  = 0x4
)

// query is one search.
type query struct {
	base       string
	scope      int
	filter     string // empty: any object
	attributes []string
	pageSize   uint32 // 0 means the constant pageSize
	extendedDN bool   // return extended names, with GUID and SID
	// plain are the attributes whose values are names, and plain ones even so. Those in
	// keepsGUID keep the GUID.
	plain   []string
	deleted bool  // include deleted objects
	sdFlags int32 // which parts of attrDescriptor to return; 0: none
}

func (q query) request() *ldap.SearchRequest {
	filter := q.filter
	if filter == "" {
		filter = "(objectClass=*)"
	}
	request := ldap.NewSearchRequest(q.base, q.scope, ldap.NeverDerefAliases, 0, searchSeconds, false, filter, q.attributes, nil)
	if q.scope != ldap.ScopeBaseObject {
		// Without this control, a search of the whole domain refers to the partitions
		// below.
		request.Controls = append(request.Controls, ldap.NewControlString(oidDomainScope, false, ""))
	}
	if q.extendedDN {
		request.Controls = append(request.Controls, ldap.NewControlString(oidExtendedDN, true, extendedDNStrings()))
	}
	if q.deleted {
		request.Controls = append(request.Controls, ldap.NewControlString(oidShowDeleted, true, ""))
	}
	if q.sdFlags != 0 {
		request.Controls = append(request.Controls, &ldap.ControlMicrosoftSDFlags{Criticality: true, ControlValue: q.sdFlags})
	}
	return request
}

// keepsGUID are the attributes whose values are compared by the GUIDs of the objects that
// they name.
var keepsGUID = []string{directory.AttrManagedBy, directory.AttrCoManagedBy}

// plainNames takes GUID and SID out of the values that are to be plain names.
func (q query) plainNames(e *ldap.Entry) error {
	for _, a := range e.Attributes {
		if !containsFold(q.plain, a.Name) {
			continue
		}
		for i, value := range a.Values {
			name, err := parseExtendedDN(value)
			if err != nil {
				return &incompleteError{fmt.Sprintf("%s of %s: %v", a.Name, e.DN, err)}
			}
			if a.Values[i] = name.dn; containsFold(keepsGUID, a.Name) && !name.guid.IsZero() {
				a.Values[i] = directory.MemberRef{GUID: name.guid, DN: name.dn}.ObjectName()
			}
		}
	}
	return nil
}

// extendedDNStrings returns the control value that asks for textual instead of
// hexadecimal GUIDs and SIDs: SEQUENCE { Flag INTEGER = 1 }.
func extendedDNStrings() string {
	sequence := ber.NewSequence("ExtendedDNRequestValue")
	sequence.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "Flag"))
	return string(sequence.Bytes())
}

// search calls each with every entry, page by page. It returns nil only if all entries
// were read. each may itself search on the same connection.
func (c *conn) search(ctx context.Context, q query, each func(*ldap.Entry) error) error {
	request := q.request()
	paged := q.scope != ldap.ScopeBaseObject
	var paging *ldap.ControlPaging
	if paged {
		size := q.pageSize
		if size == 0 {
			size = pageSize
		}
		paging = ldap.NewControlPaging(size)
		request.Controls = append(request.Controls, paging)
	}
	for {
		var result *ldap.SearchResult
		err := c.do(ctx, func(l *ldap.Conn) (err error) {
			result, err = l.Search(request)
			return err
		})
		if err != nil {
			return err
		}
		if err := succeeded(result); err != nil {
			return err
		}
		var cookie []byte
		if paged {
			if cookie, err = nextPage(result); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !c.sound() {
			return &lostError{fmt.Errorf("the connection broke during the search: %v", c.GetLastError())}
		}
		for i, entry := range result.Entries {
			if err := q.plainNames(entry); err != nil {
				return err
			}
			if err := each(entry); err != nil {
				return err
			}
			result.Entries[i] = nil // let the entry be freed before the page ends
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(cookie) == 0 {
			return nil
		}
		paging.SetCookie(cookie)
	}
}

// succeeded returns an error unless the result is this server's complete answer.
func succeeded(result *ldap.SearchResult) error {
	if result.ResultCode != ldap.LDAPResultSuccess {
		return &incompleteError{fmt.Sprintf("the search ended with result code %d", result.ResultCode)}
	}
	if len(result.Referrals) > 0 {
		return &incompleteError{"the server returned a referral to " + result.Referrals[0]}
	}
	return nil
}

// nextPage returns the cookie of the next page, which is empty after the last. A page
// without the paging control is not taken for the last one: something on the way
// dropped the control.
func nextPage(result *ldap.SearchResult) (cookie []byte, err error) {
	control, ok := ldap.FindControl(result.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
	if !ok {
		return nil, &incompleteError{"the server did not report whether there are more pages"}
	}
	return control.Cookie, nil
}

// find returns all entries of a search whose answer is known to be small. It repeats
// the search on another connection after a transient failure.
func (p *pool) find(ctx context.Context, q query) ([]*ldap.Entry, error) {
	return p.findAtMost(ctx, q, math.MaxInt)
}

// findAtMost is find for an answer that should be small and may not be: more than limit
// entries are an incomplete read.
func (p *pool) findAtMost(ctx context.Context, q query, limit int) ([]*ldap.Entry, error) {
	var found []*ldap.Entry
	err := retry(ctx, p.server, func() error {
		found = nil
		return p.use(ctx, func(c *conn) error {
			return c.search(ctx, q, func(e *ldap.Entry) error {
				if len(found) == limit {
					return &incompleteError{fmt.Sprintf("%s holds more than %d objects, which is not believed", q.base, limit)}
				}
				found = append(found, e)
				return nil
			})
		})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// findAny returns the entries whose attribute has one of the values, searching in
// batches. The query's own filter applies as well.
func findAny[V string | []byte](ctx context.Context, p *pool, q query, attribute string, values []V) ([]*ldap.Entry, error) {
	also := q.filter
	var found []*ldap.Entry
	for batch := range slices.Chunk(values, batchSize) {
		if q.filter = anyOf(attribute, batch); also != "" {
			q.filter = and(q.filter, also)
		}
		entries, err := p.find(ctx, q)
		if err != nil {
			return nil, err
		}
		found = append(found, entries...)
	}
	return found, nil
}

// groupEntries reads the given groups wherever they are in the domain. The query says what
// is read of them. each is called once for each group that exists.
func (t *target) groupEntries(ctx context.Context, guids []directory.GUID, q query, each func(directory.GUID, *ldap.Entry) error) error {
	if err := t.atOnce(guids); err != nil {
		return err
	}
	q.base, q.scope, q.filter = t.root.baseDN, ldap.ScopeWholeSubtree, "(objectClass=group)"
	entries, err := findAny(ctx, t.pool, q, attrGUID, valuesOf(guids, directory.GUID.AD))
	if err != nil {
		return t.readError(ctx, t.root.baseDN, err)
	}
	for _, e := range entries {
		guid, err := guidOf(e)
		if err != nil {
			return t.readError(ctx, e.DN, err)
		}
		if err := each(guid, e); err != nil {
			return err
		}
	}
	return nil
}

// atOnce refuses more objects than a method reads in one call.
func (t *target) atOnce(guids []directory.GUID) error {
	if len(guids) > maxGUIDs {
		return t.unexpected("", fmt.Errorf("%d objects requested at once, the limit is %d", len(guids), maxGUIDs))
	}
	return nil
}

// guidOf reads the objectGUID of an entry.
func guidOf(e *ldap.Entry) (directory.GUID, error) {
	guid, err := directory.GUIDFromAD(e.GetRawAttributeValue(attrGUID))
	if err != nil {
		return guid, &incompleteError{err.Error()}
	}
	return guid, nil
}

// read returns the one object that the base names, or nil if it does not exist or the
// account may not see it.
func (p *pool) read(ctx context.Context, q query) (*ldap.Entry, error) {
	q.scope = ldap.ScopeBaseObject
	entries, err := p.find(ctx, q)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return entries[0], nil
}
