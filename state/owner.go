package state

import (
	"context"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Owner returns the tenant and the domain that the state belongs to. They are zero
// values for a new state.
func (s *State) Owner(ctx context.Context) (tenant directory.GUID, domain contract.DomainRef, err error) {
	err = s.read(ctx, "read the owner of the state", func(q *session) error {
		_, err := q.one("SELECT tenant_id, domain_guid, domain_sid, domain_name FROM owner", nil,
			intoGUID(&tenant), intoGUID(&domain.GUID), &domain.SID, &domain.Name)
		return err
	})
	return tenant, domain, err
}

// SetOwner stores the tenant and the domain that the state belongs to. The caller
// decides whether they may change.
func (s *State) SetOwner(ctx context.Context, tenant directory.GUID, domain contract.DomainRef) error {
	return s.write(ctx, "store the owner of the state", func(q *session) error {
		_, err := q.exec(`INSERT OR REPLACE INTO owner (only, tenant_id, domain_guid, domain_sid, domain_name) VALUES (1, ?, ?, ?, ?)`,
			tenant[:], domain.GUID[:], string(domain.SID), domain.Name)
		return err
	})
}
