// Command tenant serves a simulated Entra tenant for the lab, the demo and the tests,
// until it is interrupted. See README.md in its folder.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"groupwriteback/internal/graph/graphtest"
)

//go:embed demo.json
var demo []byte

func main() {
	dir := flag.String("dir", "", "folder for the files env, ca.pem and so on; made when missing")
	users := flag.String("users", "", "JSON array of the on-premises users that are synced to the tenant")
	seed := flag.String("seed", "", "seed file; the built-in demo when empty")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dir, *users, *seed, *listen, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "tenant:", err)
		os.Exit(1)
	}
}

// run serves the tenant until the context ends.
func run(ctx context.Context, dir, users, seedFile, listen string, rest []string) error {
	if dir == "" || len(rest) > 0 {
		return fmt.Errorf("usage: tenant --dir DIR [--users users.json] [--seed seed.json] [--listen 127.0.0.1:0]")
	}
	text := demo
	options := graphtest.Options{Listen: listen, ManagedIdentity: true}
	if seedFile != "" {
		var err error
		if text, err = os.ReadFile(seedFile); err != nil {
			return err
		}
	}
	seed, err := graphtest.ParseSeed(text)
	if err != nil {
		return err
	}
	if users != "" {
		text, err := os.ReadFile(users)
		if err != nil {
			return err
		}
		if options.ADUsers, err = graphtest.ParseADUsers(text); err != nil {
			return err
		}
	}
	server, err := graphtest.New(seed, options).Start()
	if err != nil {
		return err
	}
	defer server.Close()
	if err := writeFiles(dir, server); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
