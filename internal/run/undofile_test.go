package run

import (
	"strings"
	"testing"

	"groupwriteback/internal/ldif"
)

// FuzzParseUndone reads entries of undo files that anybody may have written. What is
// accepted has an objectGUID, a place and a member for each objectGUID.
func FuzzParseUndone(f *testing.F) {
	f.Add("dn: CN=a,OU=b,DC=c\nundoAction: Delete\nobjectGUID:: L1XSSJznsgkrLrIJlLLXnQ==\nobjectSid:: AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAAiBMAAA==\ngroupType: 8\n" +
		"adminDescription: Group_90589093-ae4a-859d-775c-4f7a63e7ed50\nmember: CN=x\nundoMember: c7f606da-26aa-9d07-fbb7-9318be1bbee4\n")
	f.Add("dn: CN=a\nundoAction: UpdateMembers\nobjectGUID: short\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := ldif.NewReader(strings.NewReader(text))
		for {
			e, err := r.Read()
			if err != nil {
				return
			}
			u, members, err := parseUndone(e)
			if err != nil {
				continue
			}
			if u.GUID.IsZero() || len(u.parent) == 0 || u.CN == "" || len(members) != len(e.Values(attrMember)) || u.members != len(members) {
				t.Errorf("%+v %v", u, members)
			}
			r := restored{undone: u}
			way, refused := r.way()
			if (way == "") == (refused == nil) {
				t.Errorf("%q, %v", way, refused)
			}
		}
	})
}
