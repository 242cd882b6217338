//go:build !windows

package main

import (
	"fmt"
	"os"
	"os/user"
)

// account returns the account of this process; there is no SID.
func account() (name, sid string) {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username, ""
	}
	return fmt.Sprintf("uid %d", os.Geteuid()), ""
}
