package command_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/plan"
)

const routingDomain = "contoso.mail.onmicrosoft.com"

// mailed gives the group of that name an alias and addresses, the first of them primary.
func (b *bench) mailed(name, alias string, addresses ...string) {
	g := b.tenant.groups[guid("group "+name)]
	g.Properties = g.Properties.With("mailNickname", alias).With("proxyAddresses", addresses...).With("mail", addresses[0][len("SMTP:"):])
}

// routes makes the send connectors cover these domains.
func (b *bench) routes(domains ...string) {
	b.directory.exchange = exchange.Organization{Name: "Contoso", DN: directory.DN{{Type: "CN", Value: "Contoso"}}}
	for _, domain := range domains {
		b.directory.exchange.AddressSpaces = append(b.directory.exchange.AddressSpaces, exchange.AddressSpace{Connector: "Out", Domain: domain})
	}
}

func (b *bench) recipients(t fataler, choice plan.MailRecipient) {
	t.Helper()
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{MailRecipient: choice}}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) state(name string) plan.RecipientState {
	return plan.StateOfRecipient(b.object(name).Attributes)
}

func TestRecipients(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	b.mailed("one", "one", "SMTP:one@contoso.test", "smtp:one@"+routingDomain)
	b.mailed("two", "two", "SMTP:two@contoso.test", "smtp:two@"+routingDomain)
	b.routes(routingDomain)
	b.tenant.mail = map[directory.GUID]directory.Values{guid("group one"): {"hideFromAddressLists": {"false"}, "allowExternalSenders": {"true"}}}
	b.sync(t)
	if got := b.state("one"); got != plan.RecipientMailOnly {
		t.Fatalf("nobody has chosen it: %s", got)
	}
	b.forget()
	b.recipients(t, plan.MailRecipientRemote)
	run := b.sync(t)
	if run.PolicyReason != contract.InitialSettings || run.Status != contract.RunComplete || run.Exported.Update != 2 || b.state("one") != plan.RecipientRemote || b.state("two") != plan.RecipientRemote {
		t.Fatalf("%+v", run)
	}
	if got := b.object("one").Attribute("msExchHideFromAddressLists"); !slices.Equal(got, []string{"FALSE"}) {
		t.Errorf("what was read: %v", got)
	}
	if got := b.object("two").Attribute("msExchHideFromAddressLists"); !slices.Equal(got, []string{"TRUE"}) {
		t.Errorf("what was not read: %v", got)
	}

	// No delta reports these properties. They are read again with a change of the group,
	// and what can no longer be read stays.
	b.settle(t)
	b.tenant.mail[guid("group one")] = directory.Values{"hideFromAddressLists": {"true"}, "allowExternalSenders": {"true"}}
	if run := b.sync(t); run.Planned.Update != 0 {
		t.Errorf("nothing tells: %+v", run)
	}
	b.tenant.groups[guid("group one")].says("description", "new")
	b.sync(t)
	if got := b.object("one").Attribute("msExchHideFromAddressLists"); !slices.Equal(got, []string{"TRUE"}) {
		t.Errorf("read again: %v", got)
	}
	b.tenant.fail = func(operation string) error {
		if operation == "mail settings" {
			return &contract.Error{Category: contract.PermissionDenied, ID: "GraphAccessDenied", Message: http.StatusText(http.StatusForbidden)}
		}
		return nil
	}
	b.tenant.groups[guid("group one")].says("description", "newer")
	if run := b.initial(t); run.Status != contract.RunComplete || !slices.Equal(b.object("one").Attribute("msExchHideFromAddressLists"), []string{"TRUE"}) ||
		!slices.Equal(b.object("one").Attribute("msExchRequireAuthToSendTo"), []string{"FALSE"}) {
		t.Errorf("%+v: %v", run, b.object("one").Attributes)
	}
	b.tenant.fail = nil

	// What Exchange adds stays, and what we wrote goes.
	write(b.object("one"), "legacyExchangeDN", "/o=Contoso/cn=one")
	b.recipients(t, plan.MailRecipientMailOnly)
	b.sync(t)
	want := directory.Values{"displayName": {"one"}, "description": {"newer"}, "mail": {"one@contoso.test"}, "legacyExchangeDN": {"/o=Contoso/cn=one"}}
	if diff := cmp.Diff(want, b.object("one").Attributes); diff != "" {
		t.Error(diff)
	}
}

// An address that another object of the forest holds is not written. It is when it is
// free, without any change in the tenant.
func TestAddressesAreUniqueInTheForest(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}, "three": {"c"}})
	b.routes(routingDomain)
	b.mailed("one", "one", "SMTP:one@contoso.test", "smtp:one@"+routingDomain, "smtp:shared@contoso.test")
	b.mailed("two", "two", "SMTP:two@contoso.test", "smtp:two@"+routingDomain, "smtp:Shared@contoso.test")
	b.mailed("three", "three", "SMTP:boss@contoso.test", "smtp:three@"+routingDomain)
	boss := b.plant(guid("nobody"), "boss", "S-1-5-21-1-2-3-500")
	write(boss, "proxyAddresses", "SMTP:BOSS@contoso.test")
	b.recipients(t, plan.MailRecipientRemote)
	run := b.sync(t)
	shared := func(name string) bool {
		return plan.Address.Contains(b.object(name).Attribute("proxyAddresses"), "smtp:shared@contoso.test")
	}
	if !shared("one") == !shared("two") {
		t.Errorf("one of them has the address: %v, %v", b.object("one").Attributes, b.object("two").Attributes)
	}
	if got := b.state("three"); got != plan.RecipientNone {
		t.Errorf("three is %s", got)
	}
	messages := b.reasons(t, run)
	if messages[plan.ReasonAddressTaken] == "" {
		t.Errorf("%v", messages)
	}

	write(boss, "proxyAddresses")
	b.settle(t)
	if got := b.state("three"); got != plan.RecipientRemote {
		t.Errorf("the address is free, and three is %s", got)
	}
}

