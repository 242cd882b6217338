package state

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// The log of the engine stands in the state folder, where an administrator and
// whoever comes after him find it. Processes that share a folder share its log:
// each line is appended by one write, which the systems keep whole.
const (
	logFolder = "log"
	// logAge is for how long a day's log is kept, logFile how large one file of
	// it grows, and logTotal how large all of them.
	logAge   = 30 * 24 * time.Hour
	logFile  = 10 << 20
	logTotal = 200 << 20
	// logAhead is how much is kept until the folder is known and sound.
	logAhead = 256 << 10
)

// Log is what log lines are written to. It never fails: a full disk must not
// end a run. Until [Log.Open] it keeps them.
type Log struct {
	mu     sync.Mutex
	now    func() time.Time // nil: time.Now
	folder string
	ahead  []byte
	day    string
	file   *os.File
}

// LogPath is where the log of a state folder stands on that day.
func LogPath(folder string, now time.Time) string { return logName(folder, now, 1) }

func logName(folder string, now time.Time, part int) string {
	name := "engine-" + now.UTC().Format("20060102")
	if part > 1 {
		name += fmt.Sprintf("-%d", part)
	}
	return filepath.Join(folder, logFolder, name+".log")
}

// Open has the lines written to the log of the state folder, which must have been
// found to be sound: on Windows the log's folder inherits who may read it.
func (l *Log) Open(folder string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.folder != "" {
		return nil
	}
	path := filepath.Join(folder, logFolder)
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return unusable(path, "The folder of the log cannot be created.", err)
	}
	if info, err := os.Lstat(path); err != nil || !info.IsDir() {
		return unusable(path, "This is not a folder for the log.", err)
	}
	_ = os.Chmod(path, 0o700) // as the database; on Windows it is so by inheritance
	l.folder = folder
	l.write(l.ahead)
	l.ahead = nil
	return nil
}

// Write implements [io.Writer] for one line or more.
func (l *Log) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.folder != "" {
		l.write(lines)
	} else if len(l.ahead)+len(lines) <= logAhead {
		l.ahead = append(l.ahead, lines...)
	}
	return len(lines), nil
}

// Close closes the file; what is written later opens it again.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
	return nil
}

func (l *Log) write(lines []byte) {
	now := time.Now()
	if l.now != nil {
		now = l.now()
	}
	if day := now.UTC().Format(time.DateOnly); day != l.day {
		l.end()
		l.day = day
		clearLogs(filepath.Join(l.folder, logFolder), now)
	}
	if l.file != nil {
		if info, err := l.file.Stat(); err != nil || info.Size() >= logFile {
			l.end()
		}
	}
	for part := 1; l.file == nil && part < 1000; part++ {
		path := logName(l.folder, now, part)
		if info, err := os.Lstat(path); err == nil && (!info.Mode().IsRegular() || info.Size() >= logFile) {
			continue
		}
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return // the next line tries again
		}
		l.file = file
		_ = file.Chmod(0o600)
		// What a crash says last goes there too.
		_ = debug.SetCrashOutput(file, debug.CrashOptions{})
	}
	if l.file == nil || len(lines) == 0 {
		return
	}
	if _, err := l.file.Write(lines); err != nil {
		l.end()
	}
}

func (l *Log) end() {
	if l.file != nil {
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
		l.file.Close()
		l.file = nil
	}
}

var logNames = regexp.MustCompile(`^engine-(\d{8})(?:-(\d+))?\.log$`)

// clearLogs removes what is too old, and of the rest the oldest when all of it
// is too much. What cannot be removed, because somebody reads it, the next day does.
func clearLogs(folder string, now time.Time) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	type log struct {
		path, day string
		part      int
		size      int64
	}
	var logs []log
	for _, entry := range entries {
		m := logNames.FindStringSubmatch(entry.Name())
		info, err := entry.Info()
		if m == nil || err != nil || info.Mode()&fs.ModeType != 0 {
			continue
		}
		part := 1
		_, _ = fmt.Sscan(m[2], &part)
		logs = append(logs, log{filepath.Join(folder, entry.Name()), m[1], part, info.Size()})
	}
	slices.SortFunc(logs, func(a, b log) int { return cmp.Or(cmp.Compare(b.day, a.day), cmp.Compare(b.part, a.part)) })
	oldest := now.Add(-logAge).UTC().Format("20060102")
	total := int64(0)
	for _, l := range logs {
		if total += l.size; l.day < oldest || total > logTotal {
			_ = os.Remove(l.path)
		}
	}
}
