package graph

import (
	"context"
	"errors"
	"slices"
	"strings"

	abs "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/plan"
)

// groupReaders and userReaders name, for messages, the permissions that allow reading
// groups and users; one of each is enough.
const (
	groupReaders = "GroupMember.Read.All, Group.Read.All or Directory.Read.All"
	userReaders  = "User.Read.All or Directory.Read.All"
)

// The filters that find the kinds of groups. They are used one after the other, because
// Graph does not document whether such terms can be joined by "or" without the advanced
// query capabilities, whose index lags behind. For the same reason, groups synced from
// on-premises are filtered out here and not by Graph.
const (
	unifiedFilter  = "groupTypes/any(c:c eq 'Unified')"
	securityFilter = "mailEnabled eq false and securityEnabled eq true"
)

// groupsAt returns where to read the groups of a selection, and which properties.
// writebackConfiguration exists only below /beta.
func (s *source) groupsAt(selection contract.SourceSelection) (v version, properties []string) {
	if selection.WritebackConfiguration {
		return s.beta, append(s.wholeGroups(), "writebackConfiguration")
	}
	return s.v1, s.wholeGroups()
}

// groupsWhere returns a function that returns the request for the groups that match a
// filter. A top of 0 leaves the size of a page to Graph.
func (s *source) groupsWhere(ctx context.Context, v version, properties []string, top int32) func(filter string) (*abs.RequestInformation, error) {
	return func(filter string) (*abs.RequestInformation, error) {
		query := &groups.GroupsRequestBuilderGetQueryParameters{Filter: &filter, Select: properties}
		if top > 0 {
			query.Top = &top
		}
		return v.at(s.groups().ToGetRequestInformation(ctx, &groups.GroupsRequestBuilderGetRequestConfiguration{QueryParameters: query}))
	}
}

// wholeGroups returns the properties of a wholeGroup.
func (s *source) wholeGroups() []string {
	names := slices.Clone(groupProperties)
	for _, name := range s.properties() {
		if name != plan.PropertyOwners && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Groups implements [contract.Source].
func (s *source) Groups(ctx context.Context, selection contract.SourceSelection, page func([]directory.SourceGroup) error) error {
	v, properties := s.groupsAt(selection)
	read := call{doing: "listing the groups", object: string(v) + "/groups", permission: groupReaders}
	where := s.groupsWhere(ctx, v, properties, pageSize)
	kinds := map[directory.GroupKind]string{directory.UnifiedGroup: unifiedFilter}
	order := []directory.GroupKind{directory.UnifiedGroup}
	if selection.SecurityGroups {
		kinds[directory.SecurityGroup] = securityFilter
		order = append(order, directory.SecurityGroup)
	}
	for _, kind := range order {
		first, err := where(kinds[kind])
		if err != nil {
			return read.failed(err)
		}
		_, err = list(ctx, s, read, first, func(items []*wholeGroup, _ bool) error {
			out := make([]directory.SourceGroup, 0, len(items))
			for _, item := range items {
				group, wanted, err := item.source(selection, s.properties())
				if err != nil {
					return read.incomplete("a group cannot be read", cause(err))
				}
				if wanted && group.Kind == kind { // a Microsoft 365 group may also be a security group
					out = append(out, group)
				}
			}
			return page(out)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// GroupsByID implements [contract.Source].
func (s *source) GroupsByID(ctx context.Context, selection contract.SourceSelection, ids []directory.GUID) ([]directory.SourceGroup, error) {
	v, properties := s.groupsAt(selection)
	read := call{doing: "reading the groups", object: string(v) + "/groups", permission: groupReaders}
	var groups []directory.SourceGroup
	err := byID(ctx, s, read, v, s.groupsWhere(ctx, v, properties, 0), ids, func(item *wholeGroup) error {
		group, wanted, err := item.source(selection, s.properties())
		if err != nil {
			return read.incomplete("a group cannot be read", cause(err))
		}
		if wanted {
			groups = append(groups, group)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// GroupNatures implements [contract.Source].
func (s *source) GroupNatures(ctx context.Context, ids []directory.GUID) (map[directory.GUID]contract.NamedNature, error) {
	read := call{doing: "reading the kinds of the groups", object: string(s.v1) + "/groups", permission: groupReaders}
	natures := make(map[directory.GUID]contract.NamedNature, len(ids))
	err := byID(ctx, s, read, s.v1, s.groupsWhere(ctx, s.v1, groupProperties, 0), ids, func(item *groupEntity) error {
		if err := item.check(); err != nil {
			return read.incomplete("a group cannot be read", cause(err))
		}
		natures[item.ID] = contract.NamedNature{Name: item.DisplayName.or(""), Nature: item.nature()}
		return nil
	})
	return natures, err
}

// maxFound is how many groups a search by name returns.
const maxFound = 20

var errEnough = errors.New("enough was found")

// quoted returns the text as an OData literal.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// FindGroups implements [contract.Source]. Graph ignores case when it compares, but not
// leading and trailing blanks, so FindGroups also tries the name with one blank at
// either end and at both.
func (s *source) FindGroups(ctx context.Context, text string) ([]directory.GUID, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	read := call{doing: "finding the group", object: clean(text), permission: groupReaders}
	name := strings.TrimSpace(text)
	conditions := []string{"mail eq " + quoted(name)}
	for _, written := range []string{name, name + " ", " " + name, " " + name + " "} {
		conditions = append(conditions, "displayName eq "+quoted(written))
	}
	if !strings.Contains(" "+name+" ", text) { // other blanks than those tried above
		conditions = append(conditions, "displayName eq "+quoted(text))
	}
	first, err := s.groupsWhere(ctx, s.v1, []string{"id"}, maxFound)(strings.Join(conditions, " or "))
	if err != nil {
		return nil, read.failed(err)
	}
	var found []directory.GUID
	_, err = list(ctx, s, read, first, func(items []*groupEntity, _ bool) error {
		for _, item := range items {
			if err := item.check(); err != nil {
				return read.incomplete("a group cannot be read", cause(err))
			}
			if len(found) == maxFound {
				return errEnough
			}
			found = append(found, item.ID)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return found, nil
}
