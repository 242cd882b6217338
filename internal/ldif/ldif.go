// Package ldif writes and reads objects of a directory in the LDAP Data Interchange Format
// (RFC 2849, version 1). It has records of content only, no changes, so that a file is what
// objects were and not something to run.
package ldif

import "strings"

// Attribute is an attribute with its values, which are any bytes. Name may have options,
// as in RFC 2849.
type Attribute struct {
	Name   string
	Values []string
}

// Entry is one object.
type Entry struct {
	DN         string
	Attributes []Attribute
}

// Values returns the values of an attribute, whose name is compared without letter case.
func (e *Entry) Values(name string) []string {
	for i := range e.Attributes {
		if strings.EqualFold(e.Attributes[i].Name, name) {
			return e.Attributes[i].Values
		}
	}
	return nil
}

// First returns the first value of an attribute, or "".
func (e *Entry) First(name string) string {
	if values := e.Values(name); len(values) > 0 {
		return values[0]
	}
	return ""
}
