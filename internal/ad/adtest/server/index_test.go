package server

import (
	"maps"
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestIndexes: whatever was changed before, a search that uses an index finds the same
// as one that looks at everything, in the same order.
func TestIndexes(t *testing.T) {
	searches, led := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		s, err := Start(Options{Report: rt.Errorf, LinkLimit: 2})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		e := editor{T: rt, s: s, c: s.dial(t, Administrator, AdministratorPassword), installed: len(s.domain.objects)}
		defer func() { _ = e.c.Close() }()
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 12).Draw(rt, "edits") {
				s.mu.RLock()
				change := e.edit()
				s.mu.RUnlock()
				if err := change(); ldap.IsErrorWithCode(err, ldap.ErrorNetwork) {
					rt.Fatal(err)
				}
			}
			s.mu.RLock()
			s.domain.consistent(rt)
			for range 8 {
				text := e.filter(rapid.IntRange(0, 3).Draw(rt, "depth"))
				request, err := ldap.CompileFilter(text)
				if err != nil {
					rt.Fatalf("%s: %v", text, err)
				}
				f := s.domain.compile(ber.DecodePacket(request.Bytes()))
				base := e.object()
				scope := rapid.SampledFrom([]int64{ldap.ScopeBaseObject, ldap.ScopeSingleLevel, ldap.ScopeWholeSubtree, ldap.ScopeWholeSubtree}).Draw(rt, "scope")
				if rapid.Bool().Draw(rt, "whole domain") {
					base, scope = s.domain.head, ldap.ScopeWholeSubtree
				}
				who := s.domain.tokenOf(s.domain.account(rapid.SampledFrom([]string{Administrator, Service, Deleted, NoRights}).Draw(rt, "account")))
				deleted := rapid.Bool().Draw(rt, "deleted")
				last := int64(0)
				if rapid.Bool().Draw(rt, "a later page") {
					last = e.object().tag
				}
				want := s.domain.scan(base, scope, f, who, deleted, last)
				have := slices.Collect(s.domain.matching(base, scope, f, who, deleted, last))
				if diff := cmp.Diff(names(want), names(have)); diff != "" {
					rt.Fatalf("%s below %s, scope %d: %s", text, base.dn(), scope, diff)
				}
				searches++
				if f.among != nil && f.among.size < s.domain.scope(base, scope).size && len(have) > 0 {
					led++
				}
			}
			s.mu.RUnlock()
		}
	})
	if !t.Failed() && searches > 1000 && led*50 < searches {
		t.Errorf("only %d of %d searches found something by an index", led, searches)
	}
}

func names(objects []*object) []string {
	list := make([]string, len(objects))
	for i, o := range objects {
		list[i] = o.dn()
	}
	return list
}

// everything finds all objects through the tree alone.
func (d *domain) everything() []*object {
	list := slices.Collect(d.head.tree)
	slices.SortFunc(list, func(a, b *object) int { return int(a.tag - b.tag) })
	return list
}

// scan is a search that looks at everything.
func (d *domain) scan(base *object, scope int64, f filter, t token, deleted bool, last int64) (found []*object) {
	for _, o := range d.everything() {
		inScope := o == base
		switch scope {
		case ldap.ScopeSingleLevel:
			inScope = o.parent == base && !o.partition
		case ldap.ScopeWholeSubtree:
			inScope = o.within(base) && o.context() == base.context()
		}
		if o.tag > last && inScope && (deleted || !o.deleted) && t.sees(o) && f.match(o, t.allows(o, readProperty, nil)) == yes {
			found = append(found, o)
		}
	}
	return found
}

// consistent compares derived data with the data that it is derived from.
func (d *domain) consistent(t *rapid.T) {
	everything := d.everything()
	if !slices.Equal(everything, d.objects) {
		t.Fatalf("%d objects are in the tree, %d in their order", len(everything), len(d.objects))
	}
	for _, a := range indexed {
		var want []entry
		for _, o := range everything {
			for _, v := range d.stored(o, a) {
				form, _ := comparable(a, v)
				want = append(want, entry{form, o})
			}
		}
		slices.SortFunc(want, entry.compare)
		if have := slices.Concat(d.indexes[a].blocks...); !slices.Equal(want, have) {
			t.Fatalf("the index of %s has %d entries, and not the %d of the objects", a.name, len(have), len(want))
		}
	}
	for _, o := range everything {
		below := 0
		for _, c := range o.children {
			below += 1 + c.below
		}
		if below != o.below {
			t.Fatalf("%d objects are below %s, it says %d", below, o.dn(), o.below)
		}
		for m := range o.members.objects() {
			if !m.memberOf.has(backLink{o}) {
				t.Fatalf("%s lacks the back link to %s", m.dn(), o.dn())
			}
		}
		for group := range o.memberOf.objects() {
			if !group.hasMember(o) {
				t.Fatalf("%s lacks the link to %s", group.dn(), o.dn())
			}
		}
	}
}

// editor makes random changes; many are refused.
type editor struct {
	*rapid.T
	s *Server
	c *ldap.Conn
	// installed is how many objects existed before.
	installed int
}

