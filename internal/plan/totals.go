package plan

// Totals counts the changes of a plan, or those of it that were exported. Create counts
// what was restored, too.
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
func (t *Totals) Add(c *Change) { t.count(c, 1) }

// Take removes one change from the count.
func (t *Totals) Take(c *Change) { t.count(c, -1) }

func (t *Totals) count(c *Change, n int) {
	switch c.Action {
	case Create, Restore:
		t.Create += n
	case Adopt:
		t.Adopt += n
	case Update:
		t.Update += n
	case Move:
		t.Move += n
	case UpdateMembers:
		t.UpdateMembers += n
	case Delete:
		t.Delete += n
	case Skip:
		t.Skip += n
	}
	t.MembersAdded += n * len(c.Add)
	t.MembersRemoved += n * len(c.Remove)
}
