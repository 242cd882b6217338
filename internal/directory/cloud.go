package directory

// Cloud is one of Microsoft's national clouds, by the name that Connect-MgGraph uses.
// The module knows the same clouds and asks for tokens at the same addresses;
// tests/arch compares them.
type Cloud string

// Clouds are all the clouds. The first is the default.
var Clouds = []Cloud{"Global", "USGov", "USGovDoD", "China"}

// UnmarshalText accepts a value in any letter case.
func (c *Cloud) UnmarshalText(text []byte) error { return SetWord(c, text, Clouds) }

// CloudEndpoints are the hosts of a cloud, as https URLs without a trailing slash.
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

// Endpoints returns the hosts of the cloud; an empty cloud means the default. ok is
// false if the cloud is not one of Clouds.
func (c Cloud) Endpoints() (hosts CloudEndpoints, ok bool) {
	if c == "" {
		c = Clouds[0]
	}
	hosts, ok = cloudEndpoints[c]
	return hosts, ok
}
