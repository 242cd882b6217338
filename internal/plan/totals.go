package plan

// Totals counts what a plan, or what was exported of it, comes to.
type Totals struct {
	Create         int `json:"create"`
	Adopt          int `json:"adopt"`
	Update         int `json:"update"`
	Move           int `json:"move"`
	UpdateMembers  int `json:"updateMembers"`
	Delete         int `json:"delete"`
	Skip           int `json:"skip"`
	MembersAdded   int `json:"membersAdded"`
	MembersRemoved int `json:"membersRemoved"`
}

// Add counts one change.
func (t *Totals) Add(c *Change) {
	switch c.Action {
	case Create:
		t.Create++
	case Adopt:
		t.Adopt++
	case Update:
		t.Update++
	case Move:
		t.Move++
	case UpdateMembers:
		t.UpdateMembers++
	case Delete:
		t.Delete++
	case Skip:
		t.Skip++
	}
	t.MembersAdded += len(c.Add)
	t.MembersRemoved += len(c.Remove)
}
