package statedb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// The layout of a bbolt file, format 2, which has not changed since 2013. All
// numbers are in the byte order of the machine.
const (
	pageHeader  = 16 // id u64, flags u16, count u16, overflow u32
	elementSize = 16 // branch: pos, ksize u32, page u64; leaf: flags, pos, ksize, vsize u32
	bucketSize  = 16 // root page u64, sequence u64

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01 // of a leaf element

	noFreelist = ^uint64(0)
)

var native = binary.NativeEndian

// pages walks the pages of a file as one transaction left them, by plain reads.
type pages struct {
	file  io.ReaderAt
	size  uint64 // of a page
	count uint64 // pages in use, free ones among them
	used  []bool // pages found so far
}

// checkPages reports the first fault in the structure of a bbolt file as of
// transaction tx: each page must be there, be what it is taken for, and be
// reached by exactly one way or be free; keys must be in order.
func checkPages(file io.ReaderAt, pageSize int, tx uint64) error {
	root, free, count, err := readMeta(file, pageSize, tx)
	if err != nil {
		return err
	}
	p := &pages{file: file, size: uint64(pageSize), count: count}
	// What the file should hold must be there before it is counted on.
	if _, err := file.ReadAt(make([]byte, 1), int64(count*p.size-1)); err != nil {
		return fmt.Errorf("it ends before page %d of %d: %w", count-1, count, err)
	}
	p.used = make([]bool, count)
	p.used[0], p.used[1] = true, true
	if err := p.bucket(root); err != nil {
		return err
	}
	if free == noFreelist {
		return nil
	}
	if err := p.freelist(free); err != nil {
		return err
	}
	for id, used := range p.used {
		if !used {
			return fmt.Errorf("page %d is lost", id)
		}
	}
	return nil
}

// readMeta reads the meta page of transaction tx, one of the first two pages.
func readMeta(file io.ReaderAt, pageSize int, tx uint64) (root, free, count uint64, err error) {
	for i := range int64(2) {
		// magic, version, page size, flags u32; root, sequence, freelist, pages,
		// transaction, checksum u64
		var m [64]byte
		if _, err := file.ReadAt(m[:], i*int64(pageSize)+pageHeader); err != nil {
			return 0, 0, 0, err
		}
		sum := fnv.New64a()
		_, _ = sum.Write(m[:56])
		if native.Uint64(m[56:]) != sum.Sum64() || native.Uint64(m[48:]) != tx {
			continue
		}
		root, free, count = native.Uint64(m[16:]), native.Uint64(m[32:]), native.Uint64(m[40:])
		if count < 3 || count > 1<<40 {
			return 0, 0, 0, fmt.Errorf("meta page %d counts %d pages", i, count)
		}
		return root, free, count, nil
	}
	return 0, 0, 0, errors.New("neither meta page is of the last transaction")
}

// take reads a page with its overflow, which nothing else may refer to.
func (p *pages) take(id uint64) (data []byte, flags uint16, count int, err error) {
	if id < 2 || id >= p.count {
		return nil, 0, 0, fmt.Errorf("page %d of %d is referred to", id, p.count)
	}
	var header [pageHeader]byte
	if _, err := p.file.ReadAt(header[:], int64(id*p.size)); err != nil {
		return nil, 0, 0, err
	}
	overflow := uint64(native.Uint32(header[12:]))
	if native.Uint64(header[:]) != id || id+overflow >= p.count {
		return nil, 0, 0, fmt.Errorf("page %d calls itself %d, with %d more", id, native.Uint64(header[:]), overflow)
	}
	for i := id; i <= id+overflow; i++ {
		if p.used[i] {
			return nil, 0, 0, fmt.Errorf("page %d is in use twice", i)
		}
		p.used[i] = true
	}
	data = make([]byte, (overflow+1)*p.size)
	if _, err := p.file.ReadAt(data, int64(id*p.size)); err != nil {
		return nil, 0, 0, err
	}
	return data, native.Uint16(header[8:]), int(native.Uint16(header[10:])), nil
}

