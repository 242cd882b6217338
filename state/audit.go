package state

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"groupwriteback/internal/contract"
)

// The audit is in the state folder and not in the database, which is a cache that may be
// lost. A file has the entries of one day (UTC), a line of JSON each. Files are only ever
// appended to, a line by one write, so processes do not mix up their lines. Line ends
// stand before what follows a torn line, so only that line is lost.
const (
	auditFolder = "audit"
	auditDay    = "20060102"
	// maxAuditLine is the largest line that is read, in bytes. An entry takes at most about
	// half of that.
	maxAuditLine = 1 << 20
)

var auditNames = regexp.MustCompile(`^audit-(\d{8})\.jsonl$`)

func auditPath(folder, day string) string {
	return filepath.Join(folder, auditFolder, "audit-"+day+".jsonl")
}

// AppendAudit adds entries. Error AuditNotWritten.
func (s *State) AppendAudit(_ context.Context, entries ...contract.AuditEntry) error {
	for _, entry := range entries {
		entry.ID, entry.Time = "", entry.Time.UTC()
		entry.Clean()
		path := auditPath(s.folder, entry.Time.Format(auditDay))
		var line bytes.Buffer
		encode := json.NewEncoder(&line)
		encode.SetEscapeHTML(false) // access control entries and expressions are to be read
		err := encode.Encode(&entry)
		if err == nil {
			err = appendLine(path, line.Bytes())
		}
		if err != nil {
			return &contract.Error{Category: contract.InvalidState, ID: "AuditNotWritten", Object: path, Err: err,
				Message: fmt.Sprintf("The entry %s cannot be added to the audit: %v.", entry.Event, err),
				Advice:  "Nothing was changed. Make room in the folder of the state, or let the account write to it."}
		}
	}
	return nil
}

// appending keeps the writers of this process apart, since one looks at the end of the file
// before it writes.
var appending sync.Mutex

// appendLine adds a line to a file and waits until it lasts.
func appendLine(path string, line []byte) error {
	appending.Lock()
	defer appending.Unlock()
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o700); err == nil {
		err = syncPath(filepath.Dir(folder))
		if err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := regularFile(path)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	torn, err := endsTorn(file)
	if err == nil {
		if torn {
			line = slices.Concat([]byte("\n"), line)
		}
		_, err = file.Write(line)
	}
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil && !there {
		err = syncPath(folder)
	}
	return err
}

// endsTorn reports whether the last line of the file has no end.
func endsTorn(file *os.File) (bool, error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	_, err = file.ReadAt(last[:], info.Size()-1)
	return last[0] != '\n', err
}

// auditPlace is where an entry stands: its id is the day and the number of the line.
type auditPlace struct {
	day  string
	line int
}

func (p auditPlace) String() string { return p.day + "-" + strconv.Itoa(p.line) }

var auditIDs = regexp.MustCompile(`^(\d{8})-([1-9]\d{0,9})$`)

// Audit lists entries, newest first. Errors: AuditUnreadable, InvalidParameter.
func (s *State) Audit(ctx context.Context, filter contract.AuditFilter, before string, limit int) ([]contract.AuditEntry, error) {
	var place auditPlace
	if before != "" {
		m := auditIDs.FindStringSubmatch(before)
		if m == nil {
			return nil, contract.InvalidParameter("after", before, "the id of an entry of the audit")
		}
		place.day = m[1]
		place.line, _ = strconv.Atoi(m[2])
	}
	days, err := auditDays(s.folder)
	if err != nil {
		return nil, auditUnreadable(filepath.Join(s.folder, auditFolder), err)
	}
	var found []contract.AuditEntry
	for _, day := range slices.Backward(days) {
		if place.day != "" && day > place.day || day < filter.Since.UTC().Format(auditDay) {
			continue
		}
		end := 0 // the line at which to stop; 0 means the last
		if day == place.day {
			end = place.line
		}
		path := auditPath(s.folder, day)
		entries, err := readAudit(ctx, path, day, end, &filter, limit-len(found))
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was removed meanwhile
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, auditUnreadable(path, err)
		}
		if found = append(found, entries...); len(found) >= limit {
			break
		}
	}
	return found, nil
}