func (e *editor) pick(list []*object) *object {
	return list[len(list)-1-rapid.IntRange(0, len(list)-1).Draw(e.T, "object")]
}

func (e *editor) object() *object { return e.pick(e.s.domain.objects) }

// own returns one of the objects that were added.
func (e *editor) own() *object { return e.pick(e.s.domain.objects[e.installed:]) }

var someNames = []string{"a", "A", "b", "ab", "Größe", "grösse", "ａ", "a,b", "mark_1", "mark_2"}

func (e *editor) name() string { return rapid.SampledFrom(someNames).Draw(e.T, "name") }

func (e *editor) dn(o *object) string {
	forms := []string{o.dn(), strings.ToUpper(o.dn()), "<GUID=" + o.guid.String() + ">", "<SID=S-1-5-21-1-2-3-1000>"}
	if o.sid != "" {
		forms = append(forms, "<SID="+o.sid.String()+">")
	}
	return rapid.SampledFrom(forms).Draw(e.T, "form")
}

func (e *editor) unit() string {
	units := []string{Other}
	for _, o := range e.s.domain.objects {
		if o.class.name == "organizationalUnit" && strings.HasSuffix(o.dn(), ","+Other) {
			units = append(units, o.dn())
		}
	}
	return rapid.SampledFrom(units).Draw(e.T, "unit")
}

var written = []string{"description", "adminDescription", "extensionName", "mS-DS-ConsistencyGuid", "msDS-ExternalDirectoryObjectId", "displayName", "sAMAccountName", "userPrincipalName", "managedBy", "groupType"}

// value returns a value for an attribute, either an existing one or another.
func (e *editor) value(a *attribute) string {
	if a == nil {
		return e.name()
	}
	if a.syntax == dnSyntax {
		return e.dn(e.object())
	}
	var there []string
	for _, o := range e.s.domain.objects {
		for _, v := range e.s.domain.stored(o, a) {
			there = append(there, string(v))
		}
	}
	if len(there) == 0 || rapid.IntRange(0, 3).Draw(e.T, "another") == 3 {
		return rapid.SampledFrom([]string{e.name(), "8", "-2147483646", "1104", "TRUE", "x"}).Draw(e.T, "value")
	}
	return there[len(there)-1-rapid.IntRange(0, len(there)-1).Draw(e.T, "value")]
}

// edit draws a change. The domain must not be locked when the change is made.
func (e *editor) edit() func() error {
	permissive := []ldap.Control{ldap.NewControlString(oidPermissiveModify, true, "")}
	edit := rapid.IntRange(0, 11).Draw(e.T, "edit")
	if len(e.s.domain.objects) == e.installed {
		edit = 0
	}
	switch edit {
	case 0, 1, 2:
		class := rapid.SampledFrom([]string{"group", "group", "user", "contact", "organizationalUnit"}).Draw(e.T, "class")
		values := map[string][]string{"objectClass": {class}}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(written), 0, 3, rapid.ID).Draw(e.T, "attributes") {
			if a := attributeOf(name); classOf(class).may(a) {
				values[name] = []string{e.value(a)}
			}
		}
		if class == "group" && rapid.Bool().Draw(e.T, "with members") {
			values["member"] = []string{e.dn(e.object())}
		}
		dn := rdn{classOf(class).rdn, e.name()}.String() + "," + e.unit()
		return func() error { return tryAdd(e.c, dn, values) }
	case 3, 4, 5:
		r := ldap.NewModifyRequest(e.own().dn(), permissive)
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(written), 1, 2).Draw(e.T, "attributes") {
			e.change(r, name, []string{e.value(attributeOf(name))})
		}
		return func() error { return e.c.Modify(r) }
	case 6, 7:
		r := ldap.NewModifyRequest(e.own().dn(), permissive)
		var members []string
		for range rapid.IntRange(0, 4).Draw(e.T, "members") {
			members = append(members, e.dn(e.object()))
		}
		e.change(r, "member", members)
		return func() error { return e.c.Modify(r) }
	case 8:
		o := e.own()
		r := ldap.NewModifyDNRequest(o.dn(), o.name.kind+"="+escape(e.name()), true, "")
		if rapid.Bool().Draw(e.T, "move") {
			r.NewSuperior = e.unit()
		}
		return func() error { return e.c.ModifyDN(r) }
	case 9:
		r := ldap.NewDelRequest(e.own().dn(), []ldap.Control{ldap.NewControlString(oidTreeDelete, true, "")})
		return func() error { return e.c.Del(r) }
	case 10:
		o := e.own()
		r := ldap.NewModifyRequest("<GUID="+o.guid.String()+">", []ldap.Control{ldap.NewControlString(oidShowDeleted, true, "")})
		r.Delete("isDeleted", nil)
		r.Replace("distinguishedName", []string{rdn{o.class.rdn, e.name()}.String() + "," + e.unit()})
		return func() error { return e.c.Modify(r) }
	case 11:
		o := e.own()
		for group := range o.memberOf.objects() {
			id := group.sid.String()
			r := ldap.NewModifyRequest(o.dn(), nil)
			r.Replace("primaryGroupID", []string{id[strings.LastIndex(id, "-")+1:]})
			return func() error { return e.c.Modify(r) }
		}
	}
	return func() error { e.s.FinishLinkRemoval(); return nil }
}

