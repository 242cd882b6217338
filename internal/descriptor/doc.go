// Package descriptor reads, compares, changes and writes Windows security descriptors in
// their self-relative form (MS-DTYP 2.4.6). What it reads and does not change, it writes
// byte for byte, whatever the types of the entries.
//
// Files: parse.go and bytes.go are the codec, ace.go and mask.go the entries, order.go
// changes a list, access.go evaluates it, sddl.go and words.go write it for people.
package descriptor
