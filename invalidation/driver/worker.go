package driver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/letteros/letteredge/cachekey"
	"github.com/letteros/letteredge/gossip"
	"github.com/letteros/letteredge/invalidation/rollout"
)

// WorkerDeps are a Worker's collaborators, all required but Log.
type WorkerDeps struct {
	Self     gossip.Member
	Records  *gossip.Records
	Filler   Filler
	Door     Door
	Signer   gossip.Signer
	Verifier gossip.Verifier
	Now      func() time.Time
	Log      *slog.Logger
}

// Worker does on one node what rollouts ask of it.
type Worker struct {
	WorkerDeps
	seq    sequence
	filled struct{ done, failed atomic.Uint64 }

	mu       sync.Mutex
	previews map[string]*preview // by rollout; guarded by mu
	news     chan struct{}       // guarded by mu; closed when records have changed
}

// The bounds of a job.
const (
	parallel  = 4
	tries     = 4
	tryAfter  = 150 * time.Millisecond
	askWithin = 4500 * time.Millisecond // one fill, or one look, however often it is tried
)

// NewWorker returns a Worker.
func NewWorker(deps WorkerDeps) (*Worker, error) {
	if deps.Records == nil || deps.Filler == nil || deps.Door == nil || deps.Signer == nil || deps.Verifier == nil || deps.Now == nil {
		return nil, errors.New("driver: worker: every collaborator but Log is required")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	w := &Worker{WorkerDeps: deps, previews: map[string]*preview{}, news: make(chan struct{})}
	deps.Records.Subscribe(func([]gossip.Record) {
		w.mu.Lock()
		defer w.mu.Unlock()
		close(w.news)
		w.news = make(chan struct{})
	})
	return w, nil
}

// await waits until this node has the records up to index.
func (w *Worker) await(ctx context.Context, index uint64) error {
	for {
		w.mu.Lock()
		news := w.news
		w.mu.Unlock()
		if w.Records.Index() >= index {
			return nil
		}
		select {
		case <-news:
		case <-time.After(tryAfter): // an index may grow without a record
		case <-ctx.Done():
			return fmt.Errorf("the records up to %d are not here yet: %w", index, ctx.Err())
		}
	}
}

// Do does a job. Doing it twice does no harm.
func (w *Worker) Do(ctx context.Context, job Job) (Outcome, error) {
	if err := w.await(ctx, job.Index); err != nil {
		return Outcome{}, err
	}
	facts, err := rollout.ReadFacts(w.Records)
	if err != nil {
		return Outcome{}, fmt.Errorf("job: %w", err)
	}
	r, ok := facts.Rollouts[job.Rollout]
	if !ok {
		return Outcome{}, fmt.Errorf("job: %w: %s", rollout.ErrUnknown, job.Rollout)
	}
	shown := facts.Snapshot(w.Self.Node, job.Rollout)
	field := ""
	items := rollout.Items(r, shown)
	switch job.Action {
	case rollout.Fill:
		return w.fill(ctx, items, shown)
	case rollout.Verify, rollout.Read:
		end := w.open(r, shown)
		defer end()
		if field, err = w.seal(r, job.Action == rollout.Read); err != nil {
			return Outcome{}, err
		}
	default:
		return Outcome{}, fmt.Errorf("job: action must be fill, verify or read, not %.40q", job.Action)
	}
	return w.look(ctx, items, field)
}

// fill puts the candidate into its slots: the parts first, what is built of them
// after.
func (w *Worker) fill(ctx context.Context, items []rollout.Item, targets *rollout.Snapshot) (Outcome, error) {
	out := Outcome{}
	for _, built := range []bool{false, true} {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(parallel)
		for _, it := range items {
			if it.Gone || built != (it.Key.Kind == cachekey.Summary) {
				continue
			}
			out.Artifacts++
			g.Go(func() error {
				err := w.again(gctx, func(ctx context.Context) error {
					if err := w.Filler.Fill(ctx, it.Key, targets); err != nil {
						return &failure{"fill", it.Key.Text + ": " + err.Error()}
					}
					return nil
				})
				switch {
				case err == nil:
					w.filled.done.Add(1)
				case gctx.Err() == nil: // else it was given up, for another's failure
					w.filled.failed.Add(1)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return out.failed(ctx, err)
		}
	}
	return out, nil
}

// Filled counts the candidates that were put into their slots, and those that
// could not be.
func (w *Worker) Filled() (done, failed uint64) { return w.filled.done.Load(), w.filled.failed.Load() }

// look goes through this node's public door, with a field that tells what for.
func (w *Worker) look(ctx context.Context, items []rollout.Item, field string) (Outcome, error) {
	sums := make([][sha256.Size]byte, len(items))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, it := range items {
		g.Go(func() error {
			return w.again(gctx, func(ctx context.Context) error {
				rep, err := w.Door.Get(ctx, it.Key.Text, field)
				if err != nil {
					return &failure{"reachable", it.Key.Text + ": " + err.Error()}
				}
				if err := judge(it, rep); err != nil {
					return err
				}
				if !it.Gone {
					sums[i] = sha256.Sum256(rep.Body)
				}
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		return Outcome{}.failed(ctx, err)
	}
	h := sha256.New()
	for i, it := range items { // in the order of Items, the same on every node
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(it.Key.Text))))
		h.Write([]byte(it.Key.Text))
		h.Write(sums[i][:])
	}
	return Outcome{Digest: "sha256-" + base64.StdEncoding.EncodeToString(h.Sum(nil)), Artifacts: len(items)}, nil
}

// again tries a few times: a node that has just lost a peer, or waits for its
// origin, is not wrong yet. Who does not answer at all is not asked for ever.
func (w *Worker) again(ctx context.Context, do func(context.Context) error) (err error) {
	within, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	for try := range tries {
		if try > 0 {
			select {
			case <-time.After(tryAfter << (try - 1)):
			case <-within.Done():
			}
		}
		if within.Err() != nil {
			break
		}
		if err = do(within); err == nil {
			return nil
		}
	}
	var f *failure
	if within.Err() != nil && ctx.Err() == nil && errors.As(err, &f) {
		f.detail = fmt.Sprintf("not within %s: %s", askWithin, f.detail)
	}
	return err
}

// failure is a check that failed.
type failure struct{ check, detail string }

func (f *failure) Error() string { return f.check + ": " + f.detail }

// maxDetail bounds what a check tells: it stands in a record.
const maxDetail = 500

// failed turns a failure into an outcome. One that came after ctx had ended has
// not been judged.
func (o Outcome) failed(ctx context.Context, err error) (Outcome, error) {
	if ctx.Err() != nil {
		return o, fmt.Errorf("job: %w", ctx.Err())
	}
	var f *failure
	if !errors.As(err, &f) {
		return o, fmt.Errorf("job: %w", err)
	}
	detail := f.detail
	if len(detail) > maxDetail {
		detail = detail[:maxDetail] + "…"
	}
	o.Failed = &rollout.Check{Name: f.check, Result: rollout.CheckFailed, Detail: detail}
	return o, nil
}
