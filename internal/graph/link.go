package graph

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// stays returns an error if a link in an answer leads to another host, or to a
// different collection on the same host. Otherwise somebody who can change a link could
// make the engine read other objects than it asked for.
func (c call) stays(link string) error {
	to, err := url.Parse(link)
	if err != nil {
		return c.incomplete("a link in the response is not a valid URL", nil)
	}
	from, err := url.Parse(c.collection)
	if err != nil {
		return c.incomplete("the address is not a valid URL", err)
	}
	switch {
	case !sameHost(to, from.Scheme+"://"+from.Host):
		return c.elsewhere(to)
	case resource(to) != resource(from):
		return c.incomplete(fmt.Sprintf("a link in the response leads to another collection, %q", clean(to.Path)), nil)
	}
	return nil
}

func (c call) elsewhere(link *url.URL) error {
	return c.incomplete(fmt.Sprintf("a link in the response leads to another host, %q", clean(link.Host)), nil)
}

// sameHost reports whether the link is an https link to the endpoint and contains no
// user name or password.
func sameHost(link *url.URL, endpoint string) bool {
	host := strings.TrimSuffix(strings.ToLower(link.Host), ":443")
	return link.Scheme == "https" && link.User == nil && "https://"+host == strings.TrimSuffix(strings.ToLower(endpoint), ":443")
}

var (
	keyInBrackets = regexp.MustCompile(`\('([^'()/]*)'\)`)
	deltaFunction = regexp.MustCompile(`/(microsoft\.graph\.)?delta(\(\))?$`)
)

// resource returns the path of a collection in a canonical spelling. OData allows a key
// in parentheses or after a slash, and a function with or without namespace and
// parentheses, and Graph mixes these forms.
func resource(u *url.URL) string {
	path := strings.TrimRight(strings.ToLower(u.Path), "/")
	path = keyInBrackets.ReplaceAllString(path, "/$1")
	return deltaFunction.ReplaceAllString(path, "/delta")
}
