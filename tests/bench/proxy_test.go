package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestProxyCounts lets an independent client write and read through the proxy.
func TestProxyCounts(t *testing.T) {
	if _, err := exec.LookPath("ldapadd"); err != nil {
		t.Skip("ldapadd is not there: apt-get install ldap-utils")
	}
	folder := t.TempDir()
	dc, server, err := inProcess(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	users, err := makeUsers(&dc, 2000)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProxy(folder, dc)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	modify := p.tool(true, "ldapmodify")
	var ldif strings.Builder
	fmt.Fprintf(&ldif, "dn: CN=g,%s\nchangetype: add\nobjectClass: group\n", dc.container)
	for _, u := range users {
		fmt.Fprintf(&ldif, "member: %s\n", u.DN)
	}
	fmt.Fprintf(&ldif, "\ndn: CN=g,%s\nchangetype: modify\ndelete: member\nmember: %s\nmember: %s\n-\n", dc.container, users[0].DN, users[1].DN)
	modify.Stdin = strings.NewReader(ldif.String())
	if out, err := modify.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := p.take(), (traffic{Messages: 2, Writes: 2, ValuesWritten: 2002}); got != want {
		t.Errorf("writing: %+v, want %+v", got, want)
	}
	if out, err := p.tool(true, "ldapsearch", "-b", "CN=g,"+dc.container, "-s", "base", "(objectClass=*)", "cn", "member").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, want := p.take(), (traffic{Messages: 1, Searches: 1, Entries: 1, ValuesRead: 1500}); got != want {
		t.Errorf("reading: %+v, want %+v", got, want)
	}
}
