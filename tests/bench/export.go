package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

// written are the attributes of a group that the engine writes.
var written = []string{"objectClass", "cn", "sAMAccountName", "groupType", "displayName", "description", "mail",
	"adminDescription", "msDS-ExternalDirectoryObjectId", "extensionName", "member"}

// export compares the first export of groups by the engine with ldapadd of the
// finished LDIF on one connection: equal objects, the same account, the same
// domain controller, each time in an organisational unit of its own. Rounds of
// ldapadd stand before and after each of the engine's, since a directory becomes
// slower as it grows.
func export(ctx context.Context, r *report) error {
	groups, members := scaled(5000), 20
	dc, err := labController()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	users, err := labUsers()
	if err != nil {
		return err
	}
	round := func(name string, random uint64, connections int) (exported, whole time.Duration, unit string, err error) {
		if unit, err = dc.unit(name); err != nil {
			return 0, 0, "", err
		}
		seed := graphtest.Seed{Generate: &graphtest.Generation{Groups: groups, Members: members, RandomSeed: random}}
		i, err := install(ctx, filepath.Join(folder, name), seed, users, dc, unit, fields{"connections": connections})
		if err != nil {
			return 0, 0, "", err
		}
		defer i.close()
		var first, last progress
		run, whole, err := i.sync(ctx, func(p progress) {
			if p.Step == "export" {
				if first.Done == 0 {
					first = p
				}
				last = p
			}
		})
		if err == nil && run.Exported.Create != groups {
			err = fmt.Errorf("the run created %d groups in place of %d", run.Exported.Create, groups)
		}
		if err == nil && last.Done == first.Done {
			err = fmt.Errorf("the export was too short to be measured")
		}
		if err != nil {
			return 0, 0, "", err
		}
		// Notifications are some time apart, so the time of the export is that
		// of all groups at the rate between the first and the last of them.
		return time.Duration(float64(last.at.Sub(first.at)) * float64(groups) / float64(last.Done-first.Done)), whole, unit, nil
	}

	_, _, unit, err := round("template", 1, 8)
	if err != nil {
		return err
	}
	template, err := readBack(&dc, unit, groups)
	if err != nil {
		return err
	}
	plain := func(n int) (time.Duration, error) { return ldapadd(&dc, folder, template, unit, n) }
	before, err := plain(0)
	if err != nil {
		return err
	}
	r.tell("groups", float64(groups), fmt.Sprintf("of %d members", members))
	r.tell("ldapadd, one connection, round 0", before.Seconds(), "s")
	for n, connections := range []int{1, 4, 8} {
		exported, whole, _, err := round(fmt.Sprintf("engine%d", connections), uint64(connections)+1, connections)
		if err != nil {
			return err
		}
		after, err := plain(n + 1)
		if err != nil {
			return err
		}
		baseline := (before + after) / 2
		name := fmt.Sprintf("connections=%d: ", connections)
		r.tell(name+"export", exported.Seconds(), "s")
		bound := 1.0
		if connections == 1 {
			bound = 1.15
		}
		r.atMost(name+"export / ldapadd", exported.Seconds()/baseline.Seconds(), "", bound)
		r.tell(name+"whole run / ldapadd", whole.Seconds()/baseline.Seconds(), "")
		r.tell(fmt.Sprintf("ldapadd, one connection, round %d", n+1), after.Seconds(), "s")
		before = after
	}
	return nil
}

func labUsers() ([]graphtest.ADUser, error) {
	text, err := os.ReadFile(filepath.Join(os.Getenv("GWB_LAB_DIR"), "users.json"))
	if err != nil {
		return nil, err
	}
	return graphtest.ParseADUsers(text)
}

// readBack returns what stands in the unit as LDIF that ldapadd takes.
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

// version is what stands before the version of an id of the simulated tenant,
// and the version.
var version = regexp.MustCompile(`(Group_[0-9a-f]{8}-[0-9a-f]{4}-)[0-9]`)

// ldapadd adds the objects of the template once more, in a unit of their own and
// under other ids of the same length.
func ldapadd(dc *controller, folder string, template []byte, unit string, n int) (time.Duration, error) {
	own, err := dc.unit(fmt.Sprintf("plain%d", n))
	if err != nil {
		return 0, err
	}
	ldif := bytes.ReplaceAll(template, []byte(","+unit), []byte(","+own))
	ldif = version.ReplaceAll(ldif, []byte("${1}"+string(rune('a'+n))))
	file := filepath.Join(folder, "groups.ldif")
	if err := os.WriteFile(file, ldif, 0o600); err != nil {
		return 0, err
	}
	command := dc.tool(false, "ldapadd", "-f", file)
	var problems bytes.Buffer
	command.Stderr = &problems
	began := time.Now()
	if err := command.Run(); err != nil {
		return 0, fmt.Errorf("ldapadd: %w: %s", err, problems.Bytes())
	}
	return time.Since(began), nil
}
