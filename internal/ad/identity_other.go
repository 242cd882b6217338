//go:build !windows

package ad

import "groupwriteback/internal/engine"

func newIdentityBinder(e endpoint, _ string) (binder, error) {
	return nil, &engine.Error{
		Category: engine.InvalidArgument, ID: "CurrentIdentityUnsupported", Object: e.String(),
		Message: "The current user's identity can be used on Windows only.",
		Advice:  "Give credentials, or a keytab.",
	}
}
