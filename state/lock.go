package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// holder says who holds the lock, for the error message of the next process.
type holder struct {
	PID   int    `json:"pid"`
	Host  string `json:"host"`
	Since string `json:"since"`
}

// holderSize is the fixed size of the lock file. The file is rewritten in place,
// because on Windows it is better not to truncate a locked file.
const holderSize = 512

// Lock takes the operating system's lock on the state without waiting. The kernel
// frees the lock whenever the process ends, even if it crashes; the file stays. Lock
// closes runs that still say Running as Interrupted, because their processes died.
// So while the lock is held, a run that says Running belongs to its holder.
func (s *State) Lock(ctx context.Context) (unlock func(), err error) {
	unlock, err = s.lock(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.closeInterrupted(ctx); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (s *State) lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path := filepath.Join(s.folder, lockName)
	if _, err := regularFile(path); err != nil {
		return nil, err
	}
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	for locked := false; !locked; {
		switch locked, err = lock.TryLock(); {
		case err != nil:
			return nil, unusable(path, "The lock cannot be acquired.", err)
		case !locked && held(path):
			return nil, runInProgress(path)
		case !locked: // a reader is just looking whether it is held
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(rand.N(5 * time.Millisecond)):
			}
		}
	}
	host, _ := os.Hostname() // only for people to read
	if err := writeHolder(path, holder{PID: os.Getpid(), Host: host, Since: s.now().UTC().Format(time.RFC3339)}); err != nil {
		lock.Close()
		return nil, unusable(path, "The lock file cannot be written.", err)
	}
	var once sync.Once
	return func() { once.Do(func() { lock.Close() }) }, nil
}

// held reports whether a process holds the lock. It tries to take a shared lock, so
// that several processes that look at the same time do not see one another. If it
// cannot find out, the lock counts as held.
func held(path string) bool {
	look := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := look.TryRLock()
	look.Close()
	return !free && !errors.Is(err, fs.ErrNotExist)
}

// writeHolder does not write the first byte: on Windows the lock covers it, and no
// other handle may read or write a locked range.
func writeHolder(path string, h holder) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(text) > holderSize-2 {
		return fmt.Errorf("the host name %.60q… is too long", h.Host)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(string(text)+strings.Repeat(" ", holderSize-2-len(text))+"\n"), 1); err != nil {
		return err
	}
	return f.Close()
}

func readHolder(path string) (h holder, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return holder{}, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 1, holderSize))
	if err != nil {
		return holder{}, false
	}
	return h, json.Unmarshal(text, &h) == nil && h.PID != 0
}

func runInProgress(path string) error {
	message := "Another process is running a sync with this state."
	if h, ok := readHolder(path); ok {
		since := h.Since
		if at, err := time.Parse(time.RFC3339, since); err == nil {
			since = directory.Moment(at)
		}
		message = fmt.Sprintf("Process %d on %q has been running a sync with this state since %s.", h.PID, h.Host, since)
	}
	return &contract.Error{Category: contract.ResourceBusy, ID: "RunInProgress", Object: path, Message: message,
		Advice: "Wait until it ends, or end that process. This releases the lock."}
}
