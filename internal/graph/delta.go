package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/plan"
)

// maxLink bounds a link that is kept until the next delta import; real ones have a few
// thousand bytes.
const maxLink = 64 << 10

// expiredCodes are the lower-case error codes with which Graph refuses a link that it
// no longer knows. Microsoft documents the first as one example of many; the others
// come from sibling services behind the same gateway.
var expiredCodes = []string{"syncstatenotfound", "syncstateinvalid", "resyncrequired"}

var (
	groupDelta = call{doing: "reading the group changes", object: "/groups/delta", permission: groupReaders, link: followsLink}
	userDelta  = call{doing: "reading the user changes", object: "/users/delta", permission: userReaders, link: followsLink}
)

// Projection identifies the properties that are always read, in a form that can be
// compared. A delta link created with other properties will always report those.
func Projection() string {
	all, err := json.Marshal([][]string{groupProperties, {"writebackConfiguration"}, memberProperties, userProperties})
	if err != nil {
		panic(err) // strings
	}
	return fmt.Sprintf("%x", sha256.Sum256(all))[:16]
}

// StartDelta implements [contract.Source]. The links include the properties, so every
// later round reports the same ones.
func (s *source) StartDelta(ctx context.Context) (contract.DeltaLinks, error) {
	latest := func(read call, properties ...string) (string, error) {
		read.link = asksForLink
		first := address(string(s.v1)+read.object, "$select", strings.Join(properties, ","), "$deltatoken", "latest")
		return changes(ctx, s, read, first, func([]*struct{}) error { return nil })
	}
	var links contract.DeltaLinks
	var err error
	properties := append(s.wholeGroups(), "members")
	if slices.Contains(s.properties(), plan.PropertyOwners) {
		properties = append(properties, plan.PropertyOwners)
	}
	if links.Groups, err = latest(groupDelta, properties...); err != nil {
		return contract.DeltaLinks{}, err
	}
	if links.Users, err = latest(userDelta, userProperties...); err != nil {
		return contract.DeltaLinks{}, err
	}
	return links, nil
}

// GroupChanges implements [contract.Source].
func (s *source) GroupChanges(ctx context.Context, link string, page func([]contract.GroupChange) error) (string, error) {
	return entries(ctx, s, groupDelta, link, func(g *wholeGroup) (contract.GroupChange, error) { return g.change(s.properties()) }, page)
}

// UserChanges implements [contract.Source].
func (s *source) UserChanges(ctx context.Context, link string, page func([]contract.UserChange) error) (string, error) {
	return entries(ctx, s, userDelta, link, (*memberEntity).change, page)
}

// entries walks a round as changes does, and parses its entries.
func entries[T, C any](ctx context.Context, s *source, read call, link string, change func(*T) (C, error), page func([]C) error) (string, error) {
	return changes(ctx, s, read, link, func(items []*T) error {
		out := make([]C, len(items))
		for i, item := range items {
			var err error
			if out[i], err = change(item); err != nil {
				return read.incomplete("an entry cannot be read", cause(err))
			}
		}
		return page(out)
	})
}

// changes walks a round of a delta query from the link, and returns the link for the
// next round.
func changes[T any](ctx context.Context, s *source, read call, link string, each func([]*T) error) (string, error) {
	if link == "" {
		return "", read.expired(nil)
	}
	read.collection = link
	first, err := get(link)
	if err != nil {
		return "", read.failed(err)
	}
	next, err := list(ctx, s, read, first, func(items []*T, _ bool) error { return each(items) })
	switch {
	case err != nil:
		return "", err
	case next == "":
		return "", read.incomplete("the last page has no delta link", nil)
	case len(next) > maxLink:
		return "", read.incomplete("the delta link is too long", nil)
	}
	if err := read.stays(next); err != nil {
		return "", err
	}
	return next, nil
}

// linkUse says how a request relates to the link of a delta query.
type linkUse int

const (
	noLink      linkUse = iota
	asksForLink         // and has none yet
	followsLink         // which may be too old
)

// linkExpired reports whether the answer means that the link is too old, or was created
// before the service was reset. A link is sent exactly as it was received, so one that
// Graph calls a bad request, in whatever words, will never be accepted; only a full
// import helps.
func (c call) linkExpired(e *statusError) bool {
	if c.link == noLink {
		return false
	}
	known := slices.Contains(expiredCodes, strings.ToLower(e.code))
	switch e.status {
	case http.StatusGone:
		return true
	case http.StatusBadRequest:
		return c.link == followsLink || known
	case http.StatusNotFound:
		return known
	}
	return false
}

func (c call) expired(err error) error {
	return &contract.Error{
		Category: contract.InvalidState, ID: "DeltaLinkExpired", Object: c.object, Err: err,
		Message: "Microsoft Graph no longer accepts the delta link.",
		Advice:  "Run an Initial sync. Delta links expire after 7 days.",
	}
}
