package main

import (
	"os"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// caller returns who uses the engine, for the audit. What the operating system does not
// tell stays empty.
func caller(client, from string) contract.Caller {
	account, sid := account()
	computer, _ := os.Hostname()
	return contract.Caller{Account: account, AccountSID: directory.SID(sid), Computer: computer, Client: client, From: from}
}
