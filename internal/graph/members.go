package graph

import (
	"context"
	"errors"
	"sync"

	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"golang.org/x/sync/errgroup"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

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
	return call{doing: "reading the members of the groups", object: string(s.v1)}.failed(err)
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
	read := call{doing: "reading the members of the group", object: id.String(), permission: groupReaders}
	top := pageSize
	first, err := s.v1.at(s.groups().ByGroupId(id.String()).Members().ToGetRequestInformation(ctx,
		&groups.ItemMembersRequestBuilderGetRequestConfiguration{
			QueryParameters: &groups.ItemMembersRequestBuilderGetQueryParameters{Select: memberProperties, Top: &top},
		}))
	if err != nil {
		return read.failed(err)
	}
	_, err = list(ctx, s, read, first, func(items []*memberEntity, last bool) error {
		out := make([]directory.SourceMember, len(items))
		for i, item := range items {
			if err := item.check(); err != nil {
				return read.incomplete("a member cannot be read", cause(err))
			}
			out[i] = item.member()
		}
		return page(contract.MemberPage{Group: id, Members: out, Last: last})
	})
	return err
}
