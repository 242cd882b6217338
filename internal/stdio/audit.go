package stdio

import (
	"context"
	"fmt"
	"strings"
	"time"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/identity"
)

type auditParams struct {
	Since string `json:"since"`
	Until string `json:"until"`
	// Events are the events to list; none means all.
	Events []contract.AuditEvent `json:"events"`
	Group  string                `json:"group"`
	Paging
}

func listAudit(ctx context.Context, e Engine, p auditParams) (any, error) {
	state, err := e.State(ctx)
	if err != nil {
		return nil, err
	}
	filter, err := p.filter(ctx, state)
	if err != nil {
		return nil, err
	}
	same := func(id string) (string, error) { return id, nil } // the state checks it
	return list[contract.AuditEntry, string]{
		name: "entries", parse: same, text: func(id string) string { return id },
		fetch: func(after string, n int) ([]contract.AuditEntry, error) { return state.Audit(ctx, filter, after, n) },
		key:   func(e contract.AuditEntry) string { return e.ID },
		show:  func(e contract.AuditEntry) (any, bool, error) { return e, true, nil },
	}.page(p.Paging)
}

func (p *auditParams) filter(ctx context.Context, state contract.State) (filter contract.AuditFilter, err error) {
	if filter.Since, err = instant("since", p.Since); err != nil {
		return filter, err
	}
	if filter.Until, err = instant("until", p.Until); err != nil {
		return filter, err
	}
	for _, event := range p.Events {
		if err := contract.CheckOneOf("events", event, contract.AuditEvents); err != nil {
			return filter, err
		}
	}
	filter.Events = p.Events
	if p.Group != "" {
		filter.Object = strings.TrimSpace(p.Group)
		filter.Mentions, err = namesOf(ctx, state, p.Group)
	}
	return filter, err
}

// namesOf returns the ids and DNs, in lower case, of the groups that the text names; it may
// have wildcards. The audit may mention a group that is not known any more, so an id or a DN
// counts as it is.
func namesOf(ctx context.Context, state contract.State, text string) ([]string, error) {
	var names []string
	add := func(name string) {
		if name != "" {
			names = append(names, strings.ToLower(name))
		}
	}
	if id := identity.NewPattern(text); id.IsUnique() {
		add(id.Text)
	}
	for v, err := range identity.Groups(ctx, state, contract.GroupFilter{Name: text}) {
		if err != nil {
			return nil, err
		}
		add(v.DN)
		if !v.ID.IsZero() {
			add(v.ID.String())
		}
		if !v.TargetGUID.IsZero() {
			add(v.TargetGUID.String())
		}
	}
	return names, nil
}

// instant parses a time; an empty text is the zero time.
func instant(name, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return at, invalidParameter(name, fmt.Sprintf("The value %q of %s is not a time.", clip(value), name), "Specify it in the form 2006-01-02T15:04:05Z.")
	}
	return at, nil
}
