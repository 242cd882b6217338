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
// put in the address lists, which lists there are. It returns what identifies that, for
// comparison with the last run. What cannot be read changes nothing: no group becomes a
// recipient or stops being one, the lists of each stay as they are, and before is returned.
func readExchange(ctx context.Context, r *run, rules *plan.Rules, before string) (routing string, err error) {
	if rules.Mail != plan.MailRecipientRemote {
		return "", nil
	}
	organization, err := r.target.Exchange(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the organization of Exchange: %w", err)
	}
	known := organization.Read(exchange.PartConnectors)
	if known {
		rules.Routing = organization.Covers
	}
	if r.settings.UpdateAddressLists {
		if rules.AddressBook, err = readAddressLists(ctx, r, organization); err != nil {
			return "", err
		}
		known = known && !rules.AddressBook.Unread
	}
	if !known {
		r.warn("what Exchange says could not be read whole, so recipients stay as they are", "run", r.record.ID, "unread", organization.Unread)
		return before, nil
	}
	return fingerprint(organization, rules.AddressBook), nil
}

// readAddressLists returns the address lists, and lets the connector read what their
// filters name.
func readAddressLists(ctx context.Context, r *run, organization *exchange.Organization) (*plan.AddressBook, error) {
	if !organization.Read(exchange.PartAddressLists) || !organization.Read(exchange.PartAdminGroup) {
		return &plan.AddressBook{Unread: true}, nil
	}
	named := r.ground.Mapping.Attributes()
	for _, name := range exchange.FilterAttributes(organization.AddressLists) {
		if !slices.ContainsFunc(named, func(known string) bool { return strings.EqualFold(known, name) }) {
			named = append(named, name)
		}
	}
	if _, err := r.target.SelectAttributes(ctx, named); err != nil {
		return nil, fmt.Errorf("choosing the attributes that address lists name: %w", err)
	}
	return &plan.AddressBook{Lists: organization.AddressLists,
		LegacyDN: func(id directory.GUID) string { return exchange.LegacyDN(organization, id) }}, nil
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