// Without a global catalog, and without the connectors, nothing of the mail side changes.
func TestWhatCannotBeReadLeavesRecipientsAsTheyAre(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}, "two": {"b"}})
	b.routes(routingDomain)
	b.mailed("one", "one", "SMTP:one@contoso.test", "smtp:one@"+routingDomain)
	b.recipients(t, plan.MailRecipientRemote)
	b.sync(t)
	b.settle(t)

	b.directory.fail = func(operation string) error {
		if operation == "addresses" {
			return &contract.Error{Category: contract.Connection, ID: "NoGlobalCatalog", Message: "none"}
		}
		return nil
	}
	b.mailed("two", "two", "SMTP:two@contoso.test", "smtp:two@"+routingDomain)
	b.mailed("one", "one", "SMTP:new@contoso.test", "smtp:one@"+routingDomain)
	before := b.object("one").Attributes.Clone()
	if run := b.sync(t); run.Status != contract.RunPartial || b.state("two") != plan.RecipientNone || !b.object("one").Attributes.Equal(before) {
		t.Errorf("%+v", run)
	}
	b.directory.fail = nil
	if run := b.sync(t); run.PolicyType != contract.Delta || run.Status != contract.RunComplete || b.state("two") != plan.RecipientRemote ||
		b.object("one").Attributes.First("mail") != "new@contoso.test" {
		t.Errorf("%+v: %v", run, b.object("one").Attributes)
	}

	b.directory.exchange.Unread = []exchange.Part{{Name: exchange.PartConnectors, Reason: exchange.AccessDenied}}
	b.mailed("two", "two", "SMTP:other@contoso.test", "smtp:two@"+routingDomain)
	before = b.object("two").Attributes.Clone()
	if run := b.sync(t); run.PolicyType != contract.Delta || run.Status != contract.RunPartial || !b.object("two").Attributes.Equal(before) {
		t.Errorf("%+v: %v", run, b.object("two").Attributes)
	}
	// A connector that is gone takes the recipients with it.
	b.routes("other.test")
	if run := b.sync(t); run.PolicyReason != contract.InitialRouting || b.state("two") != plan.RecipientMailOnly {
		t.Errorf("%+v: %v", run, b.object("two").Attributes)
	}
	b.routes(routingDomain)
	if run := b.sync(t); run.PolicyReason != contract.InitialRouting || b.state("two") != plan.RecipientRemote {
		t.Errorf("%+v: %v", run, b.object("two").Attributes)
	}
}

// Recipients are in the address lists whose filters they meet, and follow the filters.
func TestRecipientsInAddressLists(t *testing.T) {
	b := settled(t, map[string][]string{"one": {"a"}})
	b.routes(routingDomain)
	list := func(name, filter string) exchange.AddressList {
		return exchange.AddressList{DN: directory.DN{{Type: "CN", Value: name}, {Type: "DC", Value: "test"}}, Filter: filter}
	}
	b.directory.exchange.LegacyDN = "/o=Contoso/ou=Admin"
	b.directory.exchange.AddressLists = []exchange.AddressList{list("All", "(mailNickname=*)"), list("Few", "(mailNickname=t*)")}
	b.tenant.mail = map[directory.GUID]directory.Values{guid("group one"): {"hideFromAddressLists": {"false"}}}
	b.mailed("one", "one", "SMTP:one@contoso.test", "smtp:one@"+routingDomain)
	on := true
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{MailRecipient: plan.MailRecipientRemote, UpdateAddressLists: &on}}); err != nil {
		t.Fatal(err)
	}
	in := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, b.object("one").Attribute("showInAddressBook")); diff != "" {
			t.Error(diff)
		}
	}
	b.sync(t)
	in("CN=All,DC=test")
	if b.object("one").Attributes.First("legacyExchangeDN") == "" {
		t.Error("no legacyExchangeDN")
	}
	b.settle(t)
	b.directory.exchange.AddressLists[1].Filter = "(mailNickname=o*)"
	if run := b.sync(t); run.PolicyReason != contract.InitialRouting {
		t.Errorf("%+v", run)
	}
	in("CN=All,DC=test", "CN=Few,DC=test")
	b.directory.exchange.Unread = []exchange.Part{{Name: exchange.PartAddressLists, Reason: exchange.AccessDenied}}
	b.directory.exchange.AddressLists = nil
	if run := b.sync(t); run.Planned.Update != 0 || run.PolicyType != contract.Delta {
		t.Errorf("lists that cannot be read: %+v", run)
	}
	b.directory.exchange.Unread = nil
	on = false
	if _, err := b.engine.SetSettings(context.Background(), command.SettingsPatch{Choices: command.Choices{UpdateAddressLists: &on}}); err != nil {
		t.Fatal(err)
	}
	b.sync(t)
	in([]string(nil)...)
}
