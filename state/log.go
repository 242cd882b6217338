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

// The engine's log is in the state folder, where administrators find it. Processes
// that share a folder share its log: each line is appended by one write, and
// operating systems do not mix up such writes.
const (
	logFolder = "log"
	// logAge is how long the log of a day is kept, logFile the largest size of one
	// file, and logTotal the largest size of all files together.
	logAge   = 30 * 24 * time.Hour
	logFile  = 10 << 20
	logTotal = 200 << 20
	// logAhead is how many bytes are kept until the folder is known and checked.
	logAhead = 256 << 10
)

// Log writes log lines to files. It never fails, because a full disk must not end a
// run. Until [Log.Open] it keeps the lines in memory.
type Log struct {
	mu     sync.Mutex
	now    func() time.Time // nil means time.Now
	folder string
	ahead  []byte
	day    string
	file   *os.File
}

// LogPath returns the path of the first log file of that day.
func LogPath(folder string, now time.Time) string { return logName(folder, now, 1) }

func logName(folder string, now time.Time, part int) string {
	name := "engine-" + now.UTC().Format("20060102")
	if part > 1 {
		name += fmt.Sprintf("-%d", part)
	}
	return filepath.Join(folder, logFolder, name+".log")
}

// Open makes the log write to files in the state folder. The caller has checked the
// state folder: on Windows, the log's folder inherits its access control list.
func (l *Log) Open(folder string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.folder != "" {
		return nil
	}
	path := filepath.Join(folder, logFolder)
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return unusable(path, "The log folder cannot be created.", err)
	}
	if info, err := os.Lstat(path); err != nil || !info.IsDir() {
		return unusable(path, "This path is not a folder.", err)
	}
	_ = os.Chmod(path, 0o700) // like the database; on Windows it inherits this
	l.folder = folder
	l.write(l.ahead)
	l.ahead = nil
	return nil
}

// Write implements [io.Writer]. It takes one or more whole lines.
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

// Close closes the file. A later write opens it again.
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
		// The message of a crash goes to the log, too.
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

// clearLogs removes files that are too old and, if the rest is too large, the oldest
// of them. A file that cannot be removed because somebody reads it is tried again the
// next day.
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
