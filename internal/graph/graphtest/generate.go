package graphtest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sort"
)

// Generation describes a large generated tenant. Its objects are computed when they are
// read, and cost some 40 bytes each until something changes them.
type Generation struct {
	// Groups is the number of Microsoft 365 groups.
	Groups int `json:"groups"`
	// SecurityGroups is the number of cloud security groups, in addition to Groups.
	SecurityGroups int `json:"securityGroups,omitempty"`
	// Members is the number of members of each group, all users.
	Members int `json:"members"`
	// Users is the number of synced users to create. If it is 0, the members are drawn
	// from the other users of the seed.
	Users int `json:"users,omitempty"`
	// Largest, if above 0, is the number of members of the first group.
	Largest int `json:"largest,omitempty"`
	// RandomSeed determines names, ids and memberships.
	RandomSeed uint64 `json:"randomSeed,omitempty"`
}

// maxGenerated bounds what a request to the control interface can ask for.
const maxGenerated = 2_000_000

// Generate returns the seed of a tenant with n groups of m members each, drawn from
// max(m, min(n, 100,000)) synced users. The same arguments produce the same tenant.
func Generate(n, m int, rngseed uint64) Seed {
	return Seed{Generate: &Generation{Groups: n, Members: m, Users: max(m, min(n, 100_000)), RandomSeed: rngseed}}
}

func (g *Generation) validate() error {
	for _, n := range []int{g.Groups, g.SecurityGroups, g.Members, g.Users, g.Largest} {
		if n < 0 || n > maxGenerated {
			return fmt.Errorf("generate: a count of %d, want 0 to %d", n, maxGenerated)
		}
	}
	return nil
}

// generator computes the objects of a Generation from their numbers.
type generator struct {
	Generation
	domain     string
	forest     string   // DNS name of the on-premises domain
	population []handle // users that can be members, ascending
}

func (g *generator) id(kind string, n int) guid {
	return derivedGUID(kind, fmt.Sprintf("generated/%d/%d", g.RandomSeed, n))
}

var (
	generatedFirst  = []string{"Anna", "Björn", "Chloé", "Dmitri", "Elif", "Fatima", "Giulia", "Hans", "Ingrid", "João"}
	generatedLast   = []string{"Ødegård", "O'Neil", "Müller", "García", "Nowak", "Rossi", "Smith-Jones", "Tanaka", "Ünal", "van der Berg"}
	generatedTopics = []string{"Sales", "Café, Küche & Co.", "Project \"Falcon\"", "R&D", "Finance / Audit", "人事", "Support #1", "Team = Fun", "Ops; Night", "🚀 Launch"}
)

func (g *generator) user(n int) *User {
	id := g.id("user", n)
	object := g.id("objectGUID", n).directoryBytes()
	sam := fmt.Sprintf("gen%07d", n)
	first, last := generatedFirst[n%10], generatedLast[n/10%10]
	upn := sam + "@" + g.domain
	return &User{
		ID:                           id.String(),
		DisplayName:                  fmt.Sprintf("%s %s %d", first, last, n),
		GivenName:                    first,
		Surname:                      last,
		Mail:                         upn,
		MailNickname:                 sam,
		UserPrincipalName:            upn,
		UserType:                     "Member",
		AccountEnabled:               Bool(true),
		CreatedDateTime:              generatedDate,
		ProxyAddresses:               []string{"SMTP:" + upn},
		SecurityIdentifier:           cloudSID(id),
		OnPremisesSyncEnabled:        Bool(true),
		OnPremisesImmutableID:        base64.StdEncoding.EncodeToString(object[:]),
		OnPremisesSamAccountName:     sam,
		OnPremisesUserPrincipalName:  sam + "@" + g.forest,
		OnPremisesDomainName:         g.forest,
		OnPremisesSecurityIdentifier: fmt.Sprintf("S-1-5-21-1004336348-1177238915-682003330-%d", 100_000+n),
		OnPremisesDistinguishedName:  "CN=" + sam + ",OU=Generated," + domainDN(g.forest),
	}
}

const generatedDate = "2024-01-01T00:00:00Z"

func (g *generator) group(n int) *Group {
	id := g.id("group", n)
	nickname := fmt.Sprintf("gengroup%07d", n)
	if n >= g.Groups {
		return &Group{
			ID:                 id.String(),
			CreatedDateTime:    generatedDate,
			RenewedDateTime:    generatedDate,
			DisplayName:        fmt.Sprintf("Security %s %d", generatedTopics[n%10], n),
			MailEnabled:        Bool(false),
			MailNickname:       nickname,
			SecurityEnabled:    Bool(true),
			SecurityIdentifier: cloudSID(id),
		}
	}
	return &Group{
		ID:                 id.String(),
		CreatedDateTime:    generatedDate,
		RenewedDateTime:    generatedDate,
		DisplayName:        fmt.Sprintf("%s %d", generatedTopics[n%10], n),
		Description:        fmt.Sprintf("Generated group %d", n),
		GroupTypes:         []string{"Unified"},
		Mail:               nickname + "@" + g.domain,
		MailEnabled:        Bool(true),
		MailNickname:       nickname,
		SecurityEnabled:    Bool(false),
		ProxyAddresses:     []string{"SMTP:" + nickname + "@" + g.domain},
		SecurityIdentifier: cloudSID(id),
		Visibility:         "Private",
	}
}

// members returns the members of group n. It walks through the population with a stride
// that has no common divisor with the population's size, so no member occurs twice.
func (g *generator) members(n int) []handle {
	size := g.Members
	if n == 0 && g.Largest > 0 {
		size = g.Largest
	}
	if size == 0 {
		return nil
	}
	r := rand.New(rand.NewPCG(g.RandomSeed, uint64(n)))
	all := len(g.population)
	at, stride := r.IntN(all), r.IntN(all)
	for gcd(stride, all) != 1 {
		stride++
	}
	out := make([]handle, size)
	for i := range out {
		out[i] = g.population[at]
		at = (at + stride) % all
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// cloudSID returns the security identifier that Entra derives from an object id:
// S-1-12-1 and the four 32-bit words of the id in directory byte order.
func cloudSID(id guid) string {
	b := id.directoryBytes()
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
	return fmt.Sprintf("S-1-12-1-%d-%d-%d-%d", word(0), word(4), word(8), word(12))
}
