package command_test

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/plan"
)

// sharedAddress is an address that several groups may have at the same time.
const sharedAddress = "smtp:shared@contoso.test"

// editMail changes what makes groups recipients, as people do.
func (b *bench) editMail(rt *rapid.T, name string) {
	id := guid("group " + name)
	edits := []string{"address", "address", "address", "route", "by hand", "mode"}
	switch edits[evenly(rt, len(edits), "mail edit")] {
	case "address":
		if b.tenant.groups[id] == nil {
			return
		}
		alias := strings.ReplaceAll(name, "'", "x")
		primary := rapid.SampledFrom([]string{"SMTP:" + alias + "@contoso.test", "SMTP:" + alias + ".new@contoso.test"}).Draw(rt, "primary")
		addresses := []string{primary, "smtp:" + alias + "@" + routingDomain}
		if rapid.Bool().Draw(rt, "shared") {
			addresses = append(addresses, sharedAddress)
		}
		b.mailed(name, alias, addresses...)
	case "route":
		switch evenly(rt, 3, "route") {
		case 0:
			b.routes()
		case 1:
			b.routes(routingDomain)
		default:
			b.directory.exchange.Unread = []exchange.Part{{Name: exchange.PartConnectors, Reason: exchange.AccessDenied}}
		}
	case "by hand":
		object, ok := owned(b)[id]
		if !ok {
			return
		}
		g := b.directory.objects[object]
		switch evenly(rt, 3, "what") {
		case 0:
			write(g, "targetAddress")
		case 1:
			write(g, "mailNickname", "byhand")
		default:
			write(g, "proxyAddresses", slices.Concat(g.Attribute("proxyAddresses"), []string{"smtp:" + strings.ToLower(g.CN) + "@byhand.test"})...)
		}
	case "mode":
		b.recipients(rt, rapid.SampledFrom([]plan.MailRecipient{plan.MailRecipientRemote, plan.MailRecipientMailOnly}).Draw(rt, "mode"))
	}
}

// heldByAnother reports whether another object has one of the addresses that only one
// group has.
func (b *bench) heldByAnother(object directory.GUID, addresses []string) bool {
	for id, other := range b.directory.objects {
		for _, a := range addresses {
			if id != object && a != sharedAddress && plan.IgnoreCase.Contains(append(other.Attribute("proxyAddresses"), "smtp:"+other.Attributes.First("mail")), a) {
				return true
			}
		}
	}
	return false
}

// isMailed compares the mail side of the directory with what the tenant implies: each
// group with addresses is a whole recipient with all of them, except an address that
// several have, which one has.
func (b *bench) isMailed(rt *rapid.T, run contract.Run) {
	if !b.mailing {
		return
	}
	objects, wanted, holders := owned(b), false, 0
	for id, g := range b.tenant.now() {
		object, ok := objects[id]
		if !ok || g.Properties.First("mailNickname") == "" || b.filtered && g.Properties.First("description") == leftOut {
			continue
		}
		attributes := b.directory.objects[object].Attributes
		has := attributes["proxyAddresses"]
		if b.heldByAnother(object, g.Properties["proxyAddresses"]) {
			continue // an object that somebody planted has it
		}
		if plan.StateOfRecipient(attributes) != plan.RecipientRemote || attributes.First("mail") != g.Properties.First("mail") || attributes.First("mailNickname") != g.Properties.First("mailNickname") {
			rt.Fatalf("%s is no whole recipient: %v after %+v\n%v", g.DisplayName(), attributes, run, b.outcomes(rt, run))
		}
		for _, a := range g.Properties["proxyAddresses"] {
			shared := a == sharedAddress
			wanted = wanted || shared
			if !shared && !plan.Address.Contains(has, a) {
				rt.Fatalf("%s lacks %s: %q after %+v\n%v", g.DisplayName(), a, has, run, b.outcomes(rt, run))
			}
		}
	}
	for _, object := range b.directory.objects { // one of a frozen group among them
		if plan.Address.Contains(object.Attribute("proxyAddresses"), sharedAddress) {
			holders++
		}
	}
	if holders > 1 || wanted && holders == 0 {
		rt.Fatalf("%d objects have the address that several want, after %+v\n%v", holders, run, b.outcomes(rt, run))
	}
}
