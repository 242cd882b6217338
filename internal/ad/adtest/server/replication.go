package server

import (
	"encoding/binary"
	"fmt"
)

// Cursor says up to which USN this domain controller has received the changes made on
// the domain controller with the invocationId.
type Cursor struct {
	Invocation string // a GUID
	USN        int64
}

// CursorForm is the attribute that shows the cursors.
type CursorForm int

// The forms: of Windows (msDS-NCReplCursors;binary), of Samba
// (replUpToDateVector), and of neither, as an account sees it that may read none.
const (
	WindowsCursors CursorForm = iota
	SambaCursors
	HiddenCursors
)

// SetCursors replaces the replication cursors of the domain.
func (s *Server) SetCursors(form CursorForm, cursors ...Cursor) error {
	vector := binary.LittleEndian.AppendUint64(nil, 2) // the version, and a reserved field
	vector = binary.LittleEndian.AppendUint64(vector, uint64(len(cursors)))
	var blobs []string
	for _, c := range cursors {
		id, ok := parseGUID(c.Invocation)
		if !ok {
			return fmt.Errorf("%q is no GUID", c.Invocation)
		}
		cursor := binary.LittleEndian.AppendUint64(id[:], uint64(c.USN))
		cursor = append(cursor, make([]byte, 8)...) // the time of the last success
		vector = append(vector, cursor...)
		// The offset of the source's name, which is empty because it is unknown here.
		blobs = append(blobs, string(binary.LittleEndian.AppendUint32(cursor, 36))+"\x00\x00")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domain.head.set("msDS-NCReplCursors")
	s.domain.head.set("replUpToDateVector")
	switch {
	case len(cursors) == 0 || form == HiddenCursors:
	case form == WindowsCursors:
		s.domain.head.set("msDS-NCReplCursors", blobs...)
	default:
		s.domain.head.set("replUpToDateVector", string(vector))
	}
	return nil
}

// SetInvocationID changes the invocationId of this domain controller, as a restore from
// a backup does.
func (s *Server) SetInvocationID(invocation string) error {
	id, ok := parseGUID(invocation)
	if !ok {
		return fmt.Errorf("%q is no GUID", invocation)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domain.service.set("invocationId", string(id[:]))
	return nil
}

// Fill adds contacts below the named container, without a request for each, and returns
// them.
func (s *Server) Fill(container string, n int) ([]Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := writer{domain: s.domain, system: true}
	people := make([]Person, n)
	for i := range people {
		dn := fmt.Sprintf("CN=filler %06d,%s", i, container)
		o, bad := w.create(dn, map[string][]string{"objectclass": {"contact"}})
		if bad != nil {
			return nil, fmt.Errorf("%s: %w", dn, bad)
		}
		people[i] = Person{DN: dn, ObjectGUID: o.guid.String()}
	}
	return people, nil
}
