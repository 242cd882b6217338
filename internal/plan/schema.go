package plan

// Schema is what a forest's schema says about attributes of groups, by their names in the
// mapping. It lacks the attributes that groups cannot have, unless it says so of one. A
// nil Schema says nothing.
type Schema map[string]AttributeSchema

// AttributeSchema is what the schema says about one attribute. The zero value is a text of
// any length.
type AttributeSchema struct {
	// Name is the name in the schema's letter case; empty if it was not asked for.
	Name string
	// Syntax is attributeSyntax (MS-ADTS 3.1.1.2.2.2); empty counts as a text.
	Syntax string
	// Several is the opposite of isSingleValued.
	Several bool
	// RangeUpper is the maximum length of a text; 0 means no limit.
	RangeUpper int
	// NotOnGroups marks an attribute that the class group cannot have, and System one
	// that only the directory itself may write, or that it computes.
	NotOnGroups, System bool
}

// Comparison returns how values of the syntax are compared, or "" for a syntax that no
// expression can be written to.
func (s *AttributeSchema) Comparison() Comparison {
	switch s.Syntax {
	case "", "2.5.5.12", "2.5.5.5", "2.5.5.6": // Unicode; IA5 or printable; numeric
		return Text
	case "2.5.5.3", "2.5.5.4": // with and without letter case
		return Text
	case "2.5.5.1":
		return Name
	case "2.5.5.9", "2.5.5.16": // integer, large integer
		return Number
	case "2.5.5.8":
		return Boolean
	}
	return ""
}
