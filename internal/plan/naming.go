package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/expression"
)

// AttrContainer is what Cloud Sync's mappings call the container of an object. Active
// Directory has no such attribute.
const AttrContainer = "parentDistinguishedName"

// namingAttributes are the names and the place of an object, for which an entry of the
// mapping may give an expression. They are rows of the [Mapping] that are neither
// attributes to write nor to compare: [Mapping.Naming] has them.
var namingAttributes = []string{directory.AttrCN, directory.AttrSAMAccountName, AttrContainer}

// NamingAttribute returns the usual spelling of a name or place, and whether the attribute
// is one.
func NamingAttribute(name string) (spelling string, ok bool) {
	i := slices.IndexFunc(namingAttributes, func(n string) bool { return strings.EqualFold(n, name) })
	if i < 0 {
		return name, false
	}
	return namingAttributes[i], true
}

// names reports whether the row is about a name or a place.
func (row *Row) names() bool { return slices.Contains(namingAttributes, row.Attribute) }

// Naming has the rows for names and places; nil where nothing is set.
type Naming struct{ CN, SAMAccountName, Container *Row }

// Naming returns the rows for names and places.
func (m Mapping) Naming() Naming {
	return Naming{CN: m.row(directory.AttrCN), SAMAccountName: m.row(directory.AttrSAMAccountName), Container: m.row(AttrContainer)}
}

// Container is a container for groups: its objectGUID, its present DN, and the DN by which
// the mapping or a filter names it, which stays when it is renamed.
type Container struct {
	GUID     directory.GUID
	DN, Name directory.DN
}

// ContainerFilter sends the groups for which the filter holds to a container.
type ContainerFilter struct {
	Filter    *Filter
	Container directory.DN
}

// Containers returns the containers that the row's expression names, as it spells them:
// its texts that are distinguished names.
func (row *Row) Containers() []string {
	texts := row.compiled.Texts()
	if row.Default != "" {
		texts = append(texts, row.Default)
	}
	texts = slices.DeleteFunc(texts, func(text string) bool {
		dn, err := directory.ParseDN(text)
		return err != nil || len(dn) < 2
	})
	slices.Sort(texts)
	return slices.Compact(texts)
}

// placement is where a group belongs; to is nil if that cannot be said, and then reason
// and problem say why.
type placement struct {
	to      *Container
	stays   bool // an object that exists stays where it is
	reason  Reason
	problem string
}

// placeOf returns where the group belongs. Without a value, that is the first container.
func (r *Rules) placeOf(g *directory.SourceGroup) placement {
	if row := r.Naming.Container; row != nil {
		values, flows, err := row.values(g, r)
		switch {
		case err != nil:
			return placement{reason: ReasonMappingFailed, problem: AttrContainer + ": The expression fails for this group " + err.Error() + "."}
		case len(values) > 0:
			dn, _ := directory.ParseDN(values[0]) // what is no DN is no container either
			to := r.find(dn, values[0])
			to.stays = row.Apply == ApplyOnlyAtCreation
			return to
		case !flows:
			return placement{to: &r.Containers[0], stays: true}
		}
	}
	for i := range r.ContainerFilters {
		if f := &r.ContainerFilters[i]; f.Filter.Holds(g) {
			return r.find(f.Container, f.Container.String())
		}
	}
	return placement{to: &r.Containers[0]}
}

// find returns the configured container with that DN, which text spells. Only these are
// checked, so nobody who may edit a group chooses another one.
func (r *Rules) find(dn directory.DN, text string) placement {
	// The name that it was given comes first: another container may have its DN by now.
	for i := len(r.Containers) - 1; i >= 0; i-- {
		if c := &r.Containers[i]; dn.Equal(c.Name) {
			return placement{to: c}
		}
	}
	for i := range r.Containers {
		if c := &r.Containers[i]; dn.Equal(c.DN) {
			return placement{to: c}
		}
	}
	return placement{reason: ReasonContainerUnknown, problem: fmt.Sprintf(
		"The mapping of %s gives %q, which is not among the containers that it names as a whole.", AttrContainer, clip(text))}
}

// values returns what the row's expression or its default value gives. flows is false if
// all stays as it is.
func (row *Row) values(g *directory.SourceGroup, r *Rules) (values []string, flows bool, err error) {
	result, err := row.evaluate(g, r)
	switch {
	case err != nil:
		return nil, false, err
	case result.Outcome == expression.Unread:
		return nil, false, errors.New("because the property " + result.Attribute + " could not be read")
	case result.Outcome == expression.Absent && row.Default != "":
		return []string{row.Default}, true, nil
	}
	return result.Values, result.Outcome != expression.NoFlow, nil
}

// cn returns the common name that the object will have.
func (s *subject) cn() string {
	if row := s.rules.Naming.CN; row != nil {
		if !s.creating {
			return s.object.CN
		}
		if cn := s.named(row); cn != "" {
			return readable(cn, maxCN)
		}
	}
	return CN(s.group, s.rules.CNFromDisplayName)
}

// samAccountName returns the pre-Windows 2000 name for a new object.
func (s *subject) samAccountName() string {
	if row := s.rules.Naming.SAMAccountName; row != nil {
		if name := accountName(s.named(row), maxSAM); name != "" {
			return name
		}
	}
	return SAMAccountName(s.group, s.rules.SAMFromDisplayName)
}

