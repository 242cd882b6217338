package server

import (
	"encoding/binary"
	"hash/fnv"
	"iter"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// searchAnswer is what a search sends before and with its final response.
type searchAnswer struct {
	entries  []*ber.Packet
	controls []ldap.Control
}

// search answers a search request (RFC 4511 4.5.1).
func (s *Server) search(who *object, p *ber.Packet, controls controls) (searchAnswer, *result) {
	base := content(p.Children[0])
	scope := integerOf(p.Children[1])
	limit := int(integerOf(p.Children[3]))
	want := selection{typesOnly: p.Children[5].Value.(bool), extended: controls.extended, descriptor: controls.descriptor}
	for _, c := range p.Children[7].Children {
		want.names = append(want.names, content(c))
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if base == "" && scope == ldap.ScopeBaseObject {
		return searchAnswer{entries: []*ber.Packet{s.rootDSE(want, who)}}, nil
	}
	if who == nil {
		return searchAnswer{}, refuse(ldap.LDAPResultOperationsError, 0x4DC, "LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563")
	}
	want.token = s.domain.tokenOf(who)
	if base == "" {
		return searchAnswer{}, noSuchObject("") // there is no global catalog
	}
	found, bad := s.domain.find(base)
	if bad != nil {
		return searchAnswer{}, bad
	}
	if found.deleted && !controls.showDeleted || !want.token.sees(found) {
		return searchAnswer{}, noSuchObject("")
	}
	size, last := s.options.MaxPageSize, int64(0)
	request := fnv.New64a()
	_, _ = request.Write(p.Bytes())
	if c := controls.paging; c != nil {
		if c.PagingSize > 0 {
			size = min(size, int(c.PagingSize))
		}
		if len(c.Cookie) > 0 {
			if len(c.Cookie) != 16 || binary.BigEndian.Uint64(c.Cookie) != request.Sum64() {
				return searchAnswer{}, unwilling(0x57, "the cookie belongs to another search")
			}
			last = int64(binary.BigEndian.Uint64(c.Cookie[8:]))
		}
	}
	var answer searchAnswer
	more := false
	matches := s.domain.compile(p.Children[6])
	for o := range s.domain.matching(found, scope, matches, want.token, controls.showDeleted, last) {
		if more = len(answer.entries) == size; more {
			break
		}
		if limit > 0 && len(answer.entries) == limit {
			return answer, refuse(ldap.LDAPResultSizeLimitExceeded, 0, "")
		}
		if s.domain.beyond(o, want.names) {
			return searchAnswer{}, refuse(ldap.LDAPResultOperationsError, 0x57, "LdapErr: DSID-0C090AA5, comment: Error processing name, data 0, v4563")
		}
		answer.entries = append(answer.entries, s.entry(o, want))
		if controls.paging != nil {
			last = o.tag
		}
	}
	if controls.paging == nil {
		if more {
			return answer, refuse(ldap.LDAPResultSizeLimitExceeded, 0, "")
		}
	} else {
		page := &ldap.ControlPaging{}
		if more {
			page.Cookie = binary.BigEndian.AppendUint64(request.Sum(nil), uint64(last))
		}
		answer.controls = append(answer.controls, page)
	}
	if !more && !controls.domainScope && scope == ldap.ScopeWholeSubtree && found == s.domain.head {
		answer.entries = append(answer.entries, reference("ldap://"+domainName+"/"+configDN))
	}
	return answer, nil
}

// matching yields the objects in scope for which the filter is true, in the order in
// which they are stored, starting after the tag last. It looks at the objects chosen by
// the filter or by the scope, whichever are fewer, and checks each of them completely,
// so the choice affects only the cost and never the answer.
func (d *domain) matching(base *object, scope int64, f filter, t token, deleted bool, last int64) iter.Seq[*object] {
	inScope := func(o *object) bool {
		switch scope {
		case ldap.ScopeBaseObject:
			return o == base
		case ldap.ScopeSingleLevel:
			return o.parent == base && !o.partition
		}
		return o.within(base) && o.context() == base.context()
	}
	matches := func(o *object) bool {
		return (deleted || !o.deleted) && inScope(o) && f.match(o, t.allows(o, readProperty, nil)) == yes && t.sees(o)
	}
	return func(yield func(*object) bool) {
		var found []*object
		for o := range smaller(d.scope(base, scope), f.among).objects {
			if o.tag > last {
				found = append(found, o)
			}
		}
		slices.SortFunc(found, func(a, b *object) int { return int(a.tag - b.tag) })
		for _, o := range slices.Compact(found) {
			if matches(o) && !yield(o) {
				return
			}
		}
	}
}

// rootDSE returns the entry of MS-ADTS 3.1.1.3.2.
func (s *Server) rootDSE(want selection, who *object) *ber.Packet {
	attributes := map[string][]string{
		"defaultNamingContext": {baseDN}, "rootDomainNamingContext": {baseDN},
		"configurationNamingContext": {configDN}, "schemaNamingContext": {schemaDN},
		"namingContexts": {baseDN, configDN, schemaDN},
		"dnsHostName":    {hostName}, "serverName": {strings.SplitN(serviceDN, ",", 2)[1]}, "dsServiceName": {serviceDN},
		"ldapServiceName": {domainName + ":dc1$@" + strings.ToUpper(domainName)}, "highestCommittedUSN": {strconv.FormatInt(s.domain.usn, 10)},
		"supportedLDAPVersion": {"3", "2"}, "supportedSASLMechanisms": {},
		"supportedCapabilities":         {"1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.1791", "1.2.840.113556.1.4.1935", "1.2.840.113556.1.4.2080", "1.2.840.113556.1.4.2237"},
		"supportedControl":              supportedControls,
		"supportedExtension":            {oidStartTLS, oidWhoAmI},
		"supportedLDAPPolicies":         {"MaxPageSize", "MaxValRange"},
		"domainFunctionality":           {"7"},
		"forestFunctionality":           {"7"},
		"domainControllerFunctionality": {"7"}, "isSynchronized": {"TRUE"}, "isGlobalCatalogReady": {strings.ToUpper(strconv.FormatBool(s.options.Catalog))},
	}
	if who != nil && slices.ContainsFunc(want.names, func(n string) bool { return strings.EqualFold(n, "tokenGroups") }) {
		attributes["tokenGroups"] = []string{string(who.sid)}
		for id := range s.domain.tokenOf(who) {
			if id != who.sid {
				attributes["tokenGroups"] = append(attributes["tokenGroups"], string(id))
			}
		}
	}
	entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "entry")
	entry.AppendChild(octetString(""))
	list := ber.NewSequence("attributes")
	for name, values := range attributes {
		asked := len(want.names) == 0 || slices.ContainsFunc(want.names, func(n string) bool { return n == "*" || strings.EqualFold(n, name) })
		if !asked || len(values) == 0 {
			continue
		}
		pair := ber.NewSequence("attribute")
		pair.AppendChild(octetString(name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		for _, v := range values {
			set.AppendChild(octetString(v))
		}
		pair.AppendChild(set)
		list.AppendChild(pair)
	}
	entry.AppendChild(list)
	return entry
}

func reference(url string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "reference")
	p.AppendChild(octetString(url))
	return p
}