// bucket checks the tree below a root page.
func (p *pages) bucket(root uint64) error {
	t := &tree{pages: p}
	if err := t.page(root); err != nil {
		return fmt.Errorf("bucket at page %d: %w", root, err)
	}
	return nil
}

// freelist marks the free pages, which nothing may use.
func (p *pages) freelist(id uint64) error {
	data, flags, n, err := p.take(id)
	if err != nil {
		return err
	}
	if flags != freelistPage {
		return fmt.Errorf("page %d is no freelist: %#x", id, flags)
	}
	ids := data[pageHeader:]
	if n == 0xffff { // too many for the header: the first number counts them
		if native.Uint64(ids) > uint64(len(ids))/8-1 {
			return fmt.Errorf("freelist counts %d pages", native.Uint64(ids))
		}
		n, ids = int(native.Uint64(ids)), ids[8:]
	}
	if n > len(ids)/8 {
		return fmt.Errorf("freelist counts %d pages", n)
	}
	for i := range n {
		id := native.Uint64(ids[8*i:])
		if id < 2 || id >= p.count || p.used[id] {
			return fmt.Errorf("page %d of %d is called free", id, p.count)
		}
		p.used[id] = true
	}
	return nil
}

// tree walks one bucket in the order of its keys.
type tree struct {
	pages *pages
	last  []byte // the last key in a leaf, nil before the first
	least []byte // no later key may lie below: that of the branch walked through
}

func (t *tree) page(id uint64) error {
	data, flags, count, err := t.pages.take(id)
	if err != nil {
		return err
	}
	switch flags {
	case branchPage:
		return t.branch(data, count)
	case leafPage:
		return t.leaf(data, count)
	}
	return fmt.Errorf("page %d is neither branch nor leaf: %#x", id, flags)
}

func (t *tree) branch(data []byte, count int) error {
	if count == 0 {
		return errors.New("an empty branch")
	}
	for i := range count {
		at := pageHeader + i*elementSize
		if at+elementSize > len(data) {
			return errors.New("a branch ends early")
		}
		key, err := cut(data, at+int(native.Uint32(data[at:])), native.Uint32(data[at+4:]))
		if err != nil {
			return err
		}
		if i > 0 && (bytes.Compare(key, t.last) <= 0 || bytes.Compare(key, t.least) <= 0) {
			return errors.New("the keys of a branch are out of order")
		}
		t.least = key
		if err := t.page(native.Uint64(data[at+8:])); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) leaf(data []byte, count int) error {
	for i := range count {
		at := pageHeader + i*elementSize
		if at+elementSize > len(data) {
			return errors.New("a leaf ends early")
		}
		keyAt, keySize := at+int(native.Uint32(data[at+4:])), native.Uint32(data[at+8:])
		key, err := cut(data, keyAt, keySize)
		if err != nil {
			return err
		}
		value, err := cut(data, keyAt+int(keySize), native.Uint32(data[at+12:]))
		if err != nil {
			return err
		}
		if t.last != nil && bytes.Compare(key, t.last) <= 0 || bytes.Compare(key, t.least) < 0 {
			return errors.New("the keys of a leaf are out of order")
		}
		t.last = key
		if native.Uint32(data[at:])&bucketFlag != 0 {
			if err := t.nested(value); err != nil {
				return fmt.Errorf("bucket %.40q: %w", key, err)
			}
		}
	}
	return nil
}

// nested checks a bucket in a bucket: its root page, or the one leaf that is
// kept in place as long as it is small.
func (t *tree) nested(value []byte) error {
	if len(value) < bucketSize {
		return errors.New("a bucket ends early")
	}
	if root := native.Uint64(value); root != 0 {
		return t.pages.bucket(root)
	}
	inline := value[bucketSize:]
	if len(inline) < pageHeader || native.Uint16(inline[8:]) != leafPage {
		return errors.New("a bucket without a page")
	}
	return (&tree{pages: t.pages}).leaf(inline, int(native.Uint16(inline[10:])))
}

func cut(data []byte, at int, size uint32) ([]byte, error) {
	if at < 0 || at > len(data) || int(size) > len(data)-at {
		return nil, errors.New("an entry reaches beyond its page")
	}
	return data[at : at+int(size)], nil
}
