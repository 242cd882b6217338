package graph

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"golang.org/x/sync/errgroup"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

var memberProperties = []string{
	"id", "displayName", "userPrincipalName", "userType",
	"onPremisesSyncEnabled", "onPremisesSecurityIdentifier", "onPremisesImmutableId",
}

// Members implements [contract.Source]. It holds one page in memory for each reader.
func (s *source) Members(ctx context.Context, ids []directory.GUID, page func(contract.MemberPage) error) error {
	var (
		one     sync.Mutex
		refused error // the consumer's error, which ends the reading
	)
	deliver := func(p contract.MemberPage) error {
		one.Lock()
		defer one.Unlock()
		if refused == nil {
			refused = page(p)
		}
		return refused
	}
	work, reading := errgroup.WithContext(ctx)
	work.SetLimit(maxReaders) // the window of the gate sets the actual limit
	for _, id := range ids {
		if reading.Err() != nil {
			break
		}
		work.Go(func() error {
			err := s.membersOf(reading, id, deliver)
			if err == nil || endsReading(err) {
				return err
			}
			return deliver(contract.MemberPage{Group: id, Err: err})
		})
	}
	err := work.Wait()
	if refused != nil {
		return refused
	}
	if err == nil {
		err = ctx.Err() // some groups were not started
	}
	return call{doing: "reading the members of the groups", object: s.base}.failed(err)
}

// endsReading reports whether the error would affect every group, not only this one.
func endsReading(err error) bool {
	var e *contract.Error
	if !errors.As(err, &e) {
		return true // the consumer's own error
	}
	switch e.Category {
	case contract.Authentication, contract.Connection, contract.Stopped, contract.ResourceBusy:
		return true
	}
	return e.ID == "SignInTenantMismatch"
}

func (s *source) membersOf(ctx context.Context, id directory.GUID, page func(contract.MemberPage) error) error {
	read := call{
		doing: "reading the members of the group", object: id.String(),
		permission: groupReaders,
		collection: s.base + "/groups/" + id.String() + "/members",
	}
	top := pageSize
	query := &groups.ItemMembersRequestBuilderGetRequestConfiguration{
		QueryParameters: &groups.ItemMembersRequestBuilderGetQueryParameters{Select: memberProperties, Top: &top},
	}
	return walk(read,
		func(link string) (collection[models.DirectoryObjectable], error) {
			builder := s.groups().ByGroupId(id.String()).Members()
			if link != "" {
				builder, query = groups.NewItemMembersRequestBuilder(link, s.adapter), nil
			}
			answer, err := builder.Get(ctx, query)
			if answer == nil {
				return nil, err
			}
			return answer, err
		},
		func(items []models.DirectoryObjectable, last bool) error {
			out := make([]directory.SourceMember, len(items))
			for i, item := range items {
				var err error
				if out[i], err = sourceMember(item); err != nil {
					return read.incomplete("a member cannot be read", err)
				}
			}
			return page(contract.MemberPage{Group: id, Members: out, Last: last})
		})
}

// sourceMember converts a member. If the application lacks the permission for a type,
// Graph returns only type and id, and null for everything else. Every user has a user
// principal name and every group has a display name, so a member without one is not
// readable. Neither is a member without a type.
func sourceMember(item models.DirectoryObjectable) (directory.SourceMember, error) {
	if item == nil {
		return directory.SourceMember{}, fmt.Errorf("it is null")
	}
	id, err := directory.ParseGUID(text(item.GetId()))
	if err != nil {
		return directory.SourceMember{}, err
	}
	member := directory.SourceMember{ID: id, Kind: directory.KindUser}
	var synced *bool
	var sid *string
	switch it := item.(type) {
	case models.Userable:
		upn := text(it.GetUserPrincipalName())
		member.Readable = upn != ""
		member.Name = upn
		member.Guest = isGuest(text(it.GetUserType()))
		member.ImmutableID = text(it.GetOnPremisesImmutableId())
		synced, sid = it.GetOnPremisesSyncEnabled(), it.GetOnPremisesSecurityIdentifier()
	case models.Groupable:
		member.Kind = directory.KindGroup
		member.Name = text(it.GetDisplayName())
		member.Readable = member.Name != ""
		synced, sid = it.GetOnPremisesSyncEnabled(), it.GetOnPremisesSecurityIdentifier()
	default:
		if member.Kind = memberKind(text(item.GetOdataType())); member.Kind == directory.KindOther {
			member.Readable, member.Name = true, displayName(item)
		}
	}
	member.Synced = synced != nil && *synced
	member.SetSID(text(sid))
	return member, nil
}

// displayName returns the name of an object of any type. The SDK keeps properties that
// it does not know in the additional data.
func displayName(item models.DirectoryObjectable) string {
	if named, ok := item.(interface{ GetDisplayName() *string }); ok {
		return text(named.GetDisplayName())
	}
	name, _ := item.GetAdditionalData()["displayName"].(*string)
	return text(name)
}
