package graph

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// endpoints are the two hosts that a source talks to, as https URLs without a trailing
// slash.
type endpoints struct {
	authority, graph string
	// private says that the authority was given explicitly, so the global sign-in
	// service cannot vouch for it.
	private bool
}

func resolveEndpoints(config contract.SourceConfig) (endpoints, error) {
	cloud, ok := directory.Cloud(config.Cloud).Endpoints()
	if !ok {
		return endpoints{}, invalidSetting("Environment", fmt.Sprintf("%q is not a known cloud", config.Cloud),
			"Use one of the clouds that -Environment accepts, or specify -Authority and -GraphEndpoint.")
	}
	hosts := endpoints{authority: cloud.Authority, graph: cloud.Graph}
	var err error
	if config.Authority != "" {
		hosts.private = true
		if hosts.authority, err = cleanEndpoint("Authority", config.Authority); err != nil {
			return endpoints{}, err
		}
	}
	if config.GraphEndpoint != "" {
		if hosts.graph, err = cleanEndpoint("GraphEndpoint", config.GraphEndpoint); err != nil {
			return endpoints{}, err
		}
	}
	return hosts, nil
}

func cleanEndpoint(setting, value string) (string, error) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", invalidSetting(setting, "it is not an https URL that consists only of the host",
			"Specify it in the form https://graph.example.com.")
	}
	return "https://" + strings.ToLower(u.Host), nil
}

// maxFile bounds the size of credential files; real ones have a few KiB.
const maxFile = 1 << 20

func readSmallFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("it is not a regular file of at most %d bytes", maxFile)
	}
	return os.ReadFile(path)
}
