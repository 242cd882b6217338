package command

import (
	"context"

	"groupwriteback/internal/batch"
	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/exchange"
)

// maxRecipients is how many objects are read at a time.
const maxRecipients = 500

// ExchangeSteps returns what is still due in the organisation of Exchange for the groups
// that are written.
func (e *Engine) ExchangeSteps(ctx context.Context) ([]exchange.Step, error) {
	c, state, done, err := e.atExchange(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	p := contract.ProgressOf(ctx)
	p.Begin("Check", "Looking at Exchange")
	o, err := c.target.Exchange(ctx)
	if err != nil {
		return nil, err
	}
	var census exchange.Census
	for links, err := range batch.Pages(ctx, maxRecipients, state.Links, contract.Link.Target) {
		if err != nil {
			return nil, err
		}
		recipients, err := recipientsOf(ctx, c.target, links)
		if err != nil {
			return nil, err
		}
		for _, r := range recipients {
			census.Add(r)
		}
	}
	return exchange.OrganizationSteps(o, &census, c.sourceID.VerifiedDomains), nil
}

// RecipientStep is the step of one object. A zero Step means that nothing is due.
type RecipientStep struct {
	Key  directory.GUID // of the object
	Step exchange.Step
}

// RecipientSteps returns what is due for each of the next n linked objects, in order.
// Fewer mean the end.
func (e *Engine) RecipientSteps(ctx context.Context, after directory.GUID, n int) ([]RecipientStep, error) {
	c, state, done, err := e.atExchange(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	links, err := state.Links(ctx, after, n)
	if err != nil {
		return nil, err
	}
	recipients, err := recipientsOf(ctx, c.target, links)
	if err != nil {
		return nil, err
	}
	due, err := state.ExchangeDue(ctx, contract.Targets(links))
	if err != nil {
		return nil, err
	}
	steps, at := make([]RecipientStep, len(links)), make(map[directory.GUID]int, len(links))
	for i, l := range links {
		steps[i].Key, at[l.TargetGUID] = l.TargetGUID, i
	}
	for _, r := range recipients {
		steps[at[r.GUID]].Step, _ = exchange.UpdateStep(r, due[r.GUID])
	}
	return steps, nil
}

// ClearExchangeSteps records that the administrator has run the steps of changed groups;
// seen are the objects with the run that each step named. A group that a later run has
// changed stays due. It returns how many were cleared.
func (e *Engine) ClearExchangeSteps(ctx context.Context, seen map[directory.GUID]int64) (int, error) {
	state, err := e.State(ctx)
	if err != nil {
		return 0, err
	}
	return state.ClearExchangeDue(ctx, seen)
}

// atExchange returns the connection to Active Directory and the state that belongs to it.
func (e *Engine) atExchange(ctx context.Context) (connection, contract.State, func(), error) {
	c, done, err := e.use(targetSide)
	if err != nil {
		return connection{}, nil, nil, err
	}
	state, err := e.State(ctx)
	if err == nil {
		var settings contract.Settings
		if settings, err = state.LoadSettings(ctx); err == nil {
			err = checkOwner(ctx, state, &settings, &c)
		}
	}
	if err != nil {
		done()
		return connection{}, nil, nil, err
	}
	return c, state, done, nil
}

// recipientsOf reads what Exchange has made of the linked objects.
func recipientsOf(ctx context.Context, target contract.Target, links []contract.Link) ([]exchange.Recipient, error) {
	if len(links) == 0 {
		return nil, nil
	}
	groups := make(map[directory.GUID]directory.GUID, len(links))
	for _, l := range links {
		groups[l.TargetGUID] = l.SourceID
	}
	recipients, err := target.Recipients(ctx, contract.Targets(links))
	for i := range recipients {
		recipients[i].GroupID = groups[recipients[i].GUID]
	}
	return recipients, err
}
