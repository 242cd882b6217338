package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	attrGUID        = "objectGUID"
	attrSID         = "objectSid"
	attrSAM         = "sAMAccountName"
	attrMember      = "member"
	attrUSN         = "uSNChanged"
	attrWhenChanged = "whenChanged"
	attrAdminDesc   = "adminDescription"
	attrExternalID  = "msDS-ExternalDirectoryObjectId"
	attrExtension   = "extensionName"
	attrCritical    = "isCriticalSystemObject"
	attrAdminCount  = "adminCount"
	markPrefix      = "Group_"

	// groupPage and firstRange bound a page of groups: 100 groups with 200 members
	// each. Most groups fit whole; the rest of a longer membership is read separately,
	// one group at a time.
	groupPage  = 100
	firstRange = 200
	// maxGUIDs bounds what is read by objectGUID in one call.
	maxGUIDs = 1000
)

// identityAttributes are the attributes that tell which object a group is, and whose.
var identityAttributes = []string{
	attrGUID, "cn", attrSAM, attrSID, "groupType", attrAdminDesc, attrExternalID, attrExtension, attrUSN, attrWhenChanged,
	attrCritical, attrAdminCount,
}

// header returns the attributes of a group without its members, and those of them whose
// values are names.
func (t *target) header() (attributes, names []string) {
	selected := t.selected.Load()
	return slices.Concat(identityAttributes, selected.flowing), selected.named
}

// groupQuery returns the search for the groups in a subtree that match the filter.
func (t *target) groupQuery(base, filter string, extent contract.Extent) query {
	q := query{base: base, scope: ldap.ScopeWholeSubtree, filter: filter, extendedDN: true}
	if q.attributes, q.plain = t.header(); extent == contract.WithMembers {
		q.attributes = append(q.attributes, memberRange(0, firstRange))
	}
	return q
}

// Groups implements contract.TargetReader.
func (t *target) Groups(ctx context.Context, container directory.GUID, extent contract.Extent, each func(directory.TargetGroup) error) error {
	// A subtree search below a container that the account cannot read succeeds and
	// returns nothing.
	found, err := t.Container(ctx, "", container)
	if err != nil {
		return err
	}
	q := t.groupQuery(byGUID(container), markedGroups(t.schema), extent)
	q.pageSize = groupPage
	err = t.listGroups(ctx, found.DN, q, each)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return containerNotFound(found.DN, err)
	}
	return err
}

// GroupsByGUID implements contract.TargetReader.
func (t *target) GroupsByGUID(ctx context.Context, guids []directory.GUID, extent contract.Extent, each func(directory.TargetGroup) error) error {
	if err := t.atOnce(guids); err != nil {
		return err
	}
	for batch := range slices.Chunk(guids, batchSize) {
		q := t.groupQuery(t.root.baseDN, and("(objectClass=group)", anyOf(attrGUID, valuesOf(batch, directory.GUID.AD))), extent)
		q.pageSize = groupPage
		told := map[directory.GUID]bool{} // groups handed on by an attempt that broke off
		err := retry(ctx, t.server.host, func() error {
			return t.pool.use(ctx, func(c *conn) error {
				return c.groups(ctx, q, func(g directory.TargetGroup) error {
					if told[g.GUID] {
						return nil
					}
					told[g.GUID] = true
					return each(g)
				})
			})
		})
		if own, ok := unwrapAbort(err); ok {
			return own
		}
		if err != nil {
			return t.readError(ctx, t.root.baseDN, err)
		}
	}
	return nil
}

// GroupByRanges implements contract.TargetReader.
func (t *target) GroupByRanges(ctx context.Context, guid directory.GUID, known []directory.GUID) (group directory.TargetGroup, ok bool, err error) {
	err = retry(ctx, t.server.host, func() error {
		return t.pool.use(ctx, func(c *conn) error {
			group, ok, err = directory.TargetGroup{GUID: guid}, false, nil
			r := rangeReader{c: c, group: &group, known: known}
			r.header, r.plain = t.header()
			e, err := r.ask(ctx, 0)
			if err == nil {
				if group, err = parseGroup(e); err != nil {
					err = &incompleteError{err.Error()}
				}
			}
			if err == nil {
				err = r.read(ctx, e)
			}
			if errors.Is(err, errGroupGone) {
				return nil
			}
			ok = err == nil
			return err
		})
	})
	if err != nil {
		return directory.TargetGroup{}, false, t.readError(ctx, t.root.baseDN, err)
	}
	return group, ok, nil
}

