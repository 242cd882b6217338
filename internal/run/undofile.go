package run

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/identity"
	"groupwriteback/internal/ldif"
	"groupwriteback/internal/plan"
)

// undone is what an undo file says about a group that a run deleted or took members from.
type undone struct {
	// TargetGroup is the object as it was, as far as the file has it, without members.
	directory.TargetGroup
	id      directory.GUID // the cloud group
	action  plan.Action
	entry   ldif.Entry // without members and permissions
	parent  directory.DN
	members int
}

// names returns the names by which users know the group.
func (u *undone) names() identity.Names {
	return identity.Names{ID: u.id, TargetGUID: u.GUID, SID: u.SID, DN: u.DN, SAMAccountName: u.SAMAccountName, CN: u.CN,
		DisplayName: u.DisplayName(), Mail: u.Attributes.First("mail")}
}

// parseUndone reads an entry of an undo file, and the objectGUIDs of its members.
func parseUndone(e *ldif.Entry) (undone, []directory.GUID, error) {
	u := undone{action: plan.Action(e.First(UndoAction)), entry: ldif.Entry{DN: e.DN}, TargetGroup: directory.TargetGroup{DN: e.DN}}
	if u.action != plan.Delete && u.action != plan.UpdateMembers {
		return u, nil, fmt.Errorf("its %s is %q", UndoAction, e.First(UndoAction))
	}
	dn, err := directory.ParseDN(e.DN)
	if err != nil || len(dn) < 2 {
		return u, nil, errors.New("its dn is no distinguished name")
	}
	u.parent = dn.Parent()
	if u.GUID, err = directory.GUIDFromAD([]byte(e.First("objectGUID"))); err != nil || u.GUID.IsZero() {
		return u, nil, errors.New("it has no objectGUID")
	}
	if sid := e.First("objectSid"); sid != "" {
		if u.SID, err = directory.SIDFromAD([]byte(sid)); err != nil {
			return u, nil, fmt.Errorf("its objectSid: %w", err)
		}
	}
	u.Critical = strings.EqualFold(e.First("isCriticalSystemObject"), "TRUE")
	u.AdminCount = cmp.Or(e.First("adminCount"), "0") != "0"
	for _, a := range e.Attributes {
		switch name := strings.ToLower(a.Name); name {
		case "undoaction", "undomember", attrMember, "ntsecuritydescriptor":
		default:
			u.entry.Attributes = append(u.entry.Attributes, a)
		}
	}
	for _, name := range []string{directory.AttrCN, directory.AttrSAMAccountName, directory.AttrGroupType, directory.AttrAdminDesc, directory.AttrExternalID,
		directory.AttrExtensionName, directory.AttrDisplayName, "mail"} {
		if err := u.SetAttribute(name, e.Values(name)); err != nil {
			return u, nil, fmt.Errorf("its %s is %q", name, e.First(name))
		}
	}
	u.CN = cmp.Or(u.CN, dn[0].Value)
	u.id, _ = u.SourceID()
	values := e.Values(UndoMember)
	if named := len(e.Values(attrMember)); named != len(values) {
		return u, nil, fmt.Errorf("it has %s, and the objectGUIDs of %d", directory.Count(named, "member"), len(values))
	}
	members := make([]directory.GUID, len(values))
	for i, value := range values {
		if members[i], err = directory.ParseGUID(value); err != nil || members[i].IsZero() {
			return u, nil, fmt.Errorf("%q in its %s is no objectGUID", value, UndoMember)
		}
	}
	u.members = len(members)
	return u, members, nil
}

// undoFile is an undo file that is open for reading. It is read twice, because the members
// of all of its groups may be too many to keep.
type undoFile struct {
	path string
	run  contract.Run // that wrote it; zero: unknown
	file io.ReadSeekCloser
	hash string
}

// openUndo opens the file of a run or, if the run is zero, a file of which some run may
// know the hash. A file that is not as it was written is refused unless force is set.
func openUndo(ctx context.Context, state contract.State, path string, of contract.Run, force bool) (*undoFile, error) {
	f := &undoFile{path: path, run: of}
	var err error
	if f.file, err = state.OpenUndo(path); err != nil {
		return nil, err
	}
	if f.hash, err = f.sum(); err == nil && of.ID == 0 {
		f.run, err = writerOf(ctx, state, f.hash)
	}
	if err == nil && f.run.UndoHash != f.hash && !force {
		err = &contract.Error{Category: contract.InvalidData, ID: "UndoFileChanged", Object: path,
			Message: "The undo file is not as a run has written it: no record of a run has its hash.",
			Advice:  "Look at the file. If you trust what it says now, restore from it all the same with -Force."}
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// writerOf returns the run whose undo file has the hash, or a zero record.
func writerOf(ctx context.Context, state contract.RunStore, hash string) (contract.Run, error) {
	for r, err := range Newest(ctx, state, 0) {
		if err != nil || r.UndoHash == hash {
			return r, err
		}
	}
	return contract.Run{}, nil
}

func (f *undoFile) close() { f.file.Close() }

func (f *undoFile) sum() (string, error) {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return "", f.unreadable(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f.file); err != nil {
		return "", f.unreadable(err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (f *undoFile) unreadable(err error) error {
	return &contract.Error{Category: contract.ObjectNotFound, ID: "UndoFileUnreadable", Object: f.path, Err: err, Message: "The undo file cannot be read.", Advice: "Check the disk, and try again."}
}

func (f *undoFile) invalid(err error) error {
	return &contract.Error{Category: contract.InvalidData, ID: "UndoFileInvalid", Object: f.path, Err: err,
		Message: "It is no undo file, or was damaged: " + err.Error() + ".", Advice: "Name a file from the folder undo of the state. Nothing was changed."}
}

// read calls each with every entry.
func (f *undoFile) read(ctx context.Context, each func(u *undone, members []directory.GUID) error) error {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return f.unreadable(err)
	}
	sum := sha256.New()
	r := ldif.NewReader(io.TeeReader(f.file, sum))
	for {
		e, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if wrong := (*ldif.Error)(nil); errors.As(err, &wrong) {
			return f.invalid(err)
		}
		if err != nil {
			return err
		}
		u, members, err := parseUndone(e)
		if err != nil {
			return f.invalid(fmt.Errorf("of %s, %w", e.DN, err))
		}
		if err := each(&u, members); err != nil {
			return err
		}
	}
	if want, err := hex.DecodeString(f.hash); err != nil || !bytes.Equal(want, sum.Sum(nil)) {
		return f.invalid(errors.New("it was changed while it was read"))
	}
	return nil
}
