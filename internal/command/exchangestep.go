package command

import (
	"context"
	"slices"

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
	for after := (directory.GUID{}); ; {
		recipients, last, err := recipientsAfter(ctx, c.target, state, after, maxRecipients)
		if err != nil {
			return nil, err
		}
		for _, r := range recipients {
			census.Add(r)
		}
		if last.IsZero() {
			return exchange.OrganizationSteps(o, &census, c.sourceID.VerifiedDomains), nil
		}
		after = last
	}
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
	steps := make([]RecipientStep, len(links))
	var guids []directory.GUID
	for i, l := range links {
		steps[i].Key = l.TargetGUID
		guids = append(guids, l.TargetGUID)
	}
	due, err := state.ExchangeDue(ctx, guids)
	if err != nil {
		return nil, err
	}
	for _, r := range recipients {
		i := slices.IndexFunc(steps, func(s RecipientStep) bool { return s.Key == r.GUID })
		steps[i].Step, _ = exchange.UpdateStep(r, due[r.GUID])
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

// recipientsAfter reads the objects of the next n links. last is zero at the end.
func recipientsAfter(ctx context.Context, target contract.Target, state contract.State, after directory.GUID, n int) (recipients []exchange.Recipient, last directory.GUID, err error) {
	links, err := state.Links(ctx, after, n)
	if err != nil {
		return nil, last, err
	}
	if len(links) == n {
		last = links[n-1].TargetGUID
	}
	recipients, err = recipientsOf(ctx, target, links)
	return recipients, last, err
}

func recipientsOf(ctx context.Context, target contract.Target, links []contract.Link) ([]exchange.Recipient, error) {
	if len(links) == 0 {
		return nil, nil
	}
	groups := map[directory.GUID]directory.GUID{}
	var guids []directory.GUID
	for _, l := range links {
		groups[l.TargetGUID] = l.SourceID
		guids = append(guids, l.TargetGUID)
	}
	recipients, err := target.Recipients(ctx, guids)
	for i := range recipients {
		recipients[i].GroupID = groups[recipients[i].GUID]
	}
	return recipients, err
}
