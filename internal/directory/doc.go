// Package directory holds the nouns that both sides share: groups as the tenant has
// them, groups as Active Directory has them, their members, and the identifiers that
// tie the two together. It imports only the standard library and performs no I/O.
package directory
