package descriptor

// Rights to objects of Active Directory (MS-ADTS 5.1.3.2).
const (
	CreateChild  uint32 = 0x1
	DeleteChild  uint32 = 0x2
	ListChildren uint32 = 0x4
	Self         uint32 = 0x8 // validated writes
	ReadProperty uint32 = 0x10
	Write        uint32 = 0x20
	DeleteTree   uint32 = 0x40
	ListObject   uint32 = 0x80
	Control      uint32 = 0x100 // extended rights
	Delete       uint32 = 0x10000
	ReadControl  uint32 = 0x20000
	WriteDAC     uint32 = 0x40000
	WriteOwner   uint32 = 0x80000

	GenericAll     uint32 = 0x10000000
	GenericExecute uint32 = 0x20000000
	GenericWrite   uint32 = 0x40000000
	GenericRead    uint32 = 0x80000000
)

// What the generic rights stand for (MS-ADTS 5.1.3.2).
const (
	ReadAll    = ReadControl | ListChildren | ReadProperty | ListObject
	WriteAll   = ReadControl | Write | Self
	executeAll = ReadControl | ListChildren
	// FullControl is every right to an object.
	FullControl = CreateChild | DeleteChild | ListChildren | Self | ReadProperty | Write | DeleteTree | ListObject | Control |
		Delete | ReadControl | WriteDAC | WriteOwner
)

// Specific replaces the generic rights by those that they stand for.
func Specific(mask uint32) uint32 {
	for _, generic := range []struct{ bit, means uint32 }{
		{GenericAll, FullControl}, {GenericExecute, executeAll}, {GenericWrite, WriteAll}, {GenericRead, ReadAll},
	} {
		if mask&generic.bit != 0 {
			mask = mask&^generic.bit | generic.means
		}
	}
	return mask
}
