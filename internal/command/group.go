package command

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/identity"
)

// Group returns the one group that a text names, among those that the state knows.
// Errors: InvalidParameter, GroupNotFound, GroupAmbiguous, and GroupNotLinked for an
// object that stands for no group of the tenant.
func (e *Engine) Group(ctx context.Context, parameter, text string) (contract.GroupView, error) {
	wanted, err := identity.Identify(parameter, text)
	if err != nil {
		return contract.GroupView{}, err
	}
	state, err := e.State(ctx)
	if err != nil {
		return contract.GroupView{}, err
	}
	known, err := wanted.Known(ctx, state)
	switch {
	case err != nil:
		return contract.GroupView{}, err
	case len(known) == 0:
		return contract.GroupView{}, identity.ErrUnknownGroup(text)
	case len(known) > 1:
		return contract.GroupView{}, identity.Ambiguous(text, identity.Called(known))
	case known[0].ID.IsZero():
		return contract.GroupView{}, identity.ErrNotLinked(&known[0])
	}
	return known[0], nil
}
