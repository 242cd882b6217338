package ad

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

const (
	attrCursors  = "msDS-NCReplCursors"
	attrUpToDate = "replUpToDateVector"
)

// ReplicatedUSN implements contract.TargetReader. Windows returns its cursors in
// msDS-NCReplCursors. Samba has only the underlying attribute, replUpToDateVector,
// which every account may read there. If the account may not read them, it looks as if
// the server had no cursors, and known is false. The right to read them is
// DS-Replication-Monitor-Topology ("Monitor Active Directory Replication") on the head
// of the domain.
func (t *target) ReplicatedUSN(ctx context.Context, invocation directory.GUID) (usn int64, known bool, err error) {
	own, err := t.invocationID(ctx)
	if err != nil {
		return 0, false, err
	}
	if own == invocation {
		root, err := t.readRoot(ctx)
		return root.highestUSN, err == nil, err
	}
	head, err := t.pool.read(ctx, query{base: t.root.baseDN, attributes: []string{attrCursors + ";binary", attrUpToDate}})
	if err != nil {
		return 0, false, t.readError(ctx, t.root.baseDN, err)
	}
	if head == nil {
		return 0, false, nil
	}
	for _, a := range head.Attributes {
		var found []cursor
		switch name, _, _ := strings.Cut(a.Name, ";"); {
		case strings.EqualFold(name, attrCursors):
			found, err = parseCursors(a.ByteValues)
		case strings.EqualFold(name, attrUpToDate) && len(a.ByteValues) == 1:
			found, err = parseUpToDateVector(a.ByteValues[0])
		}
		if err != nil {
			return 0, false, t.unexpected(t.root.baseDN, fmt.Errorf("%s: %w", a.Name, err))
		}
		for _, c := range found {
			if c.invocation == invocation {
				usn, known = max(usn, c.usn), true
			}
		}
	}
	return usn, known, nil
}

// readRoot reads the domain controller's rootDSE again.
func (t *target) readRoot(ctx context.Context) (rootDSE, error) {
	var root rootDSE
	err := retry(ctx, t.server.host, func() error {
		return t.pool.use(ctx, func(c *conn) (err error) {
			root, err = readRootDSE(ctx, c)
			return err
		})
	})
	if err != nil {
		return root, t.readError(ctx, t.server.String(), err)
	}
	return root, nil
}

// invocationID reads the id of the domain controller's database. It changes when the
// domain controller is restored from a backup.
func (t *target) invocationID(ctx context.Context) (directory.GUID, error) {
	service, err := t.pool.read(ctx, query{base: t.root.dsServiceName, attributes: []string{"invocationId"}})
	if err != nil {
		return directory.GUID{}, t.readError(ctx, t.root.dsServiceName, err)
	}
	var invocation directory.GUID
	if service != nil {
		invocation, err = directory.GUIDFromAD(service.GetRawAttributeValue("invocationId"))
	}
	if service == nil || err != nil {
		return directory.GUID{}, &contract.Error{
			Category: contract.PermissionDenied, ID: "DomainControllerUnreadable", Object: t.root.dsServiceName,
			Message: "The account cannot read the domain controller's invocationId.",
			Advice:  "Grant the account the right to read the configuration partition. Every domain user has it by default.", Err: err,
		}
	}
	return invocation, nil
}

// cursor says that all changes made on the domain controller with that invocationId, up
// to that USN, have arrived.
type cursor struct {
	invocation directory.GUID
	usn        int64
}

const (
	guidSize   = 16
	cursorSize = guidSize + 8
)

// parseCursor parses an invocationId and a USN, the beginning of every form of cursor.
func parseCursor(b []byte) (cursor, error) {
	if len(b) < cursorSize {
		return cursor{}, fmt.Errorf("a replication cursor of %d bytes is too short", len(b))
	}
	invocation, err := directory.GUIDFromAD(b[:guidSize])
	if err != nil {
		return cursor{}, err
	}
	usn := int64(binary.LittleEndian.Uint64(b[guidSize:]))
	if usn < 0 {
		return cursor{}, errors.New("a replication cursor has a negative USN")
	}
	return cursor{invocation, usn}, nil
}

// parseCursors parses DS_REPL_CURSOR_BLOB values (MS-ADTS 2.2.6).
func parseCursors(values [][]byte) ([]cursor, error) {
	cursors := make([]cursor, 0, len(values))
	for _, v := range values {
		c, err := parseCursor(v)
		if err != nil {
			return nil, err
		}
		cursors = append(cursors, c)
	}
	return cursors, nil
}

// parseUpToDateVector parses UPTODATE_VECTOR_V1_EXT or UPTODATE_VECTOR_V2_EXT
// (MS-DRSR): version, reserved, count, reserved, then the cursors. In version 2 each
// cursor ends with a time.
func parseUpToDateVector(b []byte) ([]cursor, error) {
	const header = 16
	if len(b) < header {
		return nil, fmt.Errorf("an up-to-dateness vector of %d bytes is too short", len(b))
	}
	size := cursorSize
	switch version := binary.LittleEndian.Uint32(b); version {
	case 1:
	case 2:
		size += 8
	default:
		return nil, fmt.Errorf("unknown version %d of the up-to-dateness vector", version)
	}
	count, rest := binary.LittleEndian.Uint32(b[8:]), b[header:]
	if uint64(count)*uint64(size) != uint64(len(rest)) {
		return nil, fmt.Errorf("an up-to-dateness vector with %d cursors has only %d bytes for them", count, len(rest))
	}
	cursors := make([]cursor, 0, count)
	for ; len(rest) > 0; rest = rest[size:] {
		c, err := parseCursor(rest)
		if err != nil {
			return nil, err
		}
		cursors = append(cursors, c)
	}
	return cursors, nil
}
