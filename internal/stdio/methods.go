package stdio

import (
	"context"
	"encoding/json"

	"github.com/creachadair/jrpc2"

	"groupwriteback/internal/command"
	"groupwriteback/internal/contract"
)

type none struct{}

// methods returns the method table of docs/protocol.md.
func (s *session) methods() methodTable {
	t := methodTable{}
	add := func(name string, m method) { t[name] = s.serve(name, m) }

	add("session.initialize", s.initialize)
	add("session.connect", telling(s, s.connect))
	add("session.get", on(s, func(_ context.Context, e Engine, _ none) (any, error) {
		return connection(e.Connection()), nil
	}))
	add("session.disconnect", on(s, func(_ context.Context, e Engine, _ none) (any, error) {
		return none{}, e.Disconnect()
	}))

	add("session.log", on(s, s.setLog))

	add("writeback.get", on(s, func(ctx context.Context, e Engine, _ none) (any, error) {
		return e.Overview(ctx)
	}))
	add("writeback.test", telling(s, test))
	add("writeback.enable", telling(s, enable))
	add("writeback.disable", telling(s, func(ctx context.Context, e Engine, p command.DisableRequest) (any, error) {
		return e.Disable(ctx, p)
	}))
	add("settings.get", on(s, func(ctx context.Context, e Engine, _ none) (any, error) {
		return e.Settings(ctx)
	}))
	add("settings.set", telling(s, setSettings))

	add("mapping.get", on(s, func(ctx context.Context, e Engine, _ none) (any, error) {
		return e.Mapping(ctx)
	}))
	add("mapping.test", telling(s, testMapping))
	add("mapping.read", on(s, readMapping))

	add("sync.start", reporting(s, func(ctx context.Context, e Engine, p command.SyncRequest, report contract.Report) (any, error) {
		return e.Sync(ctx, p, report)
	}))
	add("sync.preview", reporting(s, preview))
	add("sync.group", reporting(s, syncGroup))

	add("group.restore", telling(s, restore))

	add("permission.get", telling(s, permission(Engine.Permission)))
	add("permission.grant", telling(s, permission(Engine.Grant)))
	add("permission.revoke", telling(s, permission(Engine.Revoke)))
	add("permission.graph", on(s, graphPermission))

	add("run.list", on(s, listRuns))
	add("run.get", on(s, getRun))
	add("change.list", on(s, listChanges))
	add("change.members", on(s, listChangeMembers))
	add("group.list", on(s, listGroups))
	add("group.members", on(s, listGroupMembers))
	add("audit.list", on(s, listAudit))
	add("group.suspend", on(s, func(ctx context.Context, e Engine, p command.SuspendRequest) (any, error) {
		return changedGroup(e.Suspend(ctx, p))
	}))
	add("group.resume", on(s, func(ctx context.Context, e Engine, p command.ResumeRequest) (any, error) {
		return changedGroup(e.Resume(ctx, p))
	}))
	add("exchange.steps", telling(s, exchangeSteps))
	add("exchange.recipients", on(s, listRecipientSteps))
	add("exchange.clear", on(s, clearExchangeSteps))

	// request.cancel does not wait for a slot, because the slots may be taken by the
	// very requests that it has to cancel.
	t["request.cancel"] = func(ctx context.Context, r *jrpc2.Request) (any, error) {
		var params json.RawMessage
		r.UnmarshalParams(&params)
		result, err := on(s, s.cancelRequest)(ctx, params)
		if err != nil {
			return nil, wireError(contract.AsError(err))
		}
		return result, nil
	}
	return t
}

// on makes a method from a function that needs the engine and takes parameters of type
// P.
func on[P any](s *session, f func(ctx context.Context, e Engine, p P) (any, error)) method {
	return func(ctx context.Context, params json.RawMessage) (any, error) {
		e, err := s.ready()
		if err != nil {
			return nil, err
		}
		var p P
		if err := decode(params, &p); err != nil {
			return nil, err
		}
		return f(ctx, e, p)
	}
}