func (e *editor) change(r *ldap.ModifyRequest, name string, values []string) {
	switch rapid.IntRange(0, 3).Draw(e.T, "operation") {
	case 0:
		r.Delete(name, values)
	case 1:
		r.Add(name, values)
	default:
		r.Replace(name, values)
	}
}

// filter returns a filter of any form.
func (e *editor) filter(depth int) string {
	kind := rapid.IntRange(0, 5).Draw(e.T, "kind")
	if depth > 0 && kind < 4 {
		parts := ""
		for range rapid.IntRange(0, 3).Draw(e.T, "parts") {
			parts += e.filter(depth - 1)
		}
		switch kind {
		case 0, 1:
			return "(&" + parts + ")"
		case 2:
			return "(|" + parts + ")"
		}
		return "(!" + e.filter(depth-1) + ")"
	}
	attributes := append(slices.Sorted(maps.Keys(schema)), "unknown")
	if rapid.IntRange(0, 3).Draw(e.T, "any attribute") < 3 {
		attributes = []string{"member", "memberOf", "distinguishedName"}
		for _, a := range indexed {
			attributes = append(attributes, a.name)
		}
		slices.Sort(attributes)
	}
	name := rapid.SampledFrom(attributes).Draw(e.T, "attribute")
	value := e.value(attributeOf(name))
	half := max(1, len(value)/2)
	escaped, front, back := ldap.EscapeFilter(value), ldap.EscapeFilter(value[:half]), ldap.EscapeFilter(value[half:])
	forms := []string{"=" + escaped, "=" + escaped, "=" + escaped, "~=" + escaped, ">=" + escaped, "<=" + escaped, "=*", "=" + front + "*", "=" + escaped + "*", "=*" + escaped,
		"=*" + front + "*", ":" + ruleBitAnd + ":=" + escaped, ":" + ruleBitOr + ":=" + escaped, "=" + strings.ToUpper(front) + "*"}
	if back != "" {
		forms = append(forms, "="+front+"*"+back)
	}
	return "(" + name + rapid.SampledFrom(forms).Draw(e.T, "form") + ")"
}

// someObjects returns objects that differ in their tags.
func someObjects(n int) []*object {
	objects := make([]*object, n)
	for i := range objects {
		objects[i] = &object{tag: int64(i)}
	}
	return objects
}

// TestBlocks: values inserted in order fill the blocks, and few values do not stay
// spread over many blocks.
func TestBlocks(t *testing.T) {
	var s sorted[backLink]
	objects := someObjects(20 * blockSize)
	for _, o := range objects {
		s.put(backLink{o})
	}
	if n := len(s.blocks); n > 21 {
		t.Errorf("%d values in %d blocks", s.count, n)
	}
	for i, o := range objects {
		if i%100 != 0 {
			s.take(backLink{o})
		}
	}
	if n := len(s.blocks); n > 4 {
		t.Errorf("%d values in %d blocks", s.count, n)
	}
}

// TestSorted compares with a plain list, over sizes at which blocks are split, merged
// and emptied.
func TestSorted(t *testing.T) {
	objects := someObjects(3 * blockSize)
	rapid.Check(t, func(rt *rapid.T) {
		var s sorted[backLink]
		var plain []*object
		index := rapid.IntRange(0, len(objects)-1)
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			from, n := index.Draw(rt, "from"), index.Draw(rt, "n")
			by := rapid.SampledFrom([]int{1, 7, len(objects) - 1}).Draw(rt, "by") // forwards, all over, backwards
			put := rapid.Bool().Draw(rt, "put")
			for i := range n {
				o := objects[(from+i*by)%len(objects)]
				at, there := slices.BinarySearchFunc(plain, o, func(a, b *object) int { return int(a.tag - b.tag) })
				switch {
				case put && !there:
					plain = slices.Insert(plain, at, o)
				case !put && there:
					plain = slices.Delete(plain, at, at+1)
				}
				if put {
					s.put(backLink{o})
				} else {
					s.take(backLink{o})
				}
			}
			for _, block := range s.blocks {
				if len(block) == 0 || len(block) >= blockSize {
					rt.Fatalf("a block of %d", len(block))
				}
			}
			if s.count != len(plain) || !slices.Equal(plain, slices.Collect(s.objects())) {
				rt.Fatalf("%d values in place of %d", s.count, len(plain))
			}
			skip := index.Draw(rt, "skip")
			behind := s.from(skip)
			want := plain[min(skip, len(plain)):]
			if behind.size != len(want) || !slices.Equal(want, slices.Collect(behind.objects)) {
				rt.Fatalf("%d values behind %d, in place of %d", behind.size, skip, len(want))
			}
			if o := objects[skip]; s.has(backLink{o}) != slices.Contains(plain, o) {
				rt.Fatalf("whether %d is there", skip)
			}
		}
	})
}
