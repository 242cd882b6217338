package plan

import (
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"groupwriteback/internal/directory"
)

// places returns rules with three containers, the second of them within the first, and
// an expression that sends groups to them by their description.
func places(t testing.TB, entries ...Entry) *Rules {
	t.Helper()
	r := rules()
	for i, dn := range []string{"OU=Sales,OU=Groups,DC=contoso,DC=test", "OU=Public,DC=contoso,DC=test"} {
		parsed, err := directory.ParseDN(dn)
		if err != nil {
			t.Fatal(err)
		}
		r.Containers = append(r.Containers, Container{GUID: member(byte(200 + i)), DN: parsed, Name: parsed})
	}
	mapping, err := Standard.With(entries)
	if err != nil {
		t.Fatal(err)
	}
	r.Mapping, r.Naming = mapping.Compile(nil, true), mapping.Naming()
	return r
}

var byDescription = Entry{Attribute: "parentdistinguishedname", Expression: `Switch([description], "OU=Groups,DC=contoso,DC=test", "Sales", "ou=sales, OU=Groups,DC=contoso,DC=test", "Public", "OU=Public,DC=contoso,DC=test", "Nowhere", Append("OU=No,", "DC=test"))`}

func described(description string) *directory.SourceGroup {
	return &directory.SourceGroup{ID: groupID, Properties: directory.Values{"displayName": {"Sales"}, "description": {description}}}
}

// object returns an object that was written for the group and is in the container with
// that number, where the state last saw it in the other one; -1 is none.
func objectIn(s *directory.SourceGroup, r *Rules, in, placed int) Candidate {
	fresh := s.Properties
	s.Properties = s.Properties.With("description")
	c := written(s, r, member(9)) // wherever it belongs
	s.Properties = fresh
	if err := c.SetAttribute("description", s.Properties["description"]); err != nil {
		panic(err)
	}
	at := func(n int) (guid directory.GUID) {
		if n >= 0 {
			guid = r.Containers[n].GUID
		}
		return guid
	}
	c.Place, c.Container, c.Placed = InContainer, at(in), at(placed)
	if in < 0 {
		c.Place = Elsewhere
	}
	return c
}

func TestPlacement(t *testing.T) {
	for name, test := range map[string]struct {
		description      string
		in, placed, says int // the number of a container, or -1 for none
		back             bool
		reason           Reason
	}{
		"where it belongs":                       {"Sales", 1, 1, -1, false, ""},
		"belongs elsewhere now":                  {"Public", 1, 1, 2, false, ReasonContainerChanged},
		"belongs in the first again":             {"none of these", 1, 1, 0, false, ReasonContainerChanged},
		"an administrator moved it":              {"Sales", 2, 1, -1, false, ""},
		"and it belongs elsewhere now":           {"none of these", 2, 1, -1, false, ""},
		"an administrator moved it, and back":    {"Sales", 2, 1, 1, true, ReasonMovedBack},
		"moved out of all":                       {"Sales", -1, 1, -1, false, ""},
		"moved out of all, and back":             {"Sales", -1, 1, 1, true, ReasonMovedBack},
		"a lost state":                           {"Sales", 0, -1, -1, false, ""},
		"a container that is not configured":     {"Nowhere", 0, 0, -1, false, ReasonContainerUnknown},
		"not configured, and moved out":          {"Nowhere", -1, 0, -1, true, ReasonContainerUnknown},
		"where it belongs, but not by the state": {"Sales", 1, 0, -1, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := places(t, byDescription)
			r.MoveBack = test.back
			s := described(test.description)
			changes := Group(&Pair{ID: groupID, Source: s, Candidates: []Candidate{objectIn(s, r, test.in, test.placed)}}, r)
			switch {
			case test.reason == "":
				if len(changes) > 0 {
					t.Errorf("%v", changes)
				}
			case len(changes) != 1 || changes[0].Reason != test.reason:
				t.Errorf("%v", changes)
			case test.says >= 0 && (changes[0].Action != Move || changes[0].Container != r.Containers[test.says].GUID):
				t.Errorf("%v", changes)
			case test.says < 0 && changes[0].Action != Skip:
				t.Errorf("%v", changes)
			}
		})
	}
}

