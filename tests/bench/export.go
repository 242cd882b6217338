package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

// written lists the attributes of a group that the engine writes.
var written = []string{"objectClass", "cn", "sAMAccountName", "groupType", "displayName", "description", "mail",
	"adminDescription", "msDS-ExternalDirectoryObjectId", "extensionName", "member"}

// export compares the engine's first export of groups with ldapadd of the finished LDIF
// on one connection. Both write equal objects to the same domain controller with the
// same account, each time in a new organisational unit. A round of ldapadd runs before
// and after each round of the engine, since a directory becomes slower as it grows.
// Samba does one write after another, and on the loopback interface there is no time to
// gain between them. So a second comparison, with fewer groups, simulates a network with
// a round trip of 5 ms.
func export(ctx context.Context, r *report) error {
	dc, err := labController()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	users, err := makeUsers(&dc, scaled(2_000))
	if err != nil {
		return err
	}
	near := &comparison{dc: dc, folder: folder, users: users, groups: scaled(5_000), name: "near"}
	if err := near.compare(ctx, r, 1, 4); err != nil {
		return err
	}
	p, err := newProxy(folder, dc)
	if err != nil {
		return err
	}
	defer p.close()
	p.delay = 5 * time.Millisecond
	far := &comparison{dc: p.controller, folder: folder, users: users, groups: scaled(500), name: "far", proxy: p}
	return far.compare(ctx, r, 1, 4, 8)
}

// comparison compares rounds with equal objects over one network.
type comparison struct {
	dc     controller
	folder string
	users  []graphtest.ADUser
	groups int
	name   string
	proxy  *proxy // nil: none

	template []byte // LDIF of the objects in unit
	unit     string
}

const exportedMembers = 20

func (c *comparison) compare(ctx context.Context, r *report, connections ...int) error {
	r.tell(c.name+": groups", float64(c.groups), fmt.Sprintf("of %d members", exportedMembers))
	_, _, err := c.engine(ctx, "template", 1, 8)
	if err != nil {
		return err
	}
	if c.template, err = readBack(&c.dc, c.unit, c.groups); err != nil {
		return err
	}
	before, err := c.ldapadd(0, 1)
	if err != nil {
		return err
	}
	r.tell(c.name+": ldapadd, round 0", before.Seconds(), "s")
	for n, connections := range connections {
		if c.proxy != nil {
			c.proxy.take()
		}
		exported, whole, err := c.engine(ctx, fmt.Sprint("engine", n), uint64(n)+2, connections)
		if err != nil {
			return err
		}
		var sent traffic
		if c.proxy != nil {
			sent = c.proxy.take()
		}
		after, err := c.ldapadd(n+1, 1)
		if err != nil {
			return err
		}
		baseline := (before + after) / 2
		name := fmt.Sprintf("%s, connections=%d: ", c.name, connections)
		r.tell(name+"export", exported.Seconds(), "s")
		bound := 1.0
		if connections == 1 {
			bound = 1.15
		}
		r.atMost(name+"export / ldapadd", exported.Seconds()/baseline.Seconds(), "", bound)
		r.tell(name+"whole run / ldapadd", whole.Seconds()/baseline.Seconds(), "")
		if sent.Messages > 0 {
			r.tell(name+"writes for each group", float64(sent.Writes)/float64(c.groups), "")
			r.tell(name+"searches for each group", float64(sent.Searches)/float64(c.groups), "")
		}
		r.tell(fmt.Sprintf("%s: ldapadd, round %d", c.name, n+1), after.Seconds(), "s")
		before = after
	}
	return c.control(r, before, len(connections)+1, slices.Max(connections))
}

// control measures what ldapadd itself gains from as many connections. The engine cannot
// gain what the domain controller does not allow.
func (c *comparison) control(r *report, before time.Duration, round, connections int) error {
	parallel, err := c.ldapadd(round, connections)
	if err != nil {
		return err
	}
	after, err := c.ldapadd(round+1, 1)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s: ldapadd, connections=%d", c.name, connections)
	r.tell(name, parallel.Seconds(), "s")
	r.tell(name+" / ldapadd", parallel.Seconds()/((before+after)/2).Seconds(), "")
	return nil
}

