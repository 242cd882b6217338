package state

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTheLogIsKeptUntilItsFolderIsKnown(t *testing.T) {
	folder := newFolder(t)
	must(t, os.Mkdir(folder, 0o700))
	l := &Log{}
	fmt.Fprintln(l, "before")
	must(t, l.Open(folder))
	must(t, l.Open(folder))
	fmt.Fprintln(l, "after")
	must(t, l.Close())
	path := LogPath(folder, time.Now())
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "before\nafter\n" {
		t.Errorf("%q %v", text, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", p, info.Mode(), err)
		}
	}
}

// TestALogThatIsShared: two processes can write to one log, and every line stays whole.
func TestALogThatIsShared(t *testing.T) {
	if onWine() {
		t.Skip("Wine appends by seeking to the end and writing there, which are two steps")
	}
	folder := newFolder(t)
	must(t, os.Mkdir(folder, 0o700))
	const writers, lines = 4, 500
	line := strings.Repeat("x", 300)
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			l := &Log{}
			defer l.Close()
			if err := l.Open(folder); err != nil {
				t.Error(err)
			}
			for n := range lines {
				fmt.Fprintf(l, "%d %d %s\n", i, n, line)
			}
		})
	}
	wait.Wait()
	text, err := os.ReadFile(LogPath(folder, time.Now()))
	must(t, err)
	got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(got) != writers*lines {
		t.Errorf("%d lines", len(got))
	}
	for _, l := range got {
		if !strings.HasSuffix(l, " "+line) || len(l) > len(line)+8 {
			t.Fatalf("a torn line: %.80q", l)
		}
	}
}

func TestLogsAreKeptByAgeAndSize(t *testing.T) {
	folder := newFolder(t)
	must(t, os.MkdirAll(filepath.Join(folder, logFolder), 0o700))
	now := time.Date(2026, 5, 31, 23, 59, 0, 0, time.UTC)
	put := func(name string, size int64) string {
		path := filepath.Join(folder, logFolder, name)
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Truncate(path, size))
		return path
	}
	left := func() (names []string) {
		entries, err := os.ReadDir(filepath.Join(folder, logFolder))
		must(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	put("engine-20260430.log", 10) // 31 days ago
	put("engine-20260501.log", 10)
	put("notes.txt", 10) // not ours
	put("engine-20260531.log", logFile)
	l := &Log{now: func() time.Time { return now }}
	defer l.Close()
	must(t, l.Open(folder))
	fmt.Fprintln(l, "the first of the second file")
	if got, want := fmt.Sprint(left()), "[engine-20260501.log engine-20260531-2.log engine-20260531.log notes.txt]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Beyond the total size, the oldest files are removed, and the next day gets a new file.
	for i := range logTotal / logFile {
		put(fmt.Sprintf("engine-20260502-%d.log", i+2), logFile)
	}
	now = now.Add(2 * time.Minute)
	fmt.Fprintln(l, "another day")
	got := left()
	if strings.Contains(fmt.Sprint(got), "20260501") || !strings.Contains(fmt.Sprint(got), "engine-20260601.log") || len(got) != logTotal/logFile+2 {
		t.Errorf("%d: %s", len(got), got)
	}
	text, err := os.ReadFile(LogPath(folder, now))
	if err != nil || string(text) != "another day\n" {
		t.Errorf("%q %v", text, err)
	}
}

// TestALogThatCannotBeWritten: a log that cannot be written causes no error, and goes on
// once it can be written again.
func TestALogThatCannotBeWritten(t *testing.T) {
	if onWine() {
		t.Skip("Wine 8 lacks the call by which Go removes files")
	}
	folder := newFolder(t)
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, logFolder), nil, 0o600))
	l := &Log{}
	wantID(t, l.Open(folder), "StateFolderUnusable")
	must(t, os.Remove(filepath.Join(folder, logFolder)))
	fmt.Fprintln(l, "one")
	must(t, l.Open(folder))
	must(t, l.Close())
	must(t, os.RemoveAll(filepath.Join(folder, logFolder)))
	fmt.Fprintln(l, "lost")
	must(t, os.Mkdir(filepath.Join(folder, logFolder), 0o700))
	fmt.Fprintln(l, "two")
	must(t, l.Close())
	if text, err := os.ReadFile(LogPath(folder, time.Now())); err != nil || string(text) != "two\n" {
		t.Errorf("%q %v", text, err)
	}
}
