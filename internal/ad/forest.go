package ad

import (
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/directory"
)

// forest holds the domains of the forest, as far as they are known.
type forest struct {
	own     directory.SID
	domains []directory.SID // all known domains, including own
	names   []string        // their DNS names
	// partial says that the SID of some domain is unknown, so an account with a foreign
	// SID may belong to it.
	partial bool
}

// several reports whether the forest has a domain besides our own.
func (f forest) several() bool { return f.partial || len(f.domains) > 1 }

// knows reports whether a domain of the forest has issued the SID.
func (f forest) knows(sid directory.SID) bool { return slices.Contains(f.domains, sid.Domain()) }

// mayHold reports whether a domain of the forest may have issued the SID.
func (f forest) mayHold(sid directory.SID) bool {
	return f.partial || f.knows(sid)
}

// knownForest reads, once, what tells accounts of the forest from other accounts. If
// every question has a SID of our own domain, it reads nothing and returns that domain.
func (t *target) knownForest(ctx context.Context, questions []*question) (forest, error) {
	own := forest{own: t.domainSID, domains: []directory.SID{t.domainSID}}
	if !slices.ContainsFunc(questions, func(q *question) bool { return q.sid.Domain() != t.domainSID }) {
		return own, nil
	}
	return t.wholeForest(ctx)
}

// wholeForest reads the domains of the forest, once.
func (t *target) wholeForest(ctx context.Context) (forest, error) {
	own := forest{own: t.domainSID, domains: []directory.SID{t.domainSID}}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.forest != nil {
		return *t.forest, nil
	}
	// The forest's domains are the cross-references with both flags set: in the forest
	// (1) and a domain (2). As an extended name, each comes with the domain's SID.
	partitions := "CN=Partitions," + t.root.configuration
	entries, err := t.pool.find(ctx, query{
		base: partitions, scope: ldap.ScopeSingleLevel, extendedDN: true,
		filter:     "(&(objectClass=crossRef)(systemFlags:1.2.840.113556.1.4.803:=3))",
		attributes: []string{"nCName", "dnsRoot"},
	})
	if err != nil {
		return own, t.readError(ctx, partitions, err)
	}
	known := own
	for _, e := range entries {
		known.names = append(known.names, e.GetAttributeValues("dnsRoot")...)
		name, err := parseExtendedDN(e.GetAttributeValue("nCName"))
		switch {
		case err != nil || name.sid == "":
			known.partial = known.partial || name.dn != t.root.baseDN
		case !slices.Contains(known.domains, name.sid):
			known.domains = append(known.domains, name.sid)
		}
	}
	t.forest = &known
	return known, nil
}
