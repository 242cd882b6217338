package graph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/engine"
)

// maxLink bounds a link that is kept until the next delta import; real ones
// have some thousand bytes.
const maxLink = 64 << 10

// expiredCodes are the error codes, in lower case, of an answer that refuses a link
// which Graph no longer knows. Microsoft documents the first as an example of
// many; the others are those of its sibling services behind the same gateway.
var expiredCodes = []string{"syncstatenotfound", "syncstateinvalid", "resyncrequired"}

var (
	groupDelta = call{doing: "reading the changes of the groups", object: "/groups/delta", permission: groupReaders, delta: true}
	userDelta  = call{doing: "reading the changes of the users", object: "/users/delta", permission: "User.Read.All or Directory.Read.All", delta: true}
)

// Projection names the properties that are read, in a form for comparing. Links
// that were given out for others tell of those for good.
func Projection() string {
	all, err := json.Marshal([][]string{groupProperties, {"writebackConfiguration"}, memberProperties, userProperties})
	if err != nil {
		panic(err) // strings
	}
	return fmt.Sprintf("%x", sha256.Sum256(all))[:16]
}

// StartDelta implements [engine.Source]. The properties are part of the links
// from here on, so that every later round tells of the same ones.
func (s *source) StartDelta(ctx context.Context) (engine.DeltaLinks, error) {
	latest := func(read call, properties ...string) (string, error) {
		read.fresh = true
		first := address(s.base+read.object, "$select", strings.Join(properties, ","), "$deltatoken", "latest")
		return changes(ctx, s, read, first, func([]*struct{}) error { return nil })
	}
	var links engine.DeltaLinks
	var err error
	if links.Groups, err = latest(groupDelta, append(groupProperties[:len(groupProperties):len(groupProperties)], "members")...); err != nil {
		return engine.DeltaLinks{}, err
	}
	if links.Users, err = latest(userDelta, userProperties...); err != nil {
		return engine.DeltaLinks{}, err
	}
	return links, nil
}

// GroupChanges implements [engine.Source].
func (s *source) GroupChanges(ctx context.Context, link string, page func([]engine.GroupChange) error) (string, error) {
	return changes(ctx, s, groupDelta, link, func(items []*groupEntity) error {
		out := make([]engine.GroupChange, 0, len(items))
		for _, item := range items {
			change, err := item.change()
			if err != nil {
				return groupDelta.incomplete("an entry cannot be read", cause(err))
			}
			out = append(out, change)
		}
		return page(out)
	})
}

// UserChanges implements [engine.Source]. What an entry leaves out may not have
// changed, or may never have been set, so that such users are read again. What
// the entry tells wins over that reading, which may come from a replica that
// does not know the change yet; and a user that it does not find is handed on
// as one that cannot be read, since it has changed in a way that is not known.
// The same goes for what an earlier entry of the round told of the user.
func (s *source) UserChanges(ctx context.Context, link string, page func([]directory.SourceMember) error) (string, error) {
	earlier := map[directory.GUID]*userEntity{}
	return changes(ctx, s, userDelta, link, func(items []*userEntity) error {
		out := make([]directory.SourceMember, 0, len(items))
		partial := map[directory.GUID]directory.SourceMember{}
		var told []*userEntity
		for _, item := range items {
			if err := item.check(); err != nil {
				return userDelta.incomplete("an entry cannot be read", cause(err))
			}
			if item.Removed != nil {
				delete(earlier, item.ID) // restored, it may be another
				delete(partial, item.ID)
				told = append(told, item)
				continue
			}
			item.fill(earlier[item.ID])
			earlier[item.ID] = item
			told = append(told, item)
			if !item.whole() {
				partial[item.ID] = directory.SourceMember{ID: item.ID, Kind: directory.KindUser}
			}
		}
		if err := s.readAgain(ctx, partial); err != nil {
			return err
		}
		for _, item := range told {
			member, again := partial[item.ID]
			switch {
			case item.Removed != nil:
				member = directory.SourceMember{ID: item.ID, Kind: directory.KindUser, Deleted: true}
			case item.whole():
				member = item.member()
			case again && member.Readable:
				member = item.over(member)
			}
			out = append(out, member)
		}
		return page(out)
	})
}

// readAgain replaces the users by what Graph says of them singly.
func (s *source) readAgain(ctx context.Context, users map[directory.GUID]directory.SourceMember) error {
	wanted := make([]directory.SourceMember, 0, len(users))
	for _, user := range users {
		wanted = append(wanted, user)
	}
	slices.SortFunc(wanted, func(a, b directory.SourceMember) int { return a.ID.Compare(b.ID) })
	got, err := s.MembersByID(ctx, wanted)
	for _, user := range got {
		users[user.ID] = user
	}
	return err
}

// changes walks a round of a delta query from the link, and returns the link
// to the next round.
func changes[T any](ctx context.Context, s *source, read call, link string, each func([]*T) error) (string, error) {
	if link == "" {
		return "", read.expired(nil)
	}
	read.collection = link
	next, err := list(ctx, s, read, link, each)
	switch {
	case err != nil:
		return "", err
	case next == "":
		return "", read.incomplete("the last page has no link to the changes from there on", nil)
	case len(next) > maxLink:
		return "", read.incomplete("the link to the changes from there on is too long", nil)
	}
	if err := read.stays(next); err != nil {
		return "", err
	}
	return next, nil
}

// linkExpired recognises the answer to a link that is too old, or that was
// given out before the service was reset. A link is sent as it was received, so
// that one which Graph calls a bad request, in whatever words, never becomes a
// good one again; only an import of everything gets on from there. fresh is for
// a request that asks for a link and has none yet.
func linkExpired(e *statusError, fresh bool) bool {
	switch e.status {
	case http.StatusGone:
		return true
	case http.StatusBadRequest:
		return !fresh || slices.Contains(expiredCodes, strings.ToLower(e.code))
	case http.StatusNotFound:
		return slices.Contains(expiredCodes, strings.ToLower(e.code))
	}
	return false
}

func (c call) expired(err error) error {
	return &engine.Error{
		Category: engine.InvalidState, ID: "DeltaLinkExpired", Object: c.object, Err: err,
		Message: "Microsoft Graph no longer knows from where on the changes were asked for.",
		Advice:  "Run an Initial synchronization; links last for 7 days.",
	}
}
