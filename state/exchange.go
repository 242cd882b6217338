package state

import (
	"context"
	"database/sql"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// noteExchangeDue records that Exchange has to look at the object of an updated group
// again, if the change wrote an attribute that Exchange derives others from: the address
// lists it is in, its addresses by policy, its name. A new group needs no record, because
// its object shows what Exchange has not done yet.
func noteExchangeDue(q *session, run int64, o *contract.ChangeOutcome) error {
	_, err := q.exec(`INSERT INTO exchange_due (target_guid, run)
		SELECT target_guid, ?2 FROM change WHERE id = ?1 AND action IN ('Update', 'Move', 'Adopt') AND attributes <> '' AND EXISTS (
			SELECT 1 FROM json_each(attributes) a WHERE lower(a.value ->> '$.name') IN ('displayname', 'mailnickname', 'mail', 'proxyaddresses', 'targetaddress')
				OR a.value ->> '$.name' LIKE 'msExch%' OR a.value ->> '$.name' LIKE 'extensionAttribute%')
		ON CONFLICT (target_guid) DO UPDATE SET run = excluded.run`, o.ChangeID, run)
	return err
}

// ExchangeDue returns, for those of the objects that have one, the run that last changed
// what Exchange makes of the group.
func (s *State) ExchangeDue(ctx context.Context, targets []directory.GUID) (due map[directory.GUID]int64, err error) {
	due = map[directory.GUID]int64{}
	err = s.read(ctx, "read what is due in Exchange", func(q *session) error {
		for _, target := range targets {
			if err := q.each("SELECT run FROM exchange_due WHERE target_guid = ?", []any{target[:]}, func(rows *sql.Rows) error {
				var run int64
				err := rows.Scan(&run)
				due[target] = run
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return due, err
}

// ClearExchangeDue clears the objects whose last run is not after the given one.
func (s *State) ClearExchangeDue(ctx context.Context, seen map[directory.GUID]int64) (cleared int, err error) {
	err = s.write(ctx, "clear what was done in Exchange", func(q *session) error {
		cleared = 0
		for target, run := range seen {
			n, err := q.changed("DELETE FROM exchange_due WHERE target_guid = ? AND run <= ?", target[:], run)
			if err != nil {
				return err
			}
			cleared += int(n)
		}
		return nil
	})
	return cleared, err
}