// named returns the name that the expression gives, or "" if it gives none, or fails.
func (s *subject) named(row *Row) string {
	values, _, err := row.values(s.group, s.rules)
	if err != nil || len(values) == 0 {
		return ""
	}
	return text(values[0], row.Max)
}

// unnamed says why a new object would have no name or no place, or returns nil. The group
// is then not created: a name stays, so it must not be one that nobody has chosen.
func (s *subject) unnamed(p *Pair) *Change {
	if s.place.to == nil {
		return s.unplaced(p, nil)
	}
	for _, row := range []*Row{s.rules.Naming.CN, s.rules.Naming.SAMAccountName} {
		if row == nil {
			continue
		}
		if _, _, err := row.values(s.group, s.rules); err != nil {
			c := skip(p, nil, ReasonMappingFailed, row.Attribute+": The expression fails for this group "+err.Error()+". The group is not created without its name.")
			return &c
		}
	}
	return nil
}

// unplaced returns the skip of a group that belongs nowhere, or nil.
func (s *subject) unplaced(p *Pair, c *Candidate) *Change {
	if s.place.to != nil {
		return nil
	}
	message := s.place.problem + " The group stays where it is."
	if c == nil {
		message = s.place.problem + " The group is not created."
	}
	change := skip(p, c, s.place.reason, message)
	return &change
}

// newDN returns the DN of a new object. Without a place it is in the first container.
func (s *subject) newDN(cn string) directory.DN {
	in := s.rules.Containers[0].DN
	if s.place.to != nil {
		in = s.place.to.DN
	}
	return append(directory.DN{{Type: "CN", Value: cn}}, in...)
}

// moves says why the object has to be moved to where the group belongs, or returns "". An
// object that an administrator moved stays, unless the settings move it back: it is not
// where the state last saw it in its place. After a lost state that holds of every object
// that is elsewhere.
func (s *subject) moves(c *Candidate) (Reason, string) {
	r, to := s.rules, s.place.to
	switch {
	case s.adopted, to == nil:
	case c.LeftBehind():
		return ReasonContainerChanged, "The target container was changed. The object is moved to " + to.DN.String() + "."
	case c.Place != InContainer && r.MoveBack:
		return ReasonMovedBack, "The object had been moved out of the target container. It is moved to " + to.DN.String() + "."
	case c.Place != InContainer, c.Container.IsZero(), c.Container == to.GUID, s.place.stays:
	case c.Placed == c.Container:
		return ReasonContainerChanged, "The group belongs in another container now. The object is moved to " + to.DN.String() + "."
	case r.MoveBack:
		return ReasonMovedBack, "The object had been moved to another container. It is moved to " + to.DN.String() + "."
	}
	return "", ""
}

// LeftBehind reports whether the object is in a former container and no administrator has
// moved it there since.
func (c *Candidate) LeftBehind() bool {
	return c.Place == InFormerContainer && (c.Placed.IsZero() || c.Placed == c.Container)
}

// InPlace reports whether the object that stands for the group is in the container where
// the group belongs, but the state does not know yet that it has been there.
func InPlace(p *Pair, c *Candidate, r *Rules) bool {
	if c.Place != InContainer || c.Placed == c.Container || p.Source == nil || len(r.Containers) == 1 && c.Placed.IsZero() {
		return false
	}
	place := r.placeOf(p.Source)
	return place.to != nil && (place.to.GUID == c.Container || place.stays)
}

// Named returns the value that the object, which may be nil, has of a name or its place.
func (c *Candidate) Named(attribute string) []string {
	switch {
	case c == nil:
		return nil
	case attribute != AttrContainer:
		return c.Attribute(attribute)
	}
	dn, err := directory.ParseDN(c.DN)
	if err != nil {
		return nil
	}
	return []string{dn.Parent().String()}
}

// TryName returns what the object, or a new one if it is nil, would have as a name or its
// place after the next run, and what there is to say about it. names is false if the
// attribute is none of these.
func TryName(g *directory.SourceGroup, object *Candidate, r *Rules, attribute string) (then, notes []string, names bool) {
	if _, names = NamingAttribute(attribute); !names {
		return nil, nil, false
	}
	p := &Pair{ID: g.ID, Source: g}
	s := subjectOf(p, object, r)
	if object != nil && attribute != AttrContainer {
		return object.Named(attribute), []string{"It is written only at creation."}, true
	}
	switch problem := s.unnamed(p); {
	case problem != nil && (object == nil || s.place.to == nil):
		return object.Named(attribute), []string{problem.Message}, true
	case attribute == directory.AttrCN:
		return []string{s.cn()}, nil, true
	case attribute == directory.AttrSAMAccountName:
		return []string{s.samAccountName()}, nil, true
	case object == nil:
		return []string{s.place.to.DN.String()}, nil, true
	}
	reason, message := s.moves(object)
	switch {
	case reason != "":
		return []string{s.place.to.DN.String()}, []string{message}, true
	case s.adopted:
		notes = []string{"An adopted object is never moved."}
	case s.place.stays:
		notes = []string{"An object that exists stays where it is."}
	case object.Container != s.place.to.GUID:
		notes = []string{"The group belongs in " + s.place.to.DN.String() + ", but an administrator moved the object, or the state was lost. It stays unless -MovedGroup is MoveBack."}
	}
	return object.Named(attribute), notes, true
}
