package contract

import "groupwriteback/internal/directory"

func Targets(links []Link) []directory.GUID {
	out := make([]directory.GUID, len(links))
	for i, l := range links {
		out[i] = l.TargetGUID
	}
	return out
}
