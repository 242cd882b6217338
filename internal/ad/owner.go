package ad

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
)

// readAccount reads the SIDs of the token that the server built for us, and finds out
// which of them is the account's own.
func (t *target) readAccount(ctx context.Context) error {
	e, err := t.pool.read(ctx, query{attributes: []string{"tokenGroups"}})
	if err != nil {
		return t.readError(ctx, t.server.String(), err)
	}
	var sids []directory.SID
	if e != nil {
		for _, raw := range e.GetRawAttributeValues("tokenGroups") {
			if sid, err := directory.SIDFromAD(raw); err == nil {
				sids = append(sids, sid)
			}
		}
	}
	t.token = make(descriptor.Token, len(sids))
	for _, sid := range sids {
		t.token[sid] = true
	}
	// The first SID was the account's in every test, but no document says so.
	for batch := range slices.Chunk(append(slices.Clone(sids[:min(1, len(sids))]), sids...), batchSize) {
		found, err := t.accounts(ctx, anyOf(attrSID, valuesOf(batch, directory.SID.AD)))
		if err != nil {
			return err
		}
		for _, sid := range batch {
			if t.account == "" && slices.ContainsFunc(found, func(p contract.Principal) bool { return p.SID == sid }) {
				t.account = sid
			}
		}
		if t.account != "" {
			break
		}
	}
	if t.account == "" && len(sids) > 0 {
		t.account = sids[0] // an account of another domain
	}
	return t.readForestSID(ctx)
}

// readForestSID reads the SID of the forest's root domain.
func (t *target) readForestSID(ctx context.Context) error {
	if t.root.rootDomain == "" || sameDN(t.root.rootDomain, t.root.baseDN) {
		t.forestSID = t.domainSID
		return nil
	}
	partitions := "CN=Partitions," + t.root.configuration
	entries, err := t.pool.find(ctx, query{
		base: partitions, scope: ldap.ScopeSingleLevel, extendedDN: true,
		filter: and("(objectClass=crossRef)", equals("nCName", t.root.rootDomain)), attributes: []string{"nCName"},
	})
	if err != nil {
		return t.readError(ctx, partitions, err)
	}
	for _, e := range entries {
		if name, err := parseExtendedDN(e.GetAttributeValue("nCName")); err == nil {
			t.forestSID = name.sid
		}
	}
	return nil
}

// made reports whether we created the object. Its owner is then our account, or the
// administrators' group to which a domain controller assigns objects that its members
// create.
func (t *target) made(e *ldap.Entry) bool {
	owner := ownerOf(e)
	if owner == "" {
		return false
	}
	administrators := owner == "S-1-5-32-544" || owner == t.domainSID+"-512" || owner == t.forestSID+"-519"
	return owner == t.account || administrators && t.token[owner]
}

// ownerOf returns the owner of an entry that was read with its descriptor, or "" if the
// account may not read it.
func ownerOf(e *ldap.Entry) directory.SID {
	d, err := descriptor.Parse(e.GetRawAttributeValue(attrDescriptor))
	if err != nil {
		return ""
	}
	return d.Owner
}

// Owners implements contract.TargetReader.
func (t *target) Owners(ctx context.Context, guids []directory.GUID) (map[directory.GUID]contract.Principal, error) {
	owners := make(map[directory.GUID]contract.Principal, len(guids))
	entries, err := findAny(ctx, t.pool, query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, attributes: []string{attrGUID, attrDescriptor}, sdFlags: sdOwner,
	}, attrGUID, valuesOf(guids, directory.GUID.AD))
	if err != nil {
		return nil, t.readError(ctx, t.root.baseDN, err)
	}
	for _, e := range entries {
		guid, err := guidOf(e)
		if err != nil {
			return nil, t.readError(ctx, e.DN, err)
		}
		if owner := ownerOf(e); owner != "" {
			owners[guid] = contract.Principal{SID: owner}
		}
	}
	var sids []directory.SID
	for _, owner := range owners {
		if !slices.Contains(sids, owner.SID) {
			sids = append(sids, owner.SID)
		}
	}
	for batch := range slices.Chunk(sids, batchSize) {
		found, err := t.principals(ctx, anyOf(attrSID, valuesOf(batch, directory.SID.AD)))
		if err != nil {
			return nil, err
		}
		for guid, owner := range owners {
			for _, p := range found {
				if p.SID == owner.SID {
					owners[guid] = p
				}
			}
		}
	}
	return owners, nil
}

