//go:build !windows

package ad

import (
	"groupwriteback/internal/contract"
)

func newIdentityBinder(e endpoint, _ string) (binder, error) {
	return nil, &contract.Error{
		Category: contract.InvalidArgument, ID: "CurrentIdentityUnsupported", Object: e.String(),
		Message: "The current user's identity can be used only on Windows.",
		Advice:  "Specify credentials or a keytab.",
	}
}