// telling is like on, for a function that reports its progress through its context.
func telling[P any](s *session, f func(ctx context.Context, e Engine, p P) (any, error)) method {
	return reporting(s, func(ctx context.Context, e Engine, p P, report contract.Report) (any, error) {
		return f(contract.WithReport(ctx, report), e, p)
	})
}

// reporting is like on, for a function that reports its progress through an argument.
func reporting[P any](s *session, f func(ctx context.Context, e Engine, p P, report contract.Report) (any, error)) method {
	return on(s, func(ctx context.Context, e Engine, p P) (any, error) {
		report, stop := s.progress(ctx)
		defer stop()
		return f(ctx, e, p, report)
	})
}

type testParams struct {
	TargetContainer string `json:"targetContainer"`
}

func test(ctx context.Context, e Engine, p testParams) (any, error) {
	checks, err := e.Test(ctx, p.TargetContainer)
	if checks == nil {
		checks = []command.Check{}
	}
	return map[string]any{"checks": checks}, err
}

type previewParams struct {
	command.PreviewRequest
	Enable   *enableParams   `json:"enable"`
	Settings *settingsParams `json:"settings"`
}

func preview(ctx context.Context, e Engine, p previewParams, report contract.Report) (any, error) {
	if p.Enable != nil && p.Settings != nil {
		return nil, invalidParameter("settings", "enable and settings cannot be combined.", "Specify one of them.")
	}
	if p.Settings != nil {
		patch, err := p.Settings.patch("settings.")
		if err != nil {
			return nil, err
		}
		p.PreviewRequest.Settings = &patch
	}
	if p.Enable != nil {
		request, err := p.Enable.request("enable.")
		if err != nil {
			return nil, err
		}
		p.PreviewRequest.Enable = &request
	}
	return e.Preview(ctx, p.PreviewRequest, report)
}

func testMapping(ctx context.Context, e Engine, p command.MappingTestRequest) (any, error) {
	if p.Group == "" {
		return nil, missing("group")
	}
	return e.TestMapping(ctx, p)
}

type mappingFileParams struct {
	Path string `json:"path"`
}

func readMapping(ctx context.Context, e Engine, p mappingFileParams) (any, error) {
	if p.Path == "" {
		return nil, missing("path")
	}
	return e.ReadMappingFile(ctx, p.Path)
}

func syncGroup(ctx context.Context, e Engine, p command.GroupSyncRequest, report contract.Report) (any, error) {
	if p.Group == "" {
		return nil, missing("group")
	}
	result, err := e.SyncGroup(ctx, p, report)
	if result.Steps == nil {
		result.Steps = []command.GroupStep{}
	}
	if result.Unwritten == nil {
		result.Unwritten = []contract.MemberView{}
	}
	return result, err
}

type runParams struct {
	ID int64 `json:"id"`
}

func getRun(ctx context.Context, e Engine, p runParams) (any, error) {
	if p.ID < 1 {
		return nil, missing("id")
	}
	state, err := e.State(ctx)
	if err != nil {
		return nil, err
	}
	return state.Run(ctx, p.ID)
}

type cancelParams struct {
	ID json.RawMessage `json:"id"`
}

func (s *session) cancelRequest(_ context.Context, _ Engine, p cancelParams) (any, error) {
	if len(p.ID) == 0 || p.ID[0] != '"' && p.ID[0] != '-' && (p.ID[0] < '0' || p.ID[0] > '9') {
		return nil, invalidParameter("id", "id is neither a string nor a number.", "Specify the id of the request to cancel, exactly as it was sent.")
	}
	s.server.CancelRequest(string(p.ID))
	return none{}, nil
}

type progressParams struct {
	RequestID json.RawMessage `json:"requestId"`
	contract.Progress
}

// progress returns the report function of a long-running request, and the function that
// stops it.
func (s *session) progress(ctx context.Context) (contract.Report, func()) {
	id := json.RawMessage(jrpc2.InboundRequest(ctx).ID())
	return throttle(progressInterval, func(p contract.Progress) {
		s.wire.notify("progress", progressParams{id, p})
	})
}
