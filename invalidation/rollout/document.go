package rollout

import "slices"

// Document is the record of a document: `doc/<id>` of the control log.
type Document struct {
	ID string `json:"id"`
	// Released is what all nodes show but those that the candidate is flipped on;
	// nil before the first release.
	Released  *Version   `json:"released"`
	Candidate *Candidate `json:"candidate"`
	// Former are the versions released before, the latest first: what a rollback
	// goes back to.
	Former []Version `json:"former,omitempty"`
	// Pushed are the latest versions that were accepted, whatever has become of
	// them, the latest first.
	Pushed []Version `json:"pushed,omitempty"`
	// Highest is the highest number ever used: it is not used again.
	Highest int64 `json:"highest"`
}

// Candidate is a version on its way, and where it has been flipped.
type Candidate struct {
	Version
	// Flips are the nodes that show it, by stage.
	Flips map[StageName][]string `json:"flips"`
}

// How many versions a record remembers.
const (
	maxFormer = 8
	maxPushed = 16
)

// Target returns the version that a node is to show of d, by the record alone;
// nil if none: the document is not managed there yet.
func Target(d Document, node string) *Version {
	if d.Candidate != nil {
		for _, nodes := range d.Candidate.Flips {
			if slices.Contains(nodes, node) {
				return &d.Candidate.Version
			}
		}
	}
	return d.Released
}

// clone copies d as deep as this package changes it.
func (d Document) clone() Document {
	d.Former, d.Pushed = slices.Clone(d.Former), slices.Clone(d.Pushed)
	return d
}

// push notes that a version has been accepted, or is another rollout's now.
func (d *Document) push(v Version) {
	d.Pushed = slices.DeleteFunc(d.Pushed, func(old Version) bool { return old.Version == v.Version })
	d.Pushed = slices.Insert(d.Pushed, 0, v)
	d.Pushed = d.Pushed[:min(len(d.Pushed), maxPushed)]
	d.Highest = max(d.Highest, v.Version)
}

// release makes v what is shown.
func (d *Document) release(v Version) {
	if d.Released != nil {
		d.Former = slices.Insert(d.Former, 0, *d.Released)
		d.Former = d.Former[:min(len(d.Former), maxFormer)]
	}
	d.Released, d.Candidate = &v, nil
}