// engine exports groups to a new unit, and returns how long the export and the whole run
// took.
func (c *comparison) engine(ctx context.Context, name string, random uint64, connections int) (exported, whole time.Duration, err error) {
	unit, err := c.dc.unit(c.name + name)
	if err != nil {
		return 0, 0, err
	}
	if c.unit == "" {
		c.unit = unit
	}
	seed := graphtest.Seed{Generate: &graphtest.Generation{Groups: c.groups, Members: exportedMembers, RandomSeed: uint64(len(c.name))<<8 | random}}
	i, err := install(ctx, filepath.Join(c.folder, c.name+name), seed, c.users, c.dc, unit, fields{"connections": connections})
	if err != nil {
		return 0, 0, err
	}
	defer i.close()
	var first, last progress
	run, whole, err := i.sync(ctx, func(p progress) {
		if p.Step == "Export" {
			if first.Done == 0 {
				first = p
			}
			last = p
		}
	})
	if err == nil && run.Exported.Create != c.groups {
		err = fmt.Errorf("the run created %d groups in place of %d", run.Exported.Create, c.groups)
	}
	if err == nil && last.Done == first.Done {
		err = fmt.Errorf("the export was too short to be measured")
	}
	if err != nil {
		return 0, 0, err
	}
	// Notifications come at intervals. So the time of the export is computed for
	// all groups from the rate between the first and the last notification.
	return time.Duration(float64(last.at.Sub(first.at)) * float64(c.groups) / float64(last.Done-first.Done)), whole, nil
}

// readBack returns the groups in the unit as LDIF that ldapadd accepts.
func readBack(dc *controller, unit string, groups int) ([]byte, error) {
	out, err := dc.tool(true, "ldapsearch", append([]string{"-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", unit, "(objectClass=group)"}, written...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("ldapsearch: %w", err)
	}
	var ldif bytes.Buffer
	found := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "dn:") {
			found++
		}
		if !strings.HasPrefix(line, "#") {
			ldif.WriteString(line)
		}
	}
	if found != groups {
		return nil, fmt.Errorf("ldapsearch found %d groups in place of %d", found, groups)
	}
	return ldif.Bytes(), nil
}

// version matches the digit with the version of a group's id in the simulated tenant,
// and what is before it.
var version = regexp.MustCompile(`(Group_[0-9a-f]{8}-[0-9a-f]{4}-)[0-9]`)

// ldapadd adds the objects of the template once more, in a new unit and with other ids
// of the same length. It starts one process for each connection.
func (c *comparison) ldapadd(round, connections int) (time.Duration, error) {
	own, err := c.dc.unit(fmt.Sprintf("%splain%d", c.name, round))
	if err != nil {
		return 0, err
	}
	ldif := bytes.ReplaceAll(c.template, []byte(","+c.unit), []byte(","+own))
	ldif = version.ReplaceAll(ldif, []byte("${1}"+string(rune('a'+round))))
	parts := make([]bytes.Buffer, connections)
	for i, object := range bytes.SplitAfter(ldif, []byte("\n\n")) {
		parts[i%connections].Write(object)
	}
	commands := make([]*exec.Cmd, connections)
	problems := make([]bytes.Buffer, connections)
	for i := range commands {
		file := filepath.Join(c.folder, fmt.Sprintf("groups%d.ldif", i))
		if err := os.WriteFile(file, parts[i].Bytes(), 0o600); err != nil {
			return 0, err
		}
		commands[i] = c.dc.tool(false, "ldapadd", "-f", file)
		commands[i].Stderr = &problems[i]
	}
	var failed error
	began := time.Now()
	for _, command := range commands {
		failed = errors.Join(failed, command.Start())
	}
	for i, command := range commands {
		if command.Process == nil {
			continue
		}
		if err := command.Wait(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("ldapadd: %w: %s", err, problems[i].Bytes()))
		}
	}
	return time.Since(began), failed
}
