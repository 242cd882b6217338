package graphtest

import (
	"bytes"
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// defaultPage is the default page size of directory objects; the largest is 999.
const defaultPage = 100

// page collects the objects of one page.
type page struct {
	rq      *request
	context string
	count   int // -1: not requested
	items   int
	value   bytes.Buffer
	// again returns a link to this same page that differs from the requested one.
	again func() string
}

func (rq *request) newPage(set string, q *query) *page {
	return &page{rq: rq, context: rq.context(set, q), count: -1}
}

// item begins the next object in value.
func (p *page) item() {
	if p.items > 0 {
		p.value.WriteByte(',')
	}
	p.items++
}

// reply writes the page. next is "name":"URL" of the following link, or empty. The
// faults that concern pages are applied here.
func (p *page) reply(next string) *reply {
	value := p.value.String()
	if f := p.rq.fault; f != nil {
		switch {
		case f.Kind == FaultEmptyPage && p.again != nil:
			value, next = "", nextLink(p.again())
		case f.Kind == FaultLoop:
			link := p.rq.url()
			if p.rq.rawQuery != "" {
				link += "?" + p.rq.rawQuery
			}
			next = nextLink(link)
		}
	}
	var b strings.Builder
	b.WriteString(`{"@odata.context":"` + p.context + `"`)
	if p.count >= 0 {
		b.WriteString(`,"@odata.count":` + strconv.Itoa(p.count))
	}
	if next != "" {
		b.WriteString("," + next)
	}
	if f := p.rq.fault; f == nil || f.Kind != FaultNoValue {
		b.WriteString(`,"value":[` + value + `]`)
	}
	b.WriteByte('}')
	return &reply{status: http.StatusOK, body: []byte(b.String())}
}

func nextLink(url string) string { return `"@odata.nextLink":"` + jsonText(url) + `"` }

// collection is an ordered set of directory objects that is read in pages.
type collection struct {
	view    view
	handles []handle
	// mark returns what a page token remembers about the last object of a page; start
	// finds the place after it.
	mark  func(handle) string
	start func(mark string) int

	match func(kind, any) bool // nil: all live objects
	write func(*bytes.Buffer, kind, any)
}

// list serves one page of a collection.
func (rq *request) list(c collection, q *query, context string) (*reply, *graphError) {
	hash := hashOf(rq.url() + "?" + q.links + rq.epoch)
	token := pageToken{Hash: hash}
	if q.skipToken != "" && (!decodeToken(q.skipToken, &token) || token.Hash != hash) {
		return nil, expiredPage()
	}
	start := 0
	if token.After != "" {
		start = c.start(token.After)
	}
	size := defaultPage
	if q.top > 0 {
		size = q.top
	}
	if rq.pageLimit > 0 {
		size = min(size, rq.pageLimit)
	}
	link := func(t pageToken) string {
		options := q.links
		if options != "" {
			options += "&"
		}
		return rq.url() + "?" + options + "$skiptoken=" + t.String()
	}
	p := rq.newPage(context, q)
	p.again = func() string { token.Nonce++; return link(token) }
	// Without the header, $count is ignored (concepts/aad-advanced-queries.md). Only
	// the first page contains the count.
	if q.count && rq.eventual() && q.skipToken == "" {
		p.count = c.count()
	}
	for i := start; i < len(c.handles); i++ {
		record := c.read(i)
		if record == nil {
			continue
		}
		if p.items == size {
			return p.reply(nextLink(link(pageToken{After: c.mark(c.handles[i-1]), Hash: hash}))), nil
		}
		p.item()
		c.write(&p.value, c.view.objects[c.handles[i]].kind, record)
	}
	return p.reply(""), nil
}

// read returns the object at a place, or nil if it does not belong to the collection.
func (c *collection) read(i int) any {
	h := c.handles[i]
	record := c.view.record(h)
	if record == nil || !c.match(c.view.objects[h].kind, record) {
		return nil
	}
	return record
}

func (c *collection) count() int {
	n := 0
	for i := range c.handles {
		if c.read(i) != nil {
			n++
		}
	}
	return n
}

// collection returns all objects of one kind, in the order of their ids.
func (v view) collection(k kind, ids []string) collection {
	c := collection{view: v, handles: v.byKind[k]}
	if ids != nil {
		c.handles = nil
		for _, id := range ids {
			if h, ok := v.find(id, k); ok {
				c.handles = append(c.handles, h)
			}
		}
		c.handles = sortedByID(v.directory, c.handles)
	}
	c.mark = func(h handle) string { return v.objects[h].id.String() }
	c.start = func(mark string) int {
		id, _ := parseGUID(mark)
		return sort.Search(len(c.handles), func(i int) bool { return compareIDs(v.objects[c.handles[i]].id, id) > 0 })
	}
	return c
}