func auditUnreadable(path string, err error) error {
	return &contract.Error{Category: contract.InvalidData, ID: "AuditUnreadable", Object: path, Err: err,
		Message: "The audit cannot be read.", Advice: "Let the account read the folder and its files."}
}

// auditDays returns the days that have a file, in order.
func auditDays(folder string) ([]string, error) {
	folder = filepath.Join(folder, auditFolder)
	if info, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err == nil && !info.IsDir() { // Windows says that a file has no such folder
		return nil, errors.New("it is not a folder")
	}
	files, err := os.ReadDir(folder)
	var days []string
	for _, file := range files {
		if m := auditNames.FindStringSubmatch(file.Name()); m != nil && file.Type().IsRegular() {
			days = append(days, m[1])
		}
	}
	slices.Sort(days)
	return days, err
}

// readAudit returns the last entries of a file before a line, newest first.
func readAudit(ctx context.Context, path, day string, end int, filter *contract.AuditFilter, limit int) ([]contract.AuditEntry, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var last []contract.AuditEntry // in the order of the file
	at, err := time.Parse(auditDay, day)
	if err != nil {
		return nil, err
	}
	lines := auditLines{from: bufio.NewReaderSize(file, 64<<10)}
	for n := 1; n != end; n++ {
		line, whole, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		entry, err := parseAudit(line)
		if err != nil {
			if !whole {
				continue // it is torn, or somebody is writing it
			}
			entry = contract.AuditEntry{Event: contract.AuditUnreadable, Time: at, Object: path, Message: fmt.Sprintf("Line %d cannot be read: %v.", n, err)}
			entry.Clean()
		}
		at = entry.Time
		if entry.ID = (auditPlace{day, n}).String(); !filter.Holds(&entry) {
			continue
		}
		if len(last) == limit {
			last = slices.Delete(last, 0, 1)
		}
		last = append(last, entry)
	}
	slices.Reverse(last)
	return last, nil
}

// auditLines reads lines of bounded size.
type auditLines struct {
	from *bufio.Reader
	line []byte
}

// next returns the next line, and whether it has an end. Of a line that is too long it
// returns one that makes no sense.
func (l *auditLines) next() (line []byte, whole bool, err error) {
	l.line = l.line[:0]
	tooLong := false
	for {
		part, err := l.from.ReadSlice('\n')
		if tooLong = tooLong || len(l.line)+len(part) > maxAuditLine; !tooLong {
			l.line = append(l.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(l.line) > 0:
			return l.line, false, nil
		case err != nil:
			return nil, false, err
		case tooLong:
			return []byte("too long"), true, nil
		}
		return l.line, true, nil
	}
}

// parseAudit parses a line. Somebody may have changed it, so its texts are made clean.
func parseAudit(line []byte) (contract.AuditEntry, error) {
	var entry contract.AuditEntry
	if len(line) > maxAuditLine {
		return entry, errors.New("it is too long")
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return contract.AuditEntry{}, errors.New("it is not an entry")
	}
	if entry.Event == "" || entry.Time.IsZero() {
		return contract.AuditEntry{}, errors.New("it has no event or no time")
	}
	entry.ID, entry.Time = "", entry.Time.UTC()
	entry.Clean()
	return entry, nil
}

// purgeAudit removes the files of days that ended before a time.
func (s *State) purgeAudit(before time.Time) {
	days, err := auditDays(s.folder)
	if err != nil {
		return
	}
	for _, day := range days {
		if began, err := time.Parse(auditDay, day); err == nil && !began.AddDate(0, 0, 1).After(before) {
			_ = os.Remove(auditPath(s.folder, day))
		}
	}
}
