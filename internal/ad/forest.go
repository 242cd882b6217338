package ad

import (
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/directory"
)

// forest is which domains there are, as far as is known.
type forest struct {
	own     directory.SID
	domains []directory.SID // all that are known, own among them
	names   []string        // their DNS names
	// partial: of some domain the SID is not known, so an account with a
	// foreign SID may be of it.
	partial bool
}

// several reports whether there is a domain beside our own.
func (f forest) several() bool { return f.partial || len(f.domains) > 1 }

// knows reports whether a domain of the forest has issued the SID.
func (f forest) knows(sid directory.SID) bool { return slices.Contains(f.domains, sid.Domain()) }

// mayHold reports whether a domain of the forest may have issued the SID.
func (f forest) mayHold(sid directory.SID) bool {
	return f.partial || f.knows(sid)
}

// knownForest reads, once, what is needed to tell the forest's accounts from
// others; where no question is about a foreign SID only our own domain matters.
func (t *target) knownForest(ctx context.Context, questions []*question) (forest, error) {
	own := forest{own: t.domainSID, domains: []directory.SID{t.domainSID}}
	if !slices.ContainsFunc(questions, func(q *question) bool { return q.sid.Domain() != t.domainSID }) {
		return own, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.forest != nil {
		return *t.forest, nil
	}
	// The cross-references with both flags, in the forest and a domain, name
	// its domains; as an extended name each comes with the domain's SID.
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
