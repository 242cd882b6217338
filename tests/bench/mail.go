package main

import (
	"context"
	"fmt"
	"os"

	"groupwriteback/internal/graph/graphtest"
)

// mail counts what the mail side of groups costs: what a run requests from Graph and from
// Active Directory with MailOnly and with Remote, when it creates all groups, when nothing
// has changed, and when some groups have changed. It uses the domain controller in this
// process, whose forest has Exchange.
func mail(ctx context.Context, r *report) error {
	groups, changed := scaled(1000), scaled(100)
	cost := map[string][]requests{}
	choices := []string{"MailOnly", "Remote"}
	for _, choice := range choices {
		counts, err := mailOf(ctx, choice, groups, changed)
		if err != nil {
			return err
		}
		cost[choice] = counts
	}
	r.tell("groups", float64(groups), "")
	r.tell("of which are changed", float64(changed), "")
	for at, what := range []string{"all created", "nothing changed", "some changed"} {
		for _, choice := range choices {
			now := cost[choice][at]
			of := what + ", " + choice + ": "
			r.tell(of+"requests to Graph", float64(now.graph), "")
			r.tell(of+"resource units", float64(now.units), "")
			r.tell(of+"LDAP messages", float64(now.ldap.Messages), "")
		}
	}
	quiet := cost["Remote"][1].graph - cost["MailOnly"][1].graph
	r.exactly("nothing changed: requests to Graph that recipients cost", float64(quiet), "", 0)
	return nil
}

// mailOf returns what three runs requested.
func mailOf(ctx context.Context, choice string, groups, changed int) ([]requests, error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	dc, server, err := inProcess(folder)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	var seed graphtest.Seed
	for n := range groups {
		alias := fmt.Sprintf("group%05d", n)
		seed.Groups = append(seed.Groups, graphtest.Group{
			ID: fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", n), DisplayName: alias, GroupTypes: []string{"Unified"}, MailNickname: alias, Mail: alias + "@litware.test",
			ProxyAddresses: []string{"SMTP:" + alias + "@litware.test", "smtp:" + alias + "@litware.mail.onmicrosoft.com"},
		})
	}
	i, err := install(ctx, folder, seed, nil, dc, dc.container, fields{"mailRecipient": choice})
	if err != nil {
		return nil, err
	}
	defer i.close()
	var counts []requests
	created, err := i.count(ctx)
	if err == nil && created.run.Exported.Create != groups {
		err = fmt.Errorf("%s: %d groups were created in place of %d", choice, created.run.Exported.Create, groups)
	}
	if err != nil {
		return nil, err
	}
	counts = append(counts, created)
	if _, err := i.count(ctx); err != nil { // reads once what the first run has written
		return nil, err
	}
	same, err := i.counted(ctx)
	if err != nil {
		return nil, err
	}
	counts = append(counts, same)
	for n := range changed {
		if err := i.tenant.PatchGroup(seed.Groups[n].ID, map[string]any{"description": "changed"}); err != nil {
			return nil, err
		}
	}
	some, err := i.counted(ctx)
	if err == nil && some.run.Exported.Update != changed {
		err = fmt.Errorf("%s: %d groups were changed in place of %d", choice, some.run.Exported.Update, changed)
	}
	return append(counts, some), err
}
