package invalidation

import "sync"

// once lets one thing of a name be done at a time.
type once[K comparable] struct {
	mu    sync.Mutex
	doing map[K]*deed // guarded by mu
}

type deed struct {
	done chan struct{}
	err  error
}

// once calls do, or waits for a call for the same name that is under way and
// returns its error.
func (o *once[K]) once(name K, do func() error) error {
	o.mu.Lock()
	if other := o.doing[name]; other != nil {
		o.mu.Unlock()
		<-other.done
		return other.err
	}
	mine := &deed{done: make(chan struct{}), err: ErrClosed} // if do panics
	if o.doing == nil {
		o.doing = make(map[K]*deed)
	}
	o.doing[name] = mine
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		delete(o.doing, name)
		o.mu.Unlock()
		close(mine.done)
	}()
	mine.err = do()
	return mine.err
}
