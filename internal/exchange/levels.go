package exchange

import (
	"slices"
)

// release is a row of the table of levels. The organisation's level tells most of them
// apart; where it does not, the schema and the domain do, and what remains has one row with
// several names.
type release struct {
	name                         string
	schema, domain, organization int
}

// releases are the levels that Microsoft publishes (Exchange's page "Prepare Active
// Directory and domains"), the newest first.
var releases = []release{
	{"Exchange Server SE RTM or 2019 CU15", 17003, 13243, 16763},
	{"Exchange Server 2019 CU14", 17003, 13243, 16762},
	{"Exchange Server 2019 CU13", 17003, 13243, 16761},
	{"Exchange Server 2019 CU12", 17003, 13243, 16760},
	{"Exchange Server 2019 CU11", 17003, 13242, 16759},
	{"Exchange Server 2019 CU10", 17003, 13241, 16758},
	{"Exchange Server 2019 CU9", 17002, 13240, 16757},
	{"Exchange Server 2019 CU8", 17002, 13239, 16756},
	{"Exchange Server 2019 CU7", 17001, 13238, 16755},
	{"Exchange Server 2019 CU2 to CU6", 17001, 13237, 16754},
	{"Exchange Server 2019 CU1", 17000, 13236, 16752},
	{"Exchange Server 2019 RTM", 17000, 13236, 16751},
	{"Exchange Server 2016 CU23", 15334, 13243, 16223},
	{"Exchange Server 2016 CU22", 15334, 13242, 16222},
	{"Exchange Server 2016 CU21", 15334, 13241, 16221},
	{"Exchange Server 2016 CU20", 15333, 13240, 16220},
	{"Exchange Server 2016 CU19", 15333, 13239, 16219},
	{"Exchange Server 2016 CU18", 15332, 13238, 16218},
	{"Exchange Server 2016 CU13 to CU17", 15332, 13237, 16217},
	{"Exchange Server 2016 CU12", 15332, 13236, 16215},
	{"Exchange Server 2016 CU11", 15332, 13236, 16214},
	{"Exchange Server 2016 CU7 to CU10", 15332, 13236, 16213},
	{"Exchange Server 2016 CU6", 15330, 13236, 16213},
	{"Exchange Server 2016 CU4 or CU5", 15326, 13236, 16213},
	{"Exchange Server 2016 CU3", 15326, 13236, 16212},
	{"Exchange Server 2016 CU2", 15325, 13236, 16212},
	{"Exchange Server 2016 CU1", 15323, 13236, 16211},
	{"Exchange Server 2013 CU23", 15312, 13237, 16133},
	{"Exchange Server 2013 CU22", 15312, 13236, 16131},
	{"Exchange Server 2013 CU10 to CU21", 15312, 13236, 16130},
}

// Release names the release to which the forest is prepared, by the levels: both names
// where they cannot tell two apart, and the neighbours of a level that is not known. It
// returns "" if neither schema nor organisation has a level.
func (o *Organization) Release() string {
	level := func(r release) int { return r.organization }
	have := o.OrganizationLevel
	if have == 0 {
		level, have = func(r release) int { return r.schema }, o.SchemaLevel
	}
	if have == 0 {
		return ""
	}
	var fitting []release
	for _, r := range releases {
		if level(r) == have && (o.OrganizationLevel == 0 || o.SchemaLevel == 0 || r.schema == o.SchemaLevel) {
			fitting = append(fitting, r)
		}
	}
	if len(fitting) > 1 {
		return fitting[len(fitting)-1].name + " up to " + fitting[0].name
	}
	if len(fitting) == 1 {
		return fitting[0].name
	}
	// A schema of one release under an organisation of another is a preparation that is
	// half done: the organisation says what was done whole.
	if o.SchemaLevel != 0 && o.OrganizationLevel != 0 {
		return (&Organization{OrganizationLevel: o.OrganizationLevel}).Release()
	}
	return between(level, have)
}

// between names where a level stands that no row has.
func between(level func(release) int, have int) string {
	newer := slices.IndexFunc(releases, func(r release) bool { return level(r) < have })
	switch newer {
	case 0:
		return "newer than " + releases[0].name
	case -1:
		return "older than " + releases[len(releases)-1].name
	}
	return "newer than " + releases[newer].name + " and older than " + releases[newer-1].name
}

// The first builds of Exchange Server that know groups of type RemoteGroupMailbox: 2013
// CU11 and 2016 CU1, by Microsoft's page on Microsoft 365 groups with on-premises Exchange.
var (
	first2013 = Version{15, 0, 1156, 0}
	first2016 = Version{15, 1, 396, 0}
)

// Levels of the organisation.
const (
	level2013CU22 = 16131
	level2013CU23 = 16133
	level2016CU1  = 16211
)

// KnowsRemoteGroups reports whether the organisation has a server of at least 2013 CU11 or
// 2016 CU1, which know a group that stands for one in the cloud. A schema without servers
// knows nothing. A server whose version cannot be read counts if the organisation has a
// level that is certainly late enough: of 2016 CU1, or of 2013 CU22, because those before
// do not tell CU10 from CU11.
func (o *Organization) KnowsRemoteGroups() bool {
	return slices.ContainsFunc(o.Servers, func(s Server) bool {
		switch v := s.Version; {
		case v == (Version{}):
			return o.OrganizationLevel >= level2013CU22 && o.OrganizationLevel <= level2013CU23 || o.OrganizationLevel >= level2016CU1
		case v.Major == 15 && v.Minor == 0:
			return !v.before(first2013)
		default:
			return !v.before(first2016)
		}
	})
}

// SchemaOnly reports whether Exchange Setup has prepared the forest and no server is there:
// every attribute can be written, and nobody routes mail. It is false if the servers could
// not be read.
func (o *Organization) SchemaOnly() bool {
	return o.SchemaLevel > 0 && len(o.Servers) == 0 && o.Read(PartServers)
}
