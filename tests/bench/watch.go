package main

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"groupwriteback/internal/contract"
)

// watch has the time and the peak of the process's resident memory, in MiB, of each step
// of a run.
type watch struct {
	took map[string]time.Duration
	peak map[string]float64
}

// watched runs something of the engine in this process and watches it.
func watched(ctx context.Context, run func(context.Context, contract.Report) (contract.Run, error)) (watch, contract.Run, error) {
	w := watch{took: map[string]time.Duration{}, peak: map[string]float64{}}
	step, since := "", time.Now()
	enter := func(next string) {
		if next != step {
			w.took[step] += time.Since(since)
			w.peak[step] = max(w.peak[step], peakMiB())
			resetPeak()
			step, since = next, time.Now()
		}
	}
	runtime.GC()
	resetPeak()
	record, err := run(ctx, func(p contract.Progress) { enter(p.Step) })
	enter("end")
	return w, record, err
}

// staging returns the time of the steps that read and stage both sides.
func (w *watch) staging() time.Duration {
	return w.took["ImportSource"] + w.took["ImportMembers"] + w.took["ImportTarget"] + w.took["Resolve"]
}

func (w *watch) whole() (all time.Duration) {
	for _, d := range w.took {
		all += d
	}
	return all
}

func (w *watch) highest() (peak float64) {
	for _, p := range w.peak {
		peak = max(peak, p)
	}
	return peak
}

// tellSteps adds the time of each step of a delta run.
func (r *report) tellSteps(of string, w *watch) {
	for _, step := range []string{"ImportSource", "ImportTarget", "Resolve", "Plan", "Limits", "Export", "Confirm", "Settle", "Commit"} {
		r.tell(of+step, w.took[step].Seconds(), "s")
	}
}

// resetPeak and peakMiB measure the resident memory of the whole process, including
// SQLite's, if the kernel tells it.
func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func peakMiB() float64 { return peakOf("self") }

// peakOf returns the peak resident memory of a process, given by its id, in MiB.
func peakOf(process string) float64 {
	text, _ := os.ReadFile("/proc/" + process + "/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
