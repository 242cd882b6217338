package descriptor

import (
	"fmt"
	"strconv"
	"strings"

	"groupwriteback/internal/directory"
)

// Domains has the SIDs of the domain and of the forest's root domain, whose well-known
// principals have short names in SDDL.
type Domains struct{ Domain, Forest directory.SID }

// SDDL returns the parts that are there as text (MS-DTYP 2.5.1). Entries of types that
// SDDL has no name for appear with the number of the type and their bytes.
func (d Descriptor) SDDL(in Domains) string {
	var s strings.Builder
	if d.Owner != "" {
		s.WriteString("O:" + in.short(d.Owner))
	}
	if d.Group != "" {
		s.WriteString("G:" + in.short(d.Group))
	}
	writeList(&s, "D:", d.DACL, d.control&controlDACL != 0, d.control, in, [3]uint16{controlProtected, 0x0100, 0x0400})
	writeList(&s, "S:", d.SACL, d.control&controlSACL != 0, d.control, in, [3]uint16{0x2000, 0x0200, 0x0800})
	return s.String()
}

// writeList writes a list with the flags of the control field: protected, inheritance
// requested, inherited automatically.
func writeList(s *strings.Builder, name string, list *ACL, present bool, control uint16, in Domains, bits [3]uint16) {
	if !present {
		return
	}
	s.WriteString(name)
	for i, flag := range []string{"P", "AR", "AI"} {
		if control&bits[i] != 0 {
			s.WriteString(flag)
		}
	}
	if list == nil {
		s.WriteString("NO_ACCESS_CONTROL")
		return
	}
	for _, e := range list.Entries {
		s.WriteString(e.SDDL(in))
	}
}

// SDDL returns the entry as text, with its parentheses.
func (e ACE) SDDL(in Domains) string {
	if !e.Known() {
		return fmt.Sprintf("(0x%02x;%s;;;;;0x%x)", byte(e.Type), letters(uint32(e.Flags), aceFlags), e.body)
	}
	guid := func(g directory.GUID) string {
		if g.IsZero() {
			return ""
		}
		return g.String()
	}
	return fmt.Sprintf("(%s;%s;%s;%s;%s;%s)", typeNames[e.Type], letters(uint32(e.Flags), aceFlags), rightsSDDL(e.Mask),
		guid(e.Object), guid(e.InheritedBy), in.short(e.Trustee))
}

var typeNames = map[Type]string{
	Allowed: "A", Denied: "D", audit: "AU", AllowedObject: "OA", DeniedObject: "OD", auditObject: "OU",
	AllowedCallback: "XA", DeniedCallback: "XD", AllowedCallbackObject: "ZA", DeniedCallbackObject: "ZD",
}

// code is a bit with its SDDL name.
type code struct {
	bit  uint32
	name string
}

var aceFlags = []code{
	{ObjectInherit, "OI"}, {ContainerInherit, "CI"}, {NoPropagate, "NP"}, {InheritOnly, "IO"}, {Inherited, "ID"}, {0x40, "SA"}, {0x80, "FA"},
}

var rightCodes = []code{
	{CreateChild, "CC"}, {DeleteChild, "DC"}, {ListChildren, "LC"}, {Self, "SW"}, {ReadProperty, "RP"}, {Write, "WP"},
	{DeleteTree, "DT"}, {ListObject, "LO"}, {Control, "CR"}, {Delete, "SD"}, {ReadControl, "RC"}, {WriteDAC, "WD"}, {WriteOwner, "WO"},
	{GenericAll, "GA"}, {GenericRead, "GR"}, {GenericWrite, "GW"}, {GenericExecute, "GX"},
}

// rightsSDDL names the rights, or gives the mask as a number if it has others.
func rightsSDDL(mask uint32) string {
	var known uint32
	for _, c := range rightCodes {
		known |= c.bit
	}
	if mask&^known != 0 {
		return fmt.Sprintf("0x%x", mask)
	}
	return letters(mask, rightCodes)
}

func letters(bits uint32, codes []code) string {
	var s strings.Builder
	for _, c := range codes {
		if bits&c.bit != 0 {
			s.WriteString(c.name)
		}
	}
	return s.String()
}

// short returns the SDDL name of a well-known SID, or the SID itself (MS-DTYP 2.5.1.1).
func (in Domains) short(sid directory.SID) string {
	if name := sidNames[sid]; name != "" {
		return name
	}
	if rid, ok := strings.CutPrefix(string(sid), string(in.Domain)+"-"); ok && in.Domain != "" && ridNames[rid] != "" {
		return ridNames[rid]
	}
	if rid, ok := strings.CutPrefix(string(sid), string(in.Forest)+"-"); ok && in.Forest != "" && forestNames[rid] != "" {
		return forestNames[rid]
	}
	return string(sid)
}

var ridNames = map[string]string{
	"500": "LA", "501": "LG", "512": "DA", "513": "DU", "514": "DG", "515": "DC", "516": "DD", "517": "CA", "520": "PA",
	"522": "CN", "525": "AP", "526": "KA", "553": "RS",
}

var forestNames = map[string]string{"498": "RO", "518": "SA", "519": "EA", "527": "EK"}

var sidNames = map[directory.SID]string{
	"S-1-1-0": "WD", "S-1-3-0": "CO", "S-1-3-1": "CG", "S-1-3-4": "OW", "S-1-5-2": "NU", "S-1-5-4": "IU", "S-1-5-6": "SU",
	"S-1-5-7": "AN", "S-1-5-9": "ED", "S-1-5-10": "PS", "S-1-5-11": "AU", "S-1-5-12": "RC", "S-1-5-18": "SY", "S-1-5-19": "LS",
	"S-1-5-20": "NS", "S-1-5-33": "WR", "S-1-18-1": "AS", "S-1-18-2": "SS", "S-1-15-2-1": "AC",
	"S-1-16-4096": "LW", "S-1-16-8192": "ME", "S-1-16-8448": "MP", "S-1-16-12288": "HI", "S-1-16-16384": "SI",
	"S-1-5-32-544": "BA", "S-1-5-32-545": "BU", "S-1-5-32-546": "BG", "S-1-5-32-547": "PU", "S-1-5-32-548": "AO",
	"S-1-5-32-549": "SO", "S-1-5-32-550": "PO", "S-1-5-32-551": "BO", "S-1-5-32-552": "RE", "S-1-5-32-554": "RU",
	"S-1-5-32-555": "RD", "S-1-5-32-556": "NO", "S-1-5-32-558": "MU", "S-1-5-32-559": "LU", "S-1-5-32-568": "IS",
	"S-1-5-32-569": "CY", "S-1-5-32-573": "ER", "S-1-5-32-574": "CD", "S-1-5-32-575": "RA", "S-1-5-32-576": "ES",
	"S-1-5-32-577": "MS", "S-1-5-32-578": "HA", "S-1-5-32-579": "AA", "S-1-5-32-580": "RM", "S-1-5-84-0-0-0-0-0": "UD",
}

// typeOf is the text of a type that has no name.
func typeOf(t Type) string { return strconv.Itoa(int(t)) }
