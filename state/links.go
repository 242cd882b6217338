package state

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// Links lists the links by objectGUID.
func (s *State) Links(ctx context.Context, afterTarget directory.GUID, limit int) ([]contract.Link, error) {
	return s.listLinks(ctx, "list the links",
		"SELECT target_guid, source_id, dn, adopted, container FROM link WHERE target_guid > ? ORDER BY target_guid LIMIT ?", afterTarget[:], limit)
}

// LinksOf returns the links of these cloud groups. It leaves out groups without a
// link.
func (s *State) LinksOf(ctx context.Context, sources []directory.GUID) ([]contract.Link, error) {
	return s.findLinks(ctx, "SELECT target_guid, source_id, dn, adopted, container FROM link WHERE source_id = ?", sources)
}

// LinksTo returns the links to these objects. It leaves out objects without a link.
func (s *State) LinksTo(ctx context.Context, targets []directory.GUID) ([]contract.Link, error) {
	return s.findLinks(ctx, "SELECT target_guid, source_id, dn, adopted, container FROM link WHERE target_guid = ?", targets)
}

func (s *State) findLinks(ctx context.Context, query string, ids []directory.GUID) (links []contract.Link, err error) {
	err = s.snapshot(ctx, "find links", func(q *session) error {
		for _, id := range sortedSet(slices.Clone(ids)) {
			found, err := listLinks(q, query, id[:])
			if err != nil {
				return err
			}
			links = append(links, found...)
		}
		return nil
	})
	return links, err
}

// UnstagedLinks lists the links to objects that are not staged in the generation.
func (g *Generation) UnstagedLinks(ctx context.Context, afterTarget directory.GUID, limit int) ([]contract.Link, error) {
	l := g.layers()
	return g.state.listLinks(ctx, "list the links whose objects were not found",
		`SELECT target_guid, source_id, dn, adopted, container FROM link WHERE target_guid > ?3
			AND NOT EXISTS (SELECT 1 FROM target_group t WHERE t.guid = target_guid AND `+visibleTarget+`)
			ORDER BY target_guid LIMIT ?4`, l.top, l.base, afterTarget[:], limit)
}

// FormerLinks lists the objects that were linked until another object took their
// place, by objectGUID.
func (s *State) FormerLinks(ctx context.Context, afterTarget directory.GUID, limit int) ([]contract.Link, error) {
	return s.listLinks(ctx, "list the former links", "SELECT target_guid, source_id, dn, 0, NULL FROM former_link WHERE target_guid > ? ORDER BY target_guid LIMIT ?", afterTarget[:], limit)
}

// FormerLinksTo returns the former links to these objects; see [State.FormerLinks].
func (s *State) FormerLinksTo(ctx context.Context, targets []directory.GUID) ([]contract.Link, error) {
	return s.findLinks(ctx, "SELECT target_guid, source_id, dn, 0, NULL FROM former_link WHERE target_guid = ?", targets)
}

// CountLinks counts the links.
func (s *State) CountLinks(ctx context.Context) (int, error) {
	return s.count(ctx, "count the links", "SELECT count(*) FROM link")
}

