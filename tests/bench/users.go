package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"groupwriteback/internal/directory"
	"groupwriteback/internal/graph/graphtest"
)

// makeUsers adds users to the domain controller and returns them in the form in which a
// simulated tenant takes them.
func makeUsers(dc *controller, count int) ([]graphtest.ADUser, error) {
	if err := addUsers(dc, count); err != nil {
		return nil, err
	}
	users, err := readUsers(dc)
	if err == nil && len(users) != count {
		err = fmt.Errorf("%d users were found in place of %d", len(users), count)
	}
	return users, err
}

func addUsers(dc *controller, count int) error {
	var ldif bytes.Buffer
	for n := range count {
		fmt.Fprintf(&ldif, "dn: CN=bench%05d,%s\nobjectClass: user\nsAMAccountName: bench%05[1]d\nuserAccountControl: 544\n\n", n, dc.people)
	}
	command := dc.tool(true, "ldapadd")
	command.Stdin = &ldif
	var problems bytes.Buffer
	command.Stderr = &problems
	if err := command.Run(); err != nil {
		return fmt.Errorf("add %d users: %w: %s", count, err, problems.Bytes())
	}
	return nil
}

func readUsers(dc *controller) ([]graphtest.ADUser, error) {
	out, err := dc.tool(true, "ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt", "-b", dc.people,
		"(sAMAccountName=bench*)", "sAMAccountName", "objectGUID", "objectSid").Output()
	if err != nil {
		return nil, fmt.Errorf("ldapsearch: %w", err)
	}
	var users []graphtest.ADUser
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		raw := []byte(value) // a value that happens to be text is not encoded
		if encoded, ok := strings.CutSuffix(name, ":"); ok {
			name = encoded
			raw, _ = base64.StdEncoding.DecodeString(value)
		}
		if name == "dn" {
			users = append(users, graphtest.ADUser{DN: value})
			continue
		}
		if len(users) == 0 {
			continue
		}
		u := &users[len(users)-1]
		switch name {
		case "sAMAccountName":
			u.SamAccountName, u.UPN = value, value+"@bench.test"
		case "objectGUID":
			guid, err := directory.GUIDFromAD(raw)
			if err != nil {
				return nil, err
			}
			u.ObjectGUID = guid.String()
		case "objectSid":
			sid, err := directory.SIDFromAD(raw)
			if err != nil {
				return nil, err
			}
			u.ObjectSID = string(sid)
		}
	}
	return users, lines.Err()
}
