package state

import (
	"database/sql"
	"sync"

	"groupwriteback/internal/directory"
)

// joinCache turns the numbers of members into what the members were resolved to. A
// plan of 100,000 groups looks up 5 million numbers, and a query for each, or a join
// for each chunk, takes minutes. Members are numbered densely and in the order in
// which they were first read. So the cache holds blocks of successive numbers, each
// read by one range scan, with 17 bytes for each member. If there are more members
// than it can hold, it becomes slower, not larger.
type joinCache struct {
	mu     sync.Mutex
	blocks map[blockKey]*joinBlock
	// reasons lists the reasons that occur; 0 is unresolved, 1 is joined.
	reasons []directory.Reason
	known   map[directory.Reason]uint8
}

const (
	blockSize = 1024
	// maxBlocks limits the cache to 4 million members and 70 MiB.
	maxBlocks = 4096
)

type blockKey struct {
	generation int64
	run        int64  // as in layers
	index      uint32 // number / blockSize
}

type joinBlock struct {
	target [blockSize]directory.GUID
	reason [blockSize]uint8
}

// forget drops the blocks of a generation.
func (c *joinCache) forget(generation int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.blocks {
		if key.generation == generation {
			delete(c.blocks, key)
		}
	}
}

// drop drops these blocks, in which a transaction has changed something.
func (c *joinCache) drop(changed map[blockKey]bool) {
	if len(changed) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range changed {
		delete(c.blocks, key)
	}
}

// rejoined notes that the transaction changes how a member of the generation joins.
func (q *session) rejoined(generation int64, number uint32) {
	q.changedJoins[blockKey{generation: generation, index: number / blockSize}] = true
}

func (c *joinCache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks = nil
}

// resolve calls each for every number, in the given order. It is fastest if the
// numbers are ascending.
func (c *joinCache) resolve(q *session, l layers, numbers []uint32, each func(target directory.GUID, reason directory.Reason)) error {
	// The mutex is held while a block is read, so that forget, which follows a
	// write, also drops a block that was read just before that write.
	c.mu.Lock()
	defer c.mu.Unlock()
	var block *joinBlock
	var at uint32
	for _, n := range numbers {
		if index := n / blockSize; block == nil || index != at {
			var err error
			if block, err = c.block(q, l, index); err != nil {
				return err
			}
			at = index
		}
		each(block.target[n%blockSize], c.reasons[block.reason[n%blockSize]])
	}
	return nil
}

// block returns a block of the layers. If an overlay changes nothing in it, it is that of
// the generation below.
func (c *joinCache) block(q *session, l layers, index uint32) (*joinBlock, error) {
	key := blockKey{l.top, l.run, index}
	if b := c.blocks[key]; b != nil {
		return b, nil
	}
	if c.blocks == nil {
		c.blocks = map[blockKey]*joinBlock{}
		c.reasons = []directory.Reason{directory.ReasonUnresolved, directory.ReasonJoined}
		c.known = map[directory.Reason]uint8{directory.ReasonUnresolved: 0, directory.ReasonJoined: 1}
	}
	var b *joinBlock
	var err error
	if l.base == 0 {
		b = &joinBlock{}
		err = c.read(q, "number BETWEEN ? AND ? AND +generation = ?", l.top, index, func() *joinBlock { return b })
	} else if b, err = c.block(q, layers{top: l.base}, index); err == nil {
		below := b
		err = c.read(q, "number BETWEEN ? AND ? AND generation = ?", l.top, index, func() *joinBlock {
			if b == below {
				own := *below
				b = &own
			}
			return b
		})
	}
	if err != nil {
		return nil, err
	}
	for other := range c.blocks { // any block will do: the plan has no order to learn from
		if len(c.blocks) < maxBlocks {
			break
		}
		delete(c.blocks, other)
	}
	c.blocks[key] = b
	return b, nil
}

// read reads the rows of a generation into a block, which it asks for with each row.
func (c *joinCache) read(q *session, where string, generation int64, index uint32, into func() *joinBlock) error {
	first := int64(index) * blockSize
	return q.each("SELECT number, coalesce(reason, ?), target_guid FROM member_join WHERE "+where,
		[]any{string(directory.ReasonUnresolved), first, first + blockSize - 1, generation}, func(rows *sql.Rows) error {
			var number int64
			var reason directory.Reason
			var target directory.GUID
			if err := rows.Scan(&number, &reason, intoGUID(&target)); err != nil {
				return err
			}
			code, ok := c.known[reason]
			if !ok {
				if len(c.reasons) > 255 {
					return damaged("members have more than 255 different reasons")
				}
				code = uint8(len(c.reasons))
				c.reasons = append(c.reasons, reason)
				c.known[reason] = code
			}
			b := into()
			b.target[number-first], b.reason[number-first] = target, code
			return nil
		})
}