// Principal implements contract.TargetReader.
func (t *target) Principal(ctx context.Context, name string) (contract.Principal, error) {
	text := strings.TrimSpace(name)
	if sid, err := directory.ParseSID(text); err == nil {
		found, err := t.principals(ctx, equals(attrSID, sid.AD()))
		if err != nil || len(found) == 1 {
			return append(found, contract.Principal{})[0], err
		}
		return contract.Principal{SID: sid}, nil // it may be deleted, or belong to another domain
	}
	var filter string
	domain, account, qualified := strings.Cut(text, `\`)
	user, suffix, principal := strings.Cut(text, "@")
	switch {
	case text == "":
		return contract.Principal{}, accountNotFound(name)
	case strings.Contains(text, "="):
		filter = equals("distinguishedName", text)
	case qualified:
		netbios, err := t.netbios(ctx)
		if err != nil {
			return contract.Principal{}, err
		}
		if !strings.EqualFold(domain, netbios) && !strings.EqualFold(domain, t.root.domainName()) {
			return contract.Principal{}, accountNotFound(name)
		}
		filter = equals(attrSAM, account)
	case principal:
		filter = equals("userPrincipalName", text)
		if strings.EqualFold(suffix, t.root.domainName()) {
			filter = or(filter, equals(attrSAM, user))
		}
	default:
		// The names of computers and managed service accounts end with a dollar sign.
		filter = anyOf(attrSAM, []string{text, text + "$"})
	}
	found, err := t.accounts(ctx, filter)
	switch {
	case err != nil:
		return contract.Principal{}, err
	case len(found) == 0:
		return contract.Principal{}, accountNotFound(name)
	case len(found) > 1:
		return contract.Principal{}, &contract.Error{
			Category: contract.InvalidArgument, ID: "AccountAmbiguous", Object: name,
			Message: "Several accounts of the domain have this name.", Advice: "Specify the SID of the account.",
		}
	}
	return found[0], nil
}

// accounts finds users; computers and managed service accounts count as users too.
func (t *target) accounts(ctx context.Context, filter string) ([]contract.Principal, error) {
	return t.principals(ctx, and("(objectClass=user)", filter))
}

func (t *target) principals(ctx context.Context, filter string) ([]contract.Principal, error) {
	entries, err := t.pool.find(ctx, query{
		base: t.root.baseDN, scope: ldap.ScopeWholeSubtree, filter: filter, attributes: []string{attrSID, attrSAM},
	})
	if err != nil {
		return nil, t.readError(ctx, t.root.baseDN, err)
	}
	var found []contract.Principal
	for _, e := range entries {
		if sid, err := directory.SIDFromAD(e.GetRawAttributeValue(attrSID)); err == nil {
			found = append(found, contract.Principal{SID: sid, Name: e.GetAttributeValue(attrSAM)})
		}
	}
	return found, nil
}

// netbios reads the domain's short (NetBIOS) name.
func (t *target) netbios(ctx context.Context) (string, error) {
	partitions := "CN=Partitions," + t.root.configuration
	entries, err := t.pool.find(ctx, query{
		base: partitions, scope: ldap.ScopeSingleLevel,
		filter: and("(objectClass=crossRef)", equals("nCName", t.root.baseDN)), attributes: []string{"nETBIOSName", "cn"},
	})
	if err != nil {
		return "", t.readError(ctx, partitions, err)
	}
	name := ""
	for _, e := range entries {
		if name = e.GetAttributeValue("nETBIOSName"); name == "" {
			name = e.GetAttributeValue("cn")
		}
	}
	return name, nil
}

func accountNotFound(name string) error {
	return &contract.Error{
		Category: contract.ObjectNotFound, ID: "AccountNotFound", Object: name,
		Message: "The domain has no account with this name.",
		Advice:  `Specify its SID, or its name in the form CONTOSO\svc-writeback or svc-writeback@contoso.com. For a deleted account, take the SID from the message that names it as an owner.`,
	}
}
