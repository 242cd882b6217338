package graph

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
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
func (s *source) groupsAt(selection contract.SourceSelection) (root string, properties []string) {
	if selection.WritebackConfiguration {
		return s.beta, append(s.wholeGroups(), "writebackConfiguration")
	}
	return s.base, s.wholeGroups()
}

// wholeGroups returns the properties of a wholeGroup.
func (s *source) wholeGroups() []string {
	names := slices.Clone(groupProperties)
	for _, name := range s.properties {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Groups implements [contract.Source].
func (s *source) Groups(ctx context.Context, selection contract.SourceSelection, page func([]directory.SourceGroup) error) error {
	root, properties := s.groupsAt(selection)
	read := call{doing: "listing the groups", object: root + "/groups", permission: groupReaders}
	kinds := map[directory.GroupKind]string{directory.UnifiedGroup: unifiedFilter}
	order := []directory.GroupKind{directory.UnifiedGroup}
	if selection.SecurityGroups {
		kinds[directory.SecurityGroup] = securityFilter
		order = append(order, directory.SecurityGroup)
	}
	for _, kind := range order {
		first := address(root+"/groups", "$filter", kinds[kind], "$select", strings.Join(properties, ","), "$top", strconv.Itoa(int(pageSize)))
		_, err := list(ctx, s, read, first, func(items []*wholeGroup) error {
			out := make([]directory.SourceGroup, 0, len(items))
			for _, item := range items {
				group, wanted, err := item.source(selection, s.properties)
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
	root, properties := s.groupsAt(selection)
	read := call{doing: "reading the groups", object: root + "/groups", permission: groupReaders}
	var groups []directory.SourceGroup
	err := byID(ctx, s, read, root, "/groups", properties, ids, func(item *wholeGroup) error {
		group, wanted, err := item.source(selection, s.properties)
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
	read := call{doing: "reading the kinds of the groups", object: s.base + "/groups", permission: groupReaders}
	natures := make(map[directory.GUID]contract.NamedNature, len(ids))
	err := byID(ctx, s, read, s.base, "/groups", groupProperties, ids, func(item *groupEntity) error {
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
	first := address(s.base+"/groups", "$filter", strings.Join(conditions, " or "), "$select", "id", "$top", strconv.Itoa(maxFound))
	var found []directory.GUID
	_, err := list(ctx, s, read, first, func(items []*groupEntity) error {
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
