package ad

import (
	"context"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/directory"
)

// guidPage is the page size for entries that hold only objectGUIDs. It is Windows'
// default for MaxPageSize; a server with a lower limit returns fewer.
const guidPage = 1000

// ChangedGroups implements contract.TargetReader. It lists groups of any kind, because
// a linked group may have lost its mark or been moved.
func (t *target) ChangedGroups(ctx context.Context, since int64, each func(directory.TargetGroup) error) error {
	return t.listGroups(ctx, t.root.baseDN, t.groupQuery(t.root.baseDN, and("(objectClass=group)", above(since)), contract.HeaderOnly), each)
}

// above returns a filter for objects changed after the USN; LDAP has no strict
// comparison.
func above(usn int64) string {
	return "(" + attrUSN + ">=" + strconv.FormatInt(usn+1, 10) + ")"
}

// StampedGroups implements contract.TargetReader.
func (t *target) StampedGroups(ctx context.Context, stamp string, each func(directory.TargetGroup) error) error {
	return t.listGroups(ctx, t.root.baseDN, t.groupQuery(t.root.baseDN, stampedGroups(t.schema, stamp), contract.HeaderOnly), each)
}

// DeletedGroups implements contract.TargetReader. A deletion gives the tombstone a new
// uSNChanged. A restored object is no longer a tombstone and appears among the changed
// groups.
func (t *target) DeletedGroups(ctx context.Context, since int64, each func(directory.GUID) error) error {
	visible, err := t.deletedVisible(ctx)
	if err != nil {
		return err
	}
	if !visible {
		return t.deletedNotVisible()
	}
	return t.listGUIDs(ctx, "CN=Deleted Objects,"+t.root.baseDN, query{
		// Tombstones are direct children of the container, so a single-level search
		// finds them faster.
		base: t.deletedObjects(), scope: ldap.ScopeSingleLevel, deleted: true,
		filter: and("(objectClass=group)", "(isDeleted=TRUE)", above(since)),
	}, each)
}

// MarkedGroups implements contract.TargetReader.
func (t *target) MarkedGroups(ctx context.Context, container directory.GUID, each func(directory.GUID) error) error {
	// A subtree search below a container that the account cannot read succeeds and
	// returns nothing.
	found, err := t.Container(ctx, "", container)
	if err != nil {
		return err
	}
	err = t.listGUIDs(ctx, found.DN, query{
		base: byGUID(container), scope: ldap.ScopeWholeSubtree, filter: markedGroups(t.schema),
	}, each)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return containerNotFound(found.DN, err)
	}
	return err
}

// listGUIDs calls each with the objectGUID of every object that the search finds.
func (t *target) listGUIDs(ctx context.Context, object string, q query, each func(directory.GUID) error) error {
	q.attributes, q.pageSize = []string{attrGUID}, guidPage
	return t.list(ctx, object, func(c *conn, isNew func(directory.GUID) bool) error {
		return c.search(ctx, q, func(e *ldap.Entry) error {
			guid, err := guidOf(e)
			if err != nil {
				return &incompleteError{e.DN + ": " + err.Error()}
			}
			if !isNew(guid) {
				return nil
			}
			if err := each(guid); err != nil {
				return &abort{err}
			}
			return nil
		})
	})
}

// listGroups calls each with every group that the search finds.
func (t *target) listGroups(ctx context.Context, object string, q query, each func(directory.TargetGroup) error) error {
	return t.list(ctx, object, func(c *conn, isNew func(directory.GUID) bool) error {
		return c.groups(ctx, q, func(g directory.TargetGroup) error {
			if !isNew(g.GUID) {
				return nil
			}
			return each(g)
		})
	})
}

// list runs a search that hands on objects as they arrive. If the search breaks off,
// list starts it over, because a page cannot be resumed on another connection, and
// hands on only the objects it has not handed on yet. An object that changes after that
// has a higher uSN, and the next search for changes finds it (rule 13).
func (t *target) list(ctx context.Context, object string, search func(c *conn, isNew func(directory.GUID) bool) error) error {
	told := map[directory.GUID]bool{}
	err := retryOn(ctx, t.server.host, func() (heard bool, err error) {
		err = t.pool.use(ctx, func(c *conn) error {
			return search(c, func(guid directory.GUID) bool {
				if told[guid] {
					return false
				}
				told[guid], heard = true, true
				return true
			})
		})
		return heard, err
	})
	if own, ok := unwrapAbort(err); ok {
		return own
	}
	return t.readError(ctx, object, err)
}

// deletedObjects returns the well-known name of the Deleted Objects container, which
// works in any language.
func (t *target) deletedObjects() string {
	return "<WKGUID=" + wkguidDeletedObjects + "," + t.root.baseDN + ">"
}

// deletedVisible reports whether the account may see deleted objects. Everybody can
// find the container itself; its contents are visible only to those who may read it,
// and a search by others succeeds and returns nothing.
func (t *target) deletedVisible(ctx context.Context) (bool, error) {
	e, err := t.pool.read(ctx, query{base: t.deletedObjects(), attributes: []string{"isDeleted", "objectClass"}, deleted: true})
	if ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
		return false, nil
	}
	if err != nil {
		return false, t.readError(ctx, "CN=Deleted Objects,"+t.root.baseDN, err)
	}
	return e != nil && len(e.Attributes) > 0, nil
}

func (t *target) deletedNotVisible() error {
	return &contract.Error{
		Category: contract.PermissionDenied, ID: "DeletedNotVisible", Object: "CN=Deleted Objects," + t.root.baseDN,
		Message: "The account cannot read the deleted objects.",
		Advice:  "No action is required: each run lists all groups to detect deletions. To detect them faster, use dsacls to grant the account List Contents and Read Property on this container.",
	}
}