func TestAnAdoptedObjectIsNeverMoved(t *testing.T) {
	r := places(t, byDescription)
	s := described("Public")
	c := objectIn(s, r, 0, 0)
	c.Adopted, c.ExtensionName = true, append(c.ExtensionName, directory.AdoptedStamp(tenant))
	if changes := Group(&Pair{ID: groupID, Source: s, Candidates: []Candidate{c}}, r); len(changes) > 0 {
		t.Errorf("%v", changes)
	}
}

func TestPlacementByFilters(t *testing.T) {
	r := places(t)
	for i, text := range []string{"description -like 'S*'", "description -like '*c'"} {
		filter, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		r.ContainerFilters = append(r.ContainerFilters, ContainerFilter{filter, r.Containers[i+1].DN})
	}
	for description, in := range map[string]int{"Sales": 1, "Sonic": 1, "Public": 2, "": 0} {
		c := created(described(description), r)
		if c.Container != r.Containers[in].GUID || !strings.HasSuffix(c.DN, ","+r.Containers[in].DN.String()) {
			t.Errorf("%q: %s", description, c.DN)
		}
	}
}

// TestNewGroupsWithoutAPlaceOrName checks that a group of which it cannot be said where it
// belongs, or what it is called, is not created.
func TestNewGroupsWithoutAPlaceOrName(t *testing.T) {
	fails := `IIF([description] = "Nowhere", Error("no name"), [displayName])`
	for reason, entry := range map[Reason]Entry{
		ReasonContainerUnknown: byDescription,
		ReasonMappingFailed:    {Attribute: "CN", Expression: fails},
	} {
		for description, action := range map[string]Action{"Nowhere": Skip, "Sales": Create} {
			c := created(described(description), places(t, entry))
			if c.Action != action || action == Skip && c.Reason != reason {
				t.Errorf("%s of %s: %v", entry.Attribute, description, c)
			}
		}
	}
	if c := created(described("Nowhere"), places(t, Entry{Attribute: "sAMAccountName", Expression: fails})); c.Action != Skip || c.Reason != ReasonMappingFailed {
		t.Errorf("%v", c)
	}
}

func TestNoFlowLeavesAnObjectWhereItIs(t *testing.T) {
	r := places(t, Entry{Attribute: AttrContainer, Expression: `IIF(IsNullOrEmpty([theme]), IgnoreFlowIfNullOrEmpty(""), "OU=Public,DC=contoso,DC=test")`})
	s := described("")
	if changes := Group(&Pair{ID: groupID, Source: s, Candidates: []Candidate{objectIn(s, r, 1, 1)}}, r); len(changes) > 0 {
		t.Errorf("%v", changes)
	}
	if c := created(s, r); c.Container != r.Containers[0].GUID {
		t.Errorf("%v", c)
	}
	once := byDescription
	once.Apply = ApplyOnlyAtCreation
	r = places(t, once)
	s = described("Public")
	if c := created(s, r); c.Container != r.Containers[2].GUID {
		t.Errorf("%v", c)
	}
	if changes := Group(&Pair{ID: groupID, Source: s, Candidates: []Candidate{objectIn(s, r, 1, 1)}}, r); len(changes) > 0 {
		t.Errorf("%v", changes)
	}
}

