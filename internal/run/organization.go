package run

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/plan"
)

// readExchange finds out for which domains Exchange has a connector and, if recipients are
// put in the address lists, which lists there are. What cannot be read changes nothing: no
// group becomes a recipient or stops being one, and the lists of each stay as they are.
func (r *course) readExchange(ctx context.Context) error {
	rules := &r.judge.Rules
	if rules.Mail != plan.MailRecipientRemote {
		return nil
	}
	organization, err := r.run.target.Exchange(ctx)
	if err != nil {
		return fmt.Errorf("reading the organization of Exchange: %w", err)
	}
	known := organization.Read(exchange.PartConnectors)
	if known {
		rules.Routing = organization.Covers
	}
	if r.run.settings.UpdateAddressLists {
		listed, err := r.readAddressLists(ctx, organization)
		if err != nil {
			return err
		}
		known = known && listed
	}
	if !known {
		r.run.warn("what Exchange says could not be read whole, so recipients stay as they are", "run", r.run.record.ID, "unread", organization.Unread)
		if len(r.watermark.Source) > 0 {
			r.routing = r.watermark.Source[0].Routing
		}
		return nil
	}
	r.routing = fingerprint(organization, rules.AddressBook)
	return nil
}

// readAddressLists chooses the address lists, and that what their filters name is read of
// groups. It returns false if they could not be read.
func (r *course) readAddressLists(ctx context.Context, organization *exchange.Organization) (bool, error) {
	rules := &r.judge.Rules
	if !organization.Read(exchange.PartAddressLists) || !organization.Read(exchange.PartAdminGroup) {
		rules.AddressBook = &plan.AddressBook{Unread: true}
		return false, nil
	}
	rules.AddressBook = &plan.AddressBook{Lists: organization.AddressLists,
		LegacyDN: func(id directory.GUID) string { return exchange.LegacyDN(organization, id) }}
	named := r.run.ground.Mapping.Attributes()
	for _, name := range exchange.FilterAttributes(organization.AddressLists) {
		if !slices.ContainsFunc(named, func(known string) bool { return strings.EqualFold(known, name) }) {
			named = append(named, name)
		}
	}
	if _, err := r.run.target.SelectAttributes(ctx, named); err != nil {
		return false, fmt.Errorf("choosing the attributes that address lists name: %w", err)
	}
	return true, nil
}

// fingerprint identifies what was read of Exchange. It is never empty.
func fingerprint(organization *exchange.Organization, book *plan.AddressBook) string {
	var lines []string
	for _, space := range organization.AddressSpaces {
		lines = append(lines, fmt.Sprintf("%s %t", strings.ToLower(space.Domain), space.WithSubdomains))
	}
	if book != nil {
		for _, l := range book.Lists {
			lines = append(lines, fmt.Sprintf("%q %q %q", l.DN, l.Filter, l.Container))
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(slices.Compact(lines), "\n"))))[:16]
}
