package command

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/plan"
)

// nothing is the state of a folder that holds none yet, for readers: nothing is
// configured, and nothing has run. It creates nothing, so a mistyped folder does not come
// into being. Writers call [Engine.makeState]; nothing does not have the methods that
// write.
type nothing struct {
	contract.State
	folder string
}

func (n nothing) Folder() string { return n.folder }

func (nothing) Close() error { return nil }

func (nothing) Lock(context.Context) (unlock func(), _ error) { return func() {}, nil }

func (nothing) LoadSettings(context.Context) (contract.Settings, error) {
	return contract.DefaultSettings(), nil
}

func (nothing) Owner(context.Context) (directory.GUID, contract.DomainRef, error) {
	return directory.GUID{}, contract.DomainRef{}, nil
}

func (nothing) Audit(context.Context, contract.AuditFilter, string, int) ([]contract.AuditEntry, error) {
	return nil, nil
}

func (nothing) Runs(context.Context, int64, int) ([]contract.Run, error) { return nil, nil }

func (nothing) Run(context.Context, int64) (contract.Run, error) {
	return contract.Run{}, missing("RunNotFound", "run", "List the runs with Get-GroupWritebackRun.")
}

func (nothing) LastComplete(context.Context) (run contract.Run, ok bool, err error) {
	return contract.Run{}, false, nil
}

func (nothing) RunByPlan(context.Context, string) (contract.Run, error) {
	return contract.Run{}, missing("PlanNotFound", "plan", "Take the id from Get-GroupWritebackRun.")
}

func (nothing) Current(context.Context) (int64, error) { return 0, nil }

func (nothing) Watermark(context.Context) (contract.Watermark, error) {
	return contract.Watermark{}, nil
}

func (nothing) Pending(context.Context) ([]directory.GUID, error) { return nil, nil }

func (nothing) ExchangeDue(context.Context, []directory.GUID) (map[directory.GUID]int64, error) {
	return nil, nil
}

func (nothing) ClearExchangeDue(context.Context, map[directory.GUID]int64) (int, error) {
	return 0, nil
}

func (nothing) Links(context.Context, directory.GUID, int) ([]contract.Link, error) { return nil, nil }

func (nothing) CountLinks(context.Context) (int, error) { return 0, nil }

func (nothing) LinksOf(context.Context, []directory.GUID) ([]contract.Link, error) { return nil, nil }

func (nothing) LinksTo(context.Context, []directory.GUID) ([]contract.Link, error) { return nil, nil }

func (nothing) FormerLinks(context.Context, directory.GUID, int) ([]contract.Link, error) {
	return nil, nil
}

func (nothing) CountDisableSet(context.Context) (int, error) { return 0, nil }

func (nothing) AdoptSet(context.Context) ([]contract.Link, error) { return nil, nil }

func (nothing) FormerLinksTo(context.Context, []directory.GUID) ([]contract.Link, error) {
	return nil, nil
}

func (nothing) DisableSet(context.Context, directory.GUID, int) ([]contract.Link, error) {
	return nil, nil
}

func (nothing) Holds(context.Context) ([]contract.Hold, error) { return nil, nil }

func (nothing) Failing(context.Context) ([]contract.Failing, error) { return nil, nil }

func (nothing) Changes(context.Context, int64, plan.Phase, int64, int) ([]contract.SpooledChange, error) {
	return nil, nil
}

func (nothing) ChangeMembers(context.Context, int64, directory.GUID, int) (_, _ []directory.MemberRef, err error) {
	return nil, nil, missing("ChangeNotFound", "change", "List the changes with Get-GroupWritebackChange.")
}

func (nothing) Groups(context.Context, contract.GroupFilter, directory.GUID, int) ([]contract.GroupView, error) {
	return nil, nil
}

func (nothing) GroupMembers(_ context.Context, group directory.GUID, _ directory.GUID, _ int) ([]contract.MemberView, error) {
	return nil, identity.ErrUnknownGroup(group.String())
}

func missing(id, what, advice string) error {
	return &contract.Error{Category: contract.ObjectNotFound, ID: id, Message: "The " + what + " does not exist: the state is still empty.", Advice: advice}
}