// TestNamesByExpressions checks that the rules for names hold whatever an expression
// makes of whatever a user writes.
func TestNamesByExpressions(t *testing.T) {
	r := places(t, Entry{Attribute: "cn", Expression: "[displayName]"}, Entry{Attribute: "samAccountName", Expression: `Left([displayName], 20)`})
	rapid.Check(t, func(rt *rapid.T) {
		s := &directory.SourceGroup{ID: groupID, Properties: directory.Values{"displayName": {rapid.String().Draw(rt, "name")}}}
		c := created(s, r)
		cn, sam := NewName(&c, directory.AttrCN), NewName(&c, directory.AttrSAMAccountName)
		if n := len(utf16.Encode([]rune(cn))); n == 0 || n > maxCN || cn != directory.Clean(cn) {
			rt.Fatalf("cn %q", cn)
		}
		if n := len(utf16.Encode([]rune(sam))); n == 0 || n > maxSAM || sam != directory.Clean(sam) || strings.ContainsAny(sam, `"/\[]:|<>+=;?,*@`) || strings.HasSuffix(sam, ".") {
			rt.Fatalf("sAMAccountName %q", sam)
		}
		if _, err := directory.ParseDN(c.DN); err != nil {
			rt.Fatalf("%s: %v", c.DN, err)
		}
	})
	named := created(described("Straße"), places(t, Entry{Attribute: "cn", Expression: `Append("Grüße aus ", [description])`}))
	if cn := NewName(&named, directory.AttrCN); cn != "Grüße aus Straße" {
		t.Errorf("cn %q", cn)
	}
	for description, want := range map[string]string{"": directory.Mark(groupID), " . ": directory.Mark(groupID), "a/b": "a_b"} {
		c := created(described(description), places(t, Entry{Attribute: "sAMAccountName", Expression: "[description]"}))
		if sam := NewName(&c, directory.AttrSAMAccountName); sam != want {
			t.Errorf("sAMAccountName of %q: %q", description, sam)
		}
	}
}

func TestANameStays(t *testing.T) {
	r := places(t, Entry{Attribute: "cn", Expression: "[displayName]"})
	s := source()
	c := objectIn(s, r, 0, 0)
	s.Properties = s.Properties.With("displayName", "Renamed")
	changes := Group(&Pair{ID: groupID, Source: s, Candidates: []Candidate{c}}, r)
	if len(changes) != 1 || NewName(&changes[0], directory.AttrCN) != "" {
		t.Errorf("%v", changes)
	}
}

func TestNamesOfTwoContainers(t *testing.T) {
	var names Names
	give := func(id, container byte) []Change {
		c := Change{Action: Create, SourceID: member(id), Container: member(container), Attributes: []AttributeChange{{Name: directory.AttrCN, New: []string{"Same"}}}}
		return names.Take(c, nil, nil)
	}
	if a, b := give(1, 200), give(2, 201); a[0].Action != Create || b[0].Action != Create {
		t.Errorf("%v %v", a, b)
	}
	if c := give(3, 200); c[0].Reason != ReasonNameClash {
		t.Errorf("%v", c)
	}
}

// TestAMoveThatFindsItsNameTaken checks that the attributes are written all the same.
func TestAMoveThatFindsItsNameTaken(t *testing.T) {
	r := places(t, byDescription)
	s := described("Public")
	c := objectIn(described("Sales"), r, 1, 1)
	changes := Group(&Pair{ID: groupID, Source: s, Candidates: []Candidate{c}}, r)
	if len(changes) != 1 || changes[0].Action != Move {
		t.Fatal(changes)
	}
	var names Names
	taken := names.Take(changes[0], &Holder{GUID: member(77), DN: "CN=other"}, nil)
	if len(taken) != 2 || taken[0].Reason != ReasonNameClash || !strings.Contains(taken[0].Message, directory.Mark(groupID)) || taken[1].Action != Update || len(taken[1].Attributes) != 1 {
		t.Errorf("%v", taken)
	}
}

// TestANameComesBeforeADN checks that a container which got the DN that another one had is
// not taken for it.
func TestANameComesBeforeADN(t *testing.T) {
	r := places(t, byDescription)
	r.Containers[1].DN, r.Containers[2].DN = r.Containers[2].DN, append(directory.DN{{Type: "OU", Value: "Old"}}, r.BaseDN...)
	for description, in := range map[string]int{"Sales": 1, "Public": 2, "": 0} {
		if p := r.placeOf(described(description)); p.to == nil || p.to.GUID != r.Containers[in].GUID {
			t.Errorf("%s: %+v", description, p)
		}
	}
}
