package directory

// Cloud is one of Microsoft's national clouds, by the name that Connect-MgGraph
// gives it. The module names the same ones, and asks for a token at the same
// addresses; tests/arch compares.
type Cloud string

// Clouds are all of them. The first is the one that is meant when none is named.
var Clouds = []Cloud{"Global", "USGov", "USGovDoD", "China"}

// UnmarshalText reads a value whatever its letter case.
func (c *Cloud) UnmarshalText(text []byte) error { return SetWord(c, text, Clouds) }

// CloudEndpoints are the hosts of a cloud, as https URLs without a slash at the end.
type CloudEndpoints struct {
	Authority string // the sign-in service
	Graph     string
}

var cloudEndpoints = map[Cloud]CloudEndpoints{
	"Global":   {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
	"USGov":    {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
	"USGovDoD": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
	"China":    {"https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"},
}

// Endpoints returns the hosts of the cloud. ok is false for a cloud that is not one
// of Clouds.
func (c Cloud) Endpoints() (hosts CloudEndpoints, ok bool) {
	if c == "" {
		c = Clouds[0]
	}
	hosts, ok = cloudEndpoints[c]
	return hosts, ok
}
