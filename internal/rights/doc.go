// Package rights says which rights an account needs in Active Directory to write groups,
// as entries of an access control list, and compares them with those that it has. Its
// functions are pure.
package rights