// groups reads the groups of a search, with their members if the search asks for them.
func (c *conn) groups(ctx context.Context, q query, each func(directory.TargetGroup) error) error {
	return c.search(ctx, q, func(e *ldap.Entry) error {
		group, err := parseGroup(e)
		if err != nil {
			return &incompleteError{err.Error()}
		}
		if at := slices.Index(q.attributes, memberRange(0, firstRange)); at >= 0 {
			r := rangeReader{c: c, header: slices.Delete(slices.Clone(q.attributes), at, at+1), plain: q.plain, group: &group}
			if err := r.read(ctx, e); errors.Is(err, errGroupGone) {
				return nil
			} else if err != nil {
				return err
			}
		}
		if err := each(group); err != nil {
			return &abort{err}
		}
		return nil
	})
}

func usnOf(e *ldap.Entry) int64 {
	usn, _ := strconv.ParseInt(e.GetAttributeValue(attrUSN), 10, 64)
	return usn
}

// whenOf parses a GeneralizedTime as Active Directory writes it, in UTC. The time is
// only displayed, so whenOf returns zero for any other format.
func whenOf(text string) time.Time {
	when, err := time.Parse("20060102150405.0Z", text)
	if err != nil {
		return time.Time{}
	}
	return when
}

// parseGroup parses an entry that was read with the extended-DN control.
func parseGroup(e *ldap.Entry) (directory.TargetGroup, error) {
	name, err := parseExtendedDN(e.DN)
	if err != nil {
		return directory.TargetGroup{}, err
	}
	g := directory.TargetGroup{
		GUID: name.guid, DN: name.dn, SID: name.sid,
		CN: e.GetAttributeValue("cn"), SAMAccountName: e.GetAttributeValue(attrSAM),
		AdminDesc: e.GetAttributeValue(attrAdminDesc), ExternalID: e.GetAttributeValue(attrExternalID),
		ExtensionName: e.GetAttributeValues(attrExtension), USNChanged: usnOf(e), WhenChanged: whenOf(e.GetAttributeValue(attrWhenChanged)),
		Critical: strings.EqualFold(e.GetAttributeValue(attrCritical), "TRUE"),
	}
	for _, a := range e.Attributes {
		name, options, _ := strings.Cut(a.Name, ";")
		switch {
		case strings.EqualFold(name, attrMember), slices.Contains(identityAttributes, name):
		case options != "": // one part of a long list of values
			return g, fmt.Errorf("%s was returned with only some values of %s (%s)", g.DN, name, a.Name)
		default:
			g.Attributes = g.Attributes.With(name, a.Values...)
		}
	}
	count, _ := strconv.ParseInt(e.GetAttributeValue(attrAdminCount), 10, 32)
	g.AdminCount = count != 0
	if raw := e.GetRawAttributeValue(attrGUID); g.GUID.IsZero() && len(raw) > 0 {
		if g.GUID, err = directory.GUIDFromAD(raw); err != nil {
			return g, fmt.Errorf("%s: %w", g.DN, err)
		}
	}
	if g.GUID.IsZero() {
		return g, fmt.Errorf("%s was returned without an objectGUID", g.DN)
	}
	if raw := e.GetRawAttributeValue(attrSID); len(raw) > 0 {
		if g.SID, err = directory.SIDFromAD(raw); err != nil {
			return g, fmt.Errorf("%s: %w", g.DN, err)
		}
	}
	if text := e.GetAttributeValue("groupType"); text != "" {
		kind, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return g, fmt.Errorf("%s has the groupType %q", g.DN, text)
		}
		g.GroupType = int32(kind)
	}
	return g, nil
}
