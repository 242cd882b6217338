package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

// remote returns rules of an installation whose groups are recipients, and whose send
// connector covers these domains.
func remote(domains ...string) *Rules {
	r := rules()
	r.Mail, r.DisplayType = MailRecipientRemote, DisplayTypeNone
	r.Routing = func(domain string) bool { return slices.Contains(domains, domain) }
	return r
}

const (
	routing = "contoso.mail.onmicrosoft.com"
	first   = "contoso.onmicrosoft.com"
)

// mailGroup returns a group with these addresses.
func mailGroup(alias string, addresses ...string) *directory.SourceGroup {
	g := source()
	g.Properties = g.Properties.With("mail").With("mailNickname", alias).With("proxyAddresses", addresses...)
	if i := slices.IndexFunc(addresses, isPrimary); i >= 0 {
		g.Properties = g.Properties.With("mail", strings.TrimPrefix(addresses[i], "SMTP:"))
	}
	return g
}

func sales() *directory.SourceGroup {
	return mailGroup("sales", "SMTP:Sales@groups.contoso.test", "smtp:sales@"+first, "smtp:sales@"+routing, "x500:/o=Cloud/cn=sales")
}

// mailSide returns the attributes of a recipient, and those of mail, that a plan writes.
func mailSide(changes []Change) map[string]string {
	written := map[string]string{}
	for _, c := range changes {
		for _, a := range c.Attributes {
			if row := Standard.row(a.Name); row != nil && (row.When == AsRecipient || row.When == WithMail) {
				written[a.Name] = strings.Join(a.New, " ")
			}
		}
	}
	return written
}

// reasons returns the reasons of the plan's skips.
func reasons(changes []Change) (list []Reason) {
	for _, c := range changes {
		if c.Action == Skip {
			list = append(list, c.Reason)
		}
	}
	return list
}

func pairOf(g *directory.SourceGroup, candidates ...Candidate) *Pair {
	return &Pair{ID: g.ID, Source: g, Candidates: candidates}
}

func TestNewRecipient(t *testing.T) {
	g := sales()
	changes := Group(pairOf(g), remote(routing, first))
	if len(changes) != 1 || changes[0].Action != Create {
		t.Fatalf("%+v", changes)
	}
	want := map[string]string{
		"mail": "Sales@groups.contoso.test", "mailNickname": "sales",
		"proxyAddresses": "SMTP:Sales@groups.contoso.test smtp:sales@" + first + " smtp:sales@" + routing + " x500:/o=Cloud/cn=sales",
		"targetAddress":  "SMTP:sales@" + routing, "msExchRecipientTypeDetails": "8796093022208",
		"msExchPoliciesExcluded":    "{26491cfc-9e50-4857-861b-0cb8df22b5d7}",
		"msExchRequireAuthToSendTo": "TRUE", "msExchHideFromAddressLists": "TRUE", // neither could be read
	}
	if diff := cmp.Diff(want, mailSide(changes)); diff != "" {
		t.Error(diff)
	}

	g.Properties = g.Properties.With("allowExternalSenders", "true").With("hideFromAddressLists", "false")
	g.Visibility = directory.HiddenMembership
	r := remote(first)
	r.DisplayType = DisplayTypeSynced
	changes = Group(pairOf(g), r)
	for name, value := range map[string]string{"targetAddress": "SMTP:sales@" + first, "msExchRequireAuthToSendTo": "FALSE", "msExchHideFromAddressLists": "FALSE",
		"hideDLMembership": "TRUE", "msExchRecipientDisplayType": "-2147483391"} {
		want[name] = value
	}
	if diff := cmp.Diff(want, mailSide(changes)); diff != "" {
		t.Error(diff)
	}
	if c := written(g, r, object); StateOfRecipient(c.Attributes) != RecipientRemote {
		t.Errorf("the state is %s", StateOfRecipient(c.Attributes))
	}
}

// What cannot be read for all groups an administrator may set.
func TestWhatAnAdministratorSaysOfRecipients(t *testing.T) {
	r := remote(routing)
	var err error
	if r.Mapping, err = Standard.With([]Entry{{Attribute: "msExchHideFromAddressLists", Expression: `"False"`}}); err != nil {
		t.Fatal(err)
	}
	if got := mailSide(Group(pairOf(sales()), r))["msExchHideFromAddressLists"]; got != "FALSE" {
		t.Errorf("%q", got)
	}
	if got := mailSide(Group(pairOf(mailGroup("sales", "SMTP:sales@contoso.test")), r)); got["msExchHideFromAddressLists"] != "" {
		t.Errorf("of a group that is no recipient: %v", got)
	}
}

