package command

import (
	"context"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/run"
)

// Connect signs in to the given sides and keeps both for the methods that follow. If one
// side fails, the connection stays as it was.
func (e *Engine) Connect(ctx context.Context, source *contract.SourceConfig, target *contract.TargetConfig) (ConnectionInfo, error) {
	var fresh connection
	var opened []interface{ Close() error }
	fail := func(err error) (ConnectionInfo, error) {
		for _, c := range opened {
			c.Close()
		}
		return ConnectionInfo{}, err
	}
	p, sides := contract.ProgressOf(ctx), 0
	if source != nil {
		sides++
	}
	if target != nil {
		sides++
	}
	p.Begin("Connect", "Connecting")
	if source != nil {
		p.At(0, sides, "Signing in to the tenant")
		wanted := *source
		wanted.Properties = e.config.Mapping.Properties()
		s, err := e.config.OpenSource(ctx, wanted)
		if err != nil {
			return fail(err)
		}
		opened = append(opened, s)
		id, err := s.Identify(ctx)
		if err != nil {
			return fail(err)
		}
		fresh.source, fresh.sourceConfig, fresh.sourceID = s, source.WithoutSecrets(), id
	}
	if target != nil {
		p.At(sides-1, sides, "Connecting to the domain controller "+target.Server)
		wanted := *target
		wanted.PreferredServer, wanted.Attributes = e.lastServer(ctx), e.config.Mapping.Attributes()
		t, err := e.config.OpenTarget(ctx, wanted)
		if err != nil {
			return fail(err)
		}
		opened = append(opened, t)
		id, err := t.Identify(ctx)
		if err != nil {
			return fail(err)
		}
		fresh.target, fresh.targetConfig, fresh.targetID = t, target.WithoutSecrets(), id
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running > 0 {
		return fail(errRunInSession())
	}
	// Keep the other side if another Connect has set it up in the meantime.
	c := &e.connection
	if source != nil {
		if c.source != nil {
			c.source.Close()
		}
		c.source, c.sourceConfig, c.sourceID = fresh.source, fresh.sourceConfig, fresh.sourceID
	}
	if target != nil {
		if c.target != nil {
			c.target.Close()
		}
		c.target, c.targetConfig, c.targetID = fresh.target, fresh.targetConfig, fresh.targetID
	}
	return c.info(), nil
}

// lastServer returns the domain controller of the last run that wrote. On another one the
// next run would have to import everything, if it may run at all. If the state cannot be
// read, the method that needs it reports that.
func (e *Engine) lastServer(ctx context.Context) string {
	state, err := e.State(ctx)
	if err != nil {
		return ""
	}
	if runs, err := run.Unfinished(ctx, state); err == nil && len(runs) > 0 {
		return runs[0].Server
	}
	w, err := state.Watermark(ctx)
	if err != nil {
		return ""
	}
	return w.Server
}

// Disconnect closes both connections and forgets the credentials.
func (e *Engine) Disconnect() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running > 0 {
		return errRunInSession()
	}
	c := e.connection
	e.connection = connection{}
	if c.source != nil {
		c.source.Close()
	}
	if c.target != nil {
		c.target.Close()
	}
	return nil
}

// Connection returns what is connected.
func (e *Engine) Connection() ConnectionInfo {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.connection.info()
}

func (c *connection) info() ConnectionInfo {
	var info ConnectionInfo
	if c.source != nil {
		info.Source = &SourceInfo{TenantID: c.sourceID.TenantID.String(), TenantName: c.sourceID.TenantName, AppID: c.sourceID.AppID,
			Roles: c.sourceID.Roles, Environment: c.sourceConfig.Cloud, Credential: c.sourceConfig.Kind}
	}
	if c.target != nil {
		info.Target = &TargetInfo{Domain: c.targetID.DomainName, Server: c.targetID.Server, BaseDN: c.targetID.BaseDN,
			Account: c.targetID.Account, Credential: c.targetConfig.Kind}
	}
	return info
}

// sides are the sides of a connection that a method needs.
type sides int

const (
	noSide     sides = 0
	sourceSide sides = 1 << iota
	targetSide
)

// use returns the connection for the duration of a method and keeps it from being
// replaced until then. It fails if a needed side is missing.
func (e *Engine) use(needed sides) (connection, func(), error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.connection
	var lacking []string
	if needed&sourceSide != 0 && c.source == nil {
		lacking = append(lacking, "the tenant")
	}
	if needed&targetSide != 0 && c.target == nil {
		lacking = append(lacking, "Active Directory")
	}
	if lacking != nil {
		return connection{}, nil, &contract.Error{Category: contract.InvalidState, ID: "NotConnected",
			Message: "There is no connection to " + strings.Join(lacking, " and ") + ".", Advice: "Run Connect-GroupWriteback first."}
	}
	e.running++
	return c, func() {
		e.mu.Lock()
		e.running--
		e.mu.Unlock()
	}, nil
}

func errRunInSession() error {
	return &contract.Error{Category: contract.ResourceBusy, ID: "RunInProgress", Message: "Another request of this session is still using the connection.",
		Advice: "Wait until it ends, or cancel it."}
}
