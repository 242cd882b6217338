package command

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/exchange"
	"groupwriteback/internal/plan"
)

// recipientWarning says how far recipients were tried.
const recipientWarning = "Groups become recipients of Exchange, with their mail redirected to the tenant. This was tried with the schema and the objects of Exchange and not yet on a real Exchange server: look at docs/exchange.md for what to try first, and at the plan with -WhatIf."

// proposeRecipient chooses, when writeback is enabled for the first time and nobody chose,
// that groups become recipients where a server of Exchange knows such groups.
func proposeRecipient(ctx context.Context, c *connection, settings *contract.Settings, result *EnableResult, propose bool) error {
	if settings.ExcludeMailAttribute || !propose && settings.MailRecipient != plan.MailRecipientRemote {
		return nil
	}
	organization, err := c.target.Exchange(ctx)
	if err != nil {
		return err
	}
	if propose && organization.KnowsRemoteGroups() {
		settings.MailRecipient = plan.MailRecipientRemote
	}
	if settings.MailRecipient != plan.MailRecipientRemote {
		return nil
	}
	result.Warnings = append(result.Warnings, recipientWarning)
	if !organization.KnowsRemoteGroups() && organization.Read(exchange.PartServers) {
		result.Warnings = append(result.Warnings, "No server of Exchange is there that knows such groups: that takes Exchange 2013 CU11 or 2016 CU1 at least.")
	}
	return nil
}
