package state

import (
	"context"
	"database/sql"
	"errors"
)

// session is one connection with its prepared statements. It serves one
// goroutine at a time.
//
// A statement that has begun always runs to its end: statements are short, and
// being able to interrupt one costs a goroutine for each. Cancellation is
// checked between them; see [session.each].
type session struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	ctx        context.Context // of the method that uses the session now
	// changedJoins are the blocks of joinCache that the transaction changes.
	changedJoins map[blockKey]bool
}

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, statements: map[string]*sql.Stmt{}, changedJoins: map[blockKey]bool{}}, nil
}

// close also finalises the statements: database/sql leaves this to the holder of
// a connection, and SQLite keeps the files open as long as statements exist.
func (q *session) close() error {
	var errs []error
	for _, s := range q.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, q.conn.Close())...)
}

func (q *session) prepare(query string) (*sql.Stmt, error) {
	if s := q.statements[query]; s != nil {
		return s, nil
	}
	s, err := q.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	q.statements[query] = s
	return s, nil
}

func (q *session) exec(query string, args ...any) (sql.Result, error) {
	s, err := q.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}

// changed is like exec but returns the number of rows that changed.
func (q *session) changed(query string, args ...any) (int64, error) {
	r, err := q.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// one reads the only row of a query; found is false if there is none.
//
// SQLite prepares a statement with an ORDER BY, or with an outer join, again at each use
// if it compares bare parameters. Statements that are used often therefore write
// (SELECT ?) instead of ?.
func (q *session) one(query string, args []any, into ...any) (found bool, err error) {
	s, err := q.prepare(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(context.Background(), args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// errEnough ends [session.each] early without an error.
var errEnough = errors.New("enough rows")

// each calls row with every row of a query until row returns an error. The row
// function must not use the same query.
func (q *session) each(query string, args []any, row func(*sql.Rows) error) error {
	s, err := q.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for n := 0; rows.Next(); n++ {
		if n%256 == 255 {
			if err := q.ctx.Err(); err != nil {
				return err
			}
		}
		if err := row(rows); err != nil {
			if err == errEnough {
				return nil
			}
			return err
		}
	}
	return rows.Err()
}

// within runs f between begin and COMMIT, or ROLLBACK if f fails.
func (q *session) within(begin string, f func() error) error {
	if _, err := q.exec(begin); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = q.exec("COMMIT")
	}
	if err != nil {
		// SQLite may have rolled back by itself; then this fails and does no harm.
		q.exec("ROLLBACK")
	}
	return err
}

// maxReaders is how many reads one process does at a time.
const maxReaders = 4

// read runs f on a reader's connection.
func (s *State) read(ctx context.Context, doing string, f func(q *session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var q *session
	select {
	case q = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.readers <- q }()
	if q == nil {
		return s.translate(doing, errClosed)
	}
	if q.conn == nil {
		opened, err := newSession(ctx, s.readerDB)
		if err != nil {
			return s.translate(doing, err)
		}
		*q = *opened
	}
	q.ctx = ctx
	return s.translate(doing, f(q))
}

// snapshot is like read, but all queries of f see the same state.
func (s *State) snapshot(ctx context.Context, doing string, f func(q *session) error) error {
	return s.read(ctx, doing, func(q *session) error {
		return q.within("BEGIN", func() error { return f(q) })
	})
}

// write runs f in a transaction on the writer's connection.
func (s *State) write(ctx context.Context, doing string, f func(q *session) error) error {
	return s.transact(ctx, doing, func(q *session) error {
		return q.within("BEGIN IMMEDIATE", func() error { return f(q) })
	})
}

// writeThrough is like write but returns only when this transaction and all
// earlier ones are on the disk. It is for what the caller reports to somebody,
// or relies on when it writes elsewhere.
func (s *State) writeThrough(ctx context.Context, doing string, f func(q *session) error) error {
	return s.transact(ctx, doing, func(q *session) error {
		return q.synced(func() error {
			return q.within("BEGIN IMMEDIATE", func() error { return f(q) })
		})
	})
}

// transact lets f run a transaction on the writer's connection.
func (s *State) transact(ctx context.Context, doing string, f func(q *session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return s.translate(doing, errClosed)
	}
	if s.writer == nil {
		q, err := newSession(ctx, s.writerDB)
		if err != nil {
			return s.translate(doing, err)
		}
		s.writer = q
	}
	s.writer.ctx = ctx
	err := f(s.writer)
	s.joins.drop(s.writer.changedJoins)
	clear(s.writer.changedJoins)
	if err != nil {
		// After a rollback, the database lacks what the cache says it has.
		s.staged.forget()
	}
	return s.translate(doing, err)
}

// synced runs a transaction whose commit waits for the disk.
// The pragma takes effect when it is prepared, so it cannot be a statement that
// is prepared once.
func (q *session) synced(f func() error) error {
	if _, err := q.conn.ExecContext(context.Background(), "PRAGMA synchronous = FULL"); err != nil {
		return err
	}
	err := f()
	if _, back := q.conn.ExecContext(context.Background(), "PRAGMA synchronous = NORMAL"); err == nil {
		err = back
	}
	return err
}
