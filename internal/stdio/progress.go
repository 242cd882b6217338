package stdio

import (
	"sync"
	"time"

	"groupwriteback/internal/contract"
)

// progressInterval is the shortest time between two progress notifications of a
// request.
const progressInterval = 250 * time.Millisecond

// throttle passes reports on to send: the first at once, after that the latest one at
// most once per interval. When stop returns, nothing more is sent. The last report may
// be lost then, because the answer follows.
func throttle(interval time.Duration, send func(contract.Progress)) (report contract.Report, stop func()) {
	var (
		mu     sync.Mutex
		latest contract.Progress
		fresh  = make(chan struct{}, 1)
		quit   = make(chan struct{})
		ended  = make(chan struct{})
	)
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			case <-fresh:
			}
			mu.Lock()
			p := latest
			mu.Unlock()
			send(p)
			select {
			case <-quit:
				return
			case <-time.After(interval):
			}
		}
	}()
	report = func(p contract.Progress) {
		mu.Lock()
		latest = p
		mu.Unlock()
		select {
		case fresh <- struct{}{}:
		default:
		}
	}
	return report, sync.OnceFunc(func() {
		close(quit)
		<-ended
	})
}
