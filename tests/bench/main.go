// Command bench measures the figures of docs/benchmarks.md. Each is a ratio or a count
// of one run, with its aim. tests/bench/run builds what the measurements need and starts
// a process for each of them:
//
//	bench export    inside the lab: exporting new groups, compared with ldapadd
//	bench quiet     inside the lab: a run in which nothing has changed
//	bench member    one member changed in a large group
//	bench plan      planning a large tenant, without a network
//	bench estate    the largest estate, without a network: a full import and a delta
//	bench delta     5,000 members changed in a group of 250,000, without a network
//	bench initial   reading a tenant that throttles
//	bench mail      what recipients cost in requests
//	bench update    inside the lab: one member changed in many groups
//
// The result goes to standard output and to out/bench/NAME.txt and NAME.json.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

var measurements = map[string]func(ctx context.Context, r *report) error{
	"export": export, "quiet": quiet, "member": member, "plan": planning, "estate": estate, "delta": delta, "initial": initial, "update": update, "mail": mail,
}

func main() {
	out := flag.String("out", "out/bench", "folder for the results")
	flag.Float64Var(&scale, "scale", 1, "multiplies the sizes, for trying the measurements out")
	profile := flag.String("cpuprofile", "", "file for a profile of the processor time of this process")
	flag.Parse()
	measure := measurements[flag.Arg(0)]
	if measure == nil || flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [--out DIR] [--scale N] export|quiet|member|plan|estate|delta|initial|mail|update")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r := &report{Name: flag.Arg(0)}
	err := profiled(*profile, func() error { return measure(ctx, r) })
	if err == nil {
		err = r.write(*out)
	}
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench %s: %v\n", flag.Arg(0), err)
		os.Exit(1)
	}
}

// profiled runs f and writes its profile to the file, unless that is empty.
func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// scale is 1 for the results that docs/benchmarks.md shows.
var scale float64

func scaled(n int) int { return max(1, int(float64(n)*scale)) }
