package server

// Fault is what goes wrong with one operation.
type Fault int

// The faults. Lost, Half and NoPaging come after the operation was done.
const (
	None        Fault = iota
	Cut               // the connection ends before the operation
	Lost              // the connection ends in place of the answer
	Half              // entries are sent, then the connection ends
	Silent            // there is no answer, and the connection stays
	Busy              // the operation is refused as busy
	Unavailable       // the operation is refused because the service is not available
	TimedOut          // the operation is refused with timeLimitExceeded
	Limited           // half of the entries, and sizeLimitExceeded
	NoPaging          // the answer lacks the paging control
)

// Operation is a request as a fault function sees it.
type Operation struct {
	// Kind is bind, search, add, modify, modifyDN, delete or extended.
	Kind string
	// User is the sAMAccountName that the connection is bound as, or "" before the
	// bind.
	User string
	// DN is the object as the request names it. Attributes are those that a search asks
	// for or a modify changes.
	DN         string
	Attributes []string
	// Paged says that a search has the paging control. Values is the largest number of
	// values in one change of a modify.
	Paged  bool
	Values int
	// Number counts the operations of a connection, from 1.
	Number int
}

// SetFault makes f decide about every operation from now on; with nil, nothing goes
// wrong. f is called without a lock, so it may use connections of its own.
func (s *Server) SetFault(f func(Operation) Fault) {
	if f == nil {
		s.fault.Store(nil)
		return
	}
	s.fault.Store(&f)
}

func (s *Server) faultOf(o Operation) Fault {
	if f := s.fault.Load(); f != nil {
		return (*f)(o)
	}
	return None
}