// SaveLinks stores links. Each replaces any other link of its group or of its
// object.
func (s *State) SaveLinks(ctx context.Context, links []contract.Link) error {
	return s.write(ctx, "store links", func(q *session) error {
		for i := range links {
			if err := saveLink(q, &links[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// saveLink stores a link and updates target_group.source_id to match.
func saveLink(q *session, link *contract.Link) error {
	if link.SourceID.IsZero() || link.TargetGUID.IsZero() {
		return fmt.Errorf("the link of %q has no group or no object", link.DN)
	}
	// The object that loses its link here may be restored later, so it becomes a
	// former link. An object that is linked is none.
	_, err := q.exec("INSERT OR REPLACE INTO former_link (target_guid, source_id, dn) SELECT target_guid, source_id, dn FROM link WHERE source_id = ? AND target_guid <> ?",
		link.SourceID[:], link.TargetGUID[:])
	if err != nil {
		return err
	}
	if _, err := q.exec("DELETE FROM former_link WHERE target_guid = ?", link.TargetGUID[:]); err != nil {
		return err
	}
	_, err = q.exec("UPDATE target_group SET source_id = coalesce(nullif(mark_id, zeroblob(16)), ?1) WHERE guid IN (SELECT target_guid FROM link WHERE source_id = ?1 AND target_guid <> ?2)",
		link.SourceID[:], link.TargetGUID[:])
	if err != nil {
		return err
	}
	if _, err := q.exec("INSERT OR REPLACE INTO link (target_guid, source_id, dn, adopted, container) VALUES (?1, ?2, ?3, ?4, coalesce(nullif(?5, zeroblob(16)), (SELECT container FROM link WHERE target_guid = ?1)))",
		link.TargetGUID[:], link.SourceID[:], link.DN, link.Adopted, link.Container[:]); err != nil {
		return err
	}
	if _, err := q.exec("UPDATE target_group SET source_id = ?1 WHERE guid = ?2 AND source_id <> ?1", link.SourceID[:], link.TargetGUID[:]); err != nil {
		return err
	}
	// The consent to adopt is used now, or can no longer be.
	_, err = q.exec("DELETE FROM adopt_set WHERE source_id = ?1 OR target_guid = ?2", link.SourceID[:], link.TargetGUID[:])
	return err
}

// Unlink removes what the state knows of an object that is gone: its link, the
// refusals that were recorded for its group, its entry in the disable set, and
// what is staged of it in any generation.
func (s *State) Unlink(ctx context.Context, target directory.GUID) error {
	return s.write(ctx, "end a link", func(q *session) error { return unlink(q, target) })
}

func unlink(q *session, target directory.GUID) error {
	for _, query := range []string{
		"DELETE FROM refusal WHERE source_id IN (SELECT source_id FROM link WHERE target_guid = ?)",
		"DELETE FROM former_link WHERE target_guid = ?",
		"DELETE FROM link WHERE target_guid = ?",
		"DELETE FROM disable_set WHERE target_guid = ?",
		"DELETE FROM exchange_due WHERE target_guid = ?",
		"DELETE FROM target_membership_chunk WHERE guid = ?1 AND generation IN (SELECT generation FROM target_group WHERE guid = ?1)",
		"DELETE FROM target_group WHERE guid = ?",
	} {
		if _, err := q.exec(query, target[:]); err != nil {
			return err
		}
	}
	return nil
}

// SetDisableSet replaces the set of groups that the next run deletes. An empty set
// clears it.
func (s *State) SetDisableSet(ctx context.Context, set []contract.Link) error {
	return s.writeThrough(ctx, "store the groups to delete", func(q *session) error {
		if _, err := q.exec("DELETE FROM disable_set"); err != nil {
			return err
		}
		for i := range set {
			l := &set[i]
			if l.TargetGUID.IsZero() {
				return fmt.Errorf("the group to delete %q has no objectGUID", l.DN)
			}
			if _, err := q.exec("INSERT OR REPLACE INTO disable_set (target_guid, source_id, dn, adopted) VALUES (?, ?, ?, ?)",
				l.TargetGUID[:], l.SourceID[:], l.DN, l.Adopted); err != nil {
				return err
			}
		}
		return nil
	})
}

// DisableSet lists the groups that the next run deletes, by objectGUID.
func (s *State) DisableSet(ctx context.Context, afterTarget directory.GUID, limit int) ([]contract.Link, error) {
	return s.listLinks(ctx, "list the groups to delete",
		"SELECT target_guid, source_id, dn, adopted, NULL FROM disable_set WHERE target_guid > ? ORDER BY target_guid LIMIT ?", afterTarget[:], limit)
}

// CountDisableSet counts the groups that the next run deletes.
func (s *State) CountDisableSet(ctx context.Context) (int, error) {
	return s.count(ctx, "count the groups to delete", "SELECT count(*) FROM disable_set")
}

// SetAdoptSet replaces the set of objects that may be adopted. An empty set takes
// back all consent.
func (s *State) SetAdoptSet(ctx context.Context, set []contract.Link) error {
	return s.writeThrough(ctx, "store the groups to adopt", func(q *session) error {
		if _, err := q.exec("DELETE FROM adopt_set"); err != nil {
			return err
		}
		for i := range set {
			l := &set[i]
			if l.TargetGUID.IsZero() || l.SourceID.IsZero() {
				return fmt.Errorf("the object to adopt %q has no objectGUID or no group", l.DN)
			}
			if _, err := q.exec("INSERT INTO adopt_set (target_guid, source_id, dn) VALUES (?, ?, ?)", l.TargetGUID[:], l.SourceID[:], l.DN); err != nil {
				return err
			}
		}
		return nil
	})
}

// AdoptSet returns the objects that may be adopted, by objectGUID.
func (s *State) AdoptSet(ctx context.Context) ([]contract.Link, error) {
	return s.listLinks(ctx, "list the groups to adopt", "SELECT target_guid, source_id, dn, 0, NULL FROM adopt_set ORDER BY target_guid")
}

func (s *State) listLinks(ctx context.Context, doing, query string, args ...any) (links []contract.Link, err error) {
	err = s.read(ctx, doing, func(q *session) error {
		links, err = listLinks(q, query, args...)
		return err
	})
	return links, err
}

func listLinks(q *session, query string, args ...any) (links []contract.Link, err error) {
	err = q.each(query, args, func(rows *sql.Rows) error {
		var l contract.Link
		err := rows.Scan(intoGUID(&l.TargetGUID), intoGUID(&l.SourceID), &l.DN, &l.Adopted, intoGUID(&l.Container))
		links = append(links, l)
		return err
	})
	return links, err
}

func (s *State) count(ctx context.Context, doing, query string, args ...any) (n int, err error) {
	err = s.read(ctx, doing, func(q *session) error {
		_, err := q.one(query, args, &n)
		return err
	})
	return n, err
}