// A group that cannot be a whole recipient keeps mail alone and says why: an ordinary
// distribution group would capture mail.
func TestNoRecipientIsHalf(t *testing.T) {
	for name, c := range map[string]struct {
		g      *directory.SourceGroup
		r      *Rules
		reason Reason
		mail   string
	}{
		"no connector":               {sales(), remote(), ReasonNoMailRoute, "Sales@groups.contoso.test"},
		"connectors unread":          {sales(), &Rules{Mail: MailRecipientRemote, Mapping: Standard, Containers: rules().Containers}, ReasonRoutingUnknown, "Sales@groups.contoso.test"},
		"no address of the tenant":   {mailGroup("sales", "SMTP:sales@contoso.test"), remote(routing), ReasonNoTargetAddress, "sales@contoso.test"},
		"an alias with a blank":      {mailGroup("the sales", "SMTP:sales@"+routing), remote(routing), ReasonAliasInvalid, "sales@" + routing},
		"no alias":                   {mailGroup("", "SMTP:sales@"+routing), remote(routing), ReasonAliasInvalid, "sales@" + routing},
		"a primary one with a blank": {mailGroup("sales", "SMTP:the sales@"+routing, "smtp:sales@"+routing), remote(routing), ReasonAddressInvalid, "the sales@" + routing},
		"no address at all":          {mailGroup("sales"), remote(routing), ReasonAddressInvalid, ""},
	} {
		want := map[string]string{}
		if c.mail != "" {
			want["mail"] = c.mail
		}
		changes := Group(pairOf(c.g), c.r)
		if diff := cmp.Diff(want, mailSide(changes)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got := reasons(changes); !slices.Equal(got, []Reason{c.reason}) {
			t.Errorf("%s: %v, want %s", name, got, c.reason)
		}
	}
	without := remote(routing)
	without.Mapping = slices.DeleteFunc(slices.Clone(Standard), func(row Row) bool { return row.Attribute == "targetAddress" })
	schema := Schema{}
	for _, row := range without.Mapping {
		schema[row.Attribute] = AttributeSchema{}
	}
	without.Mapping = Standard.Compile(schema, true)
	if got := mailSide(Group(pairOf(sales()), without)); !cmp.Equal(got, map[string]string{"mail": "Sales@groups.contoso.test"}) {
		t.Errorf("a schema without targetAddress: %v", got)
	}
}

func TestAddressesThatExchangeCannotUse(t *testing.T) {
	long := "smtp:" + strings.Repeat("x", 300) + "@contoso.test"
	g := mailGroup("sales", "SMTP:sales@"+routing, "smtp:", "smtp:nobody", "smtp:a b@x.test", "smtp:gr\u00fcn@x.test", long, "smtp:SALES@"+routing,
		"nothing", "smtp:.a@x.test", "smtp:a@-x.test", "smtp:a@x..test", "smtp:a\u200b@x.test", "sip:sales@x.test", "smtp:ok@x.test")
	changes := Group(pairOf(g), remote(routing))
	if got := mailSide(changes)["proxyAddresses"]; got != "SMTP:sales@"+routing+" sip:sales@x.test smtp:ok@x.test" {
		t.Errorf("%q", got)
	}
	if got := reasons(changes); !slices.Equal(got, []Reason{ReasonAddressInvalid}) {
		t.Errorf("%v", got)
	}
	if message := changes[1].Message; !strings.Contains(message, "smtp:a b@x.test (the part before the @ is not one that Exchange accepts)") {
		t.Error(message)
	}
}

func TestAddressesOfOthers(t *testing.T) {
	g := sales()
	holder := Holder{GUID: other, DN: "CN=Someone,DC=contoso,DC=test"}
	plan := func(taken ...string) ([]Change, map[string]string) {
		p := pairOf(g)
		p.Taken = map[string][]Holder{}
		for _, key := range taken {
			p.Taken[key] = []Holder{holder}
		}
		changes := Group(p, remote(routing, first))
		return changes, mailSide(changes)
	}
	changes, mail := plan("smtp:sales@" + first)
	if strings.Contains(mail["proxyAddresses"], first) || mail["targetAddress"] != "SMTP:sales@"+routing || !slices.Equal(reasons(changes), []Reason{ReasonAddressTaken}) ||
		!strings.Contains(changes[1].Message, holder.DN) {
		t.Errorf("a secondary one: %v", changes)
	}
	if changes, mail = plan("smtp:sales@" + routing); mail["targetAddress"] != "SMTP:sales@"+first {
		t.Errorf("the target: %v", changes)
	}
	if changes, mail = plan("smtp:sales@groups.contoso.test"); len(mail) != 0 || !slices.Equal(reasons(changes), []Reason{ReasonAddressTaken}) {
		t.Errorf("the primary one: %v", changes)
	}
	if changes, mail = plan("alias:sales"); mail["mailNickname"] != "sales" || !slices.Equal(reasons(changes), []Reason{ReasonAliasTaken}) {
		t.Errorf("the alias: %v", changes)
	}
	if changes, _ = plan("smtp:sales@"+first, "alias:sales"); !Pending(changes, &Membership{}) {
		t.Errorf("nobody looks again whether the address is free: %v", changes)
	}
	if changes, mail = plan("x500:/o=cloud/cn=sales"); strings.Contains(mail["proxyAddresses"], "x500") || len(reasons(changes)) != 1 {
		t.Errorf("another kind of address: %v", changes)
	}
	p := pairOf(g)
	p.AddressesUnknown = true
	if changes = Group(p, remote(routing)); len(mailSide(changes)) != 0 || !slices.Equal(reasons(changes), []Reason{ReasonAddressesUnknown}) || !Pending(changes, &Membership{}) {
		t.Errorf("no global catalog: %v", changes)
	}
}

// What has to be looked up is what the object does not have.
func TestAddressKeys(t *testing.T) {
	r := remote(routing, first)
	g := sales()
	want := []string{"smtp:sales@groups.contoso.test", "smtp:sales@" + first, "smtp:sales@" + routing, "x500:/o=cloud/cn=sales", "alias:sales"}
	if diff := cmp.Diff(want, AddressKeys(pairOf(g), r)); diff != "" {
		t.Error(diff)
	}
	c := written(g, r, object)
	if got := AddressKeys(pairOf(g, c), r); got != nil {
		t.Errorf("nothing is new: %v", got)
	}
	says(g, "mailNickname", "SELLING")
	g.Properties = g.Properties.With("proxyAddresses", append(g.Properties["proxyAddresses"], "smtp:selling@x.test")...)
	if diff := cmp.Diff([]string{"smtp:selling@x.test", "alias:selling"}, AddressKeys(pairOf(g, c), r)); diff != "" {
		t.Error(diff)
	}
	if got := AddressKeys(pairOf(g), remote()); !slices.Equal(got, []string{"smtp:sales@groups.contoso.test"}) {
		t.Errorf("of a group that keeps mail alone: %v", got)
	}
	if got := AddressKeys(pairOf(g), rules()); got != nil {
		t.Errorf("of an installation that writes mail alone: %v", got)
	}
}

// An installation that writes mail alone does not give an address twice either, where the
// forest has Exchange.
func TestMailIsUnique(t *testing.T) {
	g := sales()
	r := rules()
	r.UniqueMail = true
	p := pairOf(g)
	keys := AddressKeys(p, r)
	if !slices.Equal(keys, []string{"smtp:sales@groups.contoso.test"}) {
		t.Fatalf("looked up: %v", keys)
	}
	p.Taken = map[string][]Holder{keys[0]: {{GUID: directory.MustGUID("dddddddd-0000-0000-0000-000000000001"), DN: "CN=thief"}}}
	changes := Group(p, r)
	if got := reasons(changes); !slices.Contains(got, ReasonAddressTaken) || !strings.Contains(fmt.Sprint(changes), "CN=thief") {
		t.Errorf("held by another: %+v", changes)
	}
	for _, change := range changes {
		if slices.ContainsFunc(change.Attributes, func(a AttributeChange) bool { return a.Name == "mail" }) {
			t.Errorf("held by another: %+v", change)
		}
	}
	c := written(g, rules(), object)
	if keys := AddressKeys(pairOf(g, c), r); keys != nil {
		t.Errorf("of a group that has its address: %v", keys)
	}
	p = pairOf(g, c)
	p.AddressesUnknown = true
	if changes := Group(p, r); len(changes) > 0 && changes[0].Action != Skip {
		t.Errorf("without an answer: %+v", changes)
	}
}

// From mail alone to a recipient and back, only what we wrote is touched.
func TestThereAndBack(t *testing.T) {
	g := sales()
	plain, r := rules(), remote(routing)
	c := written(g, plain, object)
	before := c.Attributes.Clone()
	step := func(r *Rules) []Change {
		t.Helper()
		p := pairOf(g, c)
		c.Written = r.Owned(c.Written, p)
		p.Candidates[0].Written = c.Written
		changes := Group(p, r)
		for _, change := range changes {
			apply(&c, change)
		}
		if again := Group(pairOf(g, c), r); len(mailSide(again)) != 0 {
			t.Fatalf("planned again: %v", again)
		}
		return changes
	}
	if changes := step(r); len(changes) != 1 || changes[0].Action != Update || StateOfRecipient(c.Attributes) != RecipientRemote {
		t.Fatalf("there: %v", changes)
	}
	// Exchange adds what Update-Recipient adds.
	has(&c, "legacyExchangeDN", "/o=Contoso/cn=sales")
	changes := step(plain)
	if len(changes) != 1 || StateOfRecipient(c.Attributes) != RecipientMailOnly {
		t.Fatalf("back: %+v", changes)
	}
	has(&c, "legacyExchangeDN", "")
	if diff := cmp.Diff(before, c.Attributes); diff != "" {
		t.Errorf("back: %s", diff)
	}

	// What others added keeps it a recipient: without the rest it would capture mail.
	step(r)
	c.Attributes = c.Attributes.With("proxyAddresses", append(c.Attribute("proxyAddresses"), "smtp:policy@contoso.test")...)
	changes = step(plain)
	if got := reasons(changes); !slices.Equal(got, []Reason{ReasonRecipientKept}) || StateOfRecipient(c.Attributes) != RecipientRemote || !strings.Contains(changes[0].Message, "smtp:policy@contoso.test") {
		t.Errorf("others' address: %v", changes)
	}
	// Nor does a connector that goes away, or that cannot be read, change that.
	unread := remote()
	unread.Routing = nil
	before = c.Attributes.Clone()
	step(unread)
	step(remote())
	if diff := cmp.Diff(before, c.Attributes); diff != "" {
		t.Error(diff)
	}
	c.Attributes = c.Attributes.With("proxyAddresses", slices.DeleteFunc(slices.Clone(c.Attribute("proxyAddresses")), func(a string) bool { return a == "smtp:policy@contoso.test" })...)
	if changes = step(remote()); StateOfRecipient(c.Attributes) != RecipientMailOnly || !slices.Equal(reasons(changes), []Reason{ReasonNoMailRoute}) {
		t.Errorf("without a connector: %v", changes)
	}
}

// What Entra Connect wrote and is right stays, and is not ours to take away.
func TestRecipientsOfEntraConnect(t *testing.T) {
	g := sales()
	r := remote(routing, first)
	c := written(g, rules(), object)
	c.Linked, c.Owner, c.ExtensionName = false, attack, nil
	has(&c, "extensionName", "")
	for name, value := range map[string]string{"mailNickname": "sales", "proxyAddresses": "SMTP:sales@groups.contoso.test", "targetAddress": "SMTP:sales@" + first,
		"msExchRecipientTypeDetails": remoteGroupMailbox, "msExchRecipientDisplayType": "1"} {
		has(&c, name, value)
	}
	p := pairOf(g, c)
	agree(p, r)
	changes := Group(p, r)
	if len(changes) != 1 || changes[0].Action != Adopt {
		t.Fatalf("%+v", changes)
	}
	want := map[string]string{"proxyAddresses": "SMTP:sales@groups.contoso.test smtp:sales@" + first + " smtp:sales@" + routing + " x500:/o=Cloud/cn=sales",
		"msExchPoliciesExcluded": noAddressPolicy}
	if diff := cmp.Diff(want, mailSide(changes)); diff != "" {
		t.Error(diff)
	}
	// Turned off, what we added goes, and what Entra Connect wrote is as it was.
	before := c.Attributes.Clone()
	c.Written = r.Owned(nil, p)
	apply(&c, changes[0])
	c.Linked, c.Adopted = true, true
	changes = Group(pairOf(g, c), rules())
	apply(&c, changes[0])
	has(&c, "extensionName", "")
	before = before.With("extensionName")
	if diff := cmp.Diff(before, c.Attributes); diff != "" {
		t.Error(diff)
	}
}

// An ordinary distribution group that others made of our object is reported, and becomes
// a whole recipient as soon as that is possible.
func TestCapturedMail(t *testing.T) {
	g := sales()
	c := written(g, rules(), object)
	has(&c, "mailNickname", "sales")
	has(&c, "proxyAddresses", "SMTP:sales@groups.contoso.test")
	for _, r := range []*Rules{rules(), remote()} {
		changes := Group(pairOf(g, c), r)
		if got := reasons(changes); len(mailSide(changes)) != 0 || !slices.Contains(got, ReasonCaptured) {
			t.Errorf("%v", changes)
		}
	}
	apply(&c, Group(pairOf(g, c), remote(routing))[0])
	if got := StateOfRecipient(c.Attributes); got != RecipientRemote {
		t.Error(got)
	}
}

// Whatever addresses a group has and whoever holds them: an object is a whole recipient
// or none, no address of another object is written, the primary one is the group's, and a
// plan that was carried out is followed by none.
func TestRecipientsOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"SMTP:", "smtp:", "sip:", "x500:", ""}).Draw(t, "prefix") +
				rapid.SampledFrom([]string{"a", "A", "b b", "\u00e4", "", "a.b", ".a", strings.Repeat("x", 70)}).Draw(t, "local") + "@" +
				rapid.SampledFrom([]string{routing, strings.ToUpper(first), "contoso.test", "", "a_b", "x-"}).Draw(t, "domain")
		})
		g := mailGroup(rapid.SampledFrom([]string{"sales", "a b", "", "S@les", "sales."}).Draw(t, "alias"), rapid.SliceOfN(address, 0, 5).Draw(t, "addresses")...)
		covered := rapid.SliceOf(rapid.SampledFrom([]string{routing, first, "contoso.test"})).Draw(t, "covered")
		r := remote(covered...)
		if rapid.Bool().Draw(t, "unread") {
			r.Routing = nil
		}
		taken := map[string]Holder{}
		for _, key := range rapid.SliceOf(rapid.SampledFrom([]string{"smtp:a@" + routing, "smtp:a@" + first, "smtp:a.b@contoso.test", "sip:a@contoso.test", "alias:sales"})).Draw(t, "taken") {
			taken[key] = Holder{GUID: other, DN: "CN=other"}
		}
		c := written(g, rules(), object)
		for _, round := range []string{"first", "second"} {
			p := pairOf(g, c)
			p.Taken = map[string][]Holder{}
			for _, key := range AddressKeys(p, r) {
				if h, ok := taken[key]; ok {
					p.Taken[key] = []Holder{{GUID: object, DN: c.DN}, h}
				}
			}
			c.Written = r.Owned(c.Written, p)
			p.Candidates[0].Written = c.Written
			changes := Group(p, r)
			if round == "second" && len(mailSide(changes)) > 0 {
				t.Fatalf("planned again: %v", changes)
			}
			for _, change := range changes {
				apply(&c, change)
			}
			state := StateOfRecipient(c.Attributes)
			if state == RecipientCaptured {
				t.Fatalf("it captures mail: %v", c.Attributes)
			}
			for _, a := range c.Attribute("proxyAddresses") {
				if _, held := taken[addressKey(a)]; held {
					t.Fatalf("%s is another's", a)
				}
				its := append(slices.Clone(g.Properties["proxyAddresses"]), "SMTP:"+g.Properties.First("mail"))
				if !slices.ContainsFunc(its, func(p string) bool { return addressKey(p) == addressKey(a) }) {
					t.Fatalf("%s comes from nowhere", a)
				}
			}
			if state == RecipientRemote {
				if !Address.Contains(c.Attribute("proxyAddresses"), "SMTP:"+c.Attributes.First("mail")) || !isAlias(c.Attributes.First("mailNickname")) {
					t.Fatalf("a recipient without its primary address: %v", c.Attributes)
				}
				_, domain, _ := strings.Cut(c.Attributes.First("targetAddress"), "@")
				if !r.Routing(strings.ToLower(domain)) {
					t.Fatalf("its mail does not leave: %v", c.Attributes)
				}
			}
		}
	})
}
