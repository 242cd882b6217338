package main

import "golang.org/x/sys/windows"

// account returns the account of this process as DOMAIN\name, and its SID. os/user would
// also look up the full name, for which it may wait for a domain controller.
func account() (name, sid string) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", ""
	}
	sid = user.User.Sid.String()
	name, domain, _, err := user.User.Sid.LookupAccount("")
	if err != nil {
		return sid, sid
	}
	return domain + `\` + name, sid
}
