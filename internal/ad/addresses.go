package ad

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// The attributes by which Exchange finds a recipient. All of them are in the global
// catalog of a forest with Exchange.
const (
	attrMail    = "mail"
	attrAlias   = "mailNickname"
	attrProxies = "proxyAddresses"
	attrTarget  = "targetAddress"

	smtpPrefix = "smtp:"
)

// addressBatch is how many addresses one search asks for. Each takes up to three terms.
const addressBatch = batchSize / 3

// AddressHolders implements contract.TargetReader.
func (t *target) AddressHolders(ctx context.Context, keys []string) (map[string][]plan.Holder, error) {
	known, err := t.wholeForest(ctx)
	if err != nil {
		return nil, err
	}
	search := t.pool.find
	if known.several() {
		search = t.findInForest
	}
	asked, found := map[string]bool{}, map[string][]plan.Holder{}
	for _, key := range keys {
		asked[key] = true
	}
	for batch := range slices.Chunk(keys, addressBatch) {
		terms := make([]string, len(batch))
		for i, key := range batch {
			terms[i] = holding(key)
		}
		entries, err := search(ctx, query{base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, filter: or(terms...),
			attributes: []string{attrGUID, attrMail, attrAlias, attrProxies, attrTarget}})
		switch {
		case err == nil:
		case known.several() && ctx.Err() == nil:
			return nil, &contract.Error{Category: contract.Connection, ID: "NoGlobalCatalog", Object: t.root.forestName(), Err: err,
				Message: "No global catalog says who in the forest holds these addresses.",
				Advice:  "Look at the global catalog, port 3269; until it answers, mail attributes stay as they are."}
		default:
			return nil, t.readError(ctx, t.root.baseDN, err)
		}
		for _, e := range entries {
			guid, err := guidOf(e)
			if err != nil {
				return nil, t.readError(ctx, e.DN, err)
			}
			for _, key := range held(e) {
				if asked[key] {
					found[key] = append(found[key], plan.Holder{GUID: guid, DN: e.DN})
				}
			}
		}
	}
	return found, nil
}

// holding returns a filter for the objects that hold the address or the alias.
func holding(key string) string {
	if alias, ok := strings.CutPrefix(key, plan.AliasPrefix); ok {
		return equals(attrAlias, alias)
	}
	terms := []string{equals(attrProxies, key), equals(attrTarget, key)}
	if mail, ok := strings.CutPrefix(key, smtpPrefix); ok {
		terms = append(terms, equals(attrMail, mail))
	}
	return or(terms...)
}

// held returns the keys of the addresses and the alias that the object holds, each once.
func held(e *ldap.Entry) []string {
	var keys []string
	for _, a := range append(e.GetAttributeValues(attrProxies), e.GetAttributeValues(attrTarget)...) {
		keys = append(keys, strings.ToLower(a))
	}
	for _, mail := range e.GetAttributeValues(attrMail) {
		keys = append(keys, smtpPrefix+strings.ToLower(mail))
	}
	for _, alias := range e.GetAttributeValues(attrAlias) {
		keys = append(keys, plan.AliasPrefix+strings.ToLower(alias))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
