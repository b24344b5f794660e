package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Member is a process that takes part: a node of a cluster, as it has been since
// its start.
type Member struct {
	Cluster     string `json:"cluster"`
	Region      string `json:"region"`
	Node        string `json:"node"`
	Incarnation uint64 `json:"incarnation"`
}

// Peer names a node of the cluster, and where it is.
type Peer struct {
	ID     string `json:"id"`
	Region string `json:"region"`
}

// Source returns what numbers the dots of m.
func (m Member) Source() Source { return Source{m.Node, m.Incarnation} }

// Kind says what a payload is. It is signed with it, so that no payload can be
// taken for one of another kind.
type Kind uint8

// The kinds. Their numbers are on the wire.
const (
	KindPurge   Kind = 1 // a purge; From and Seq are its dot
	KindReport  Kind = 2 // what a node has applied; Seq counts its reports
	KindProbe   Kind = 3 // a question for a watermark
	KindRecords Kind = 4 // records of the control log, as a voter has them
	KindPreview Kind = 5 // leave to see what readers do not see yet
)

func (k Kind) valid() bool { return k >= KindPurge && k <= KindPreview }

// String names the kind.
func (k Kind) String() string {
	switch k {
	case KindPurge:
		return "purge"
	case KindReport:
		return "report"
	case KindProbe:
		return "probe"
	case KindRecords:
		return "records"
	case KindPreview:
		return "preview"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Limits of an envelope, in bytes.
const (
	MaxPayload     = 1 << 20
	MaxCertificate = 2 << 10
	maxSignature   = 256
	maxEnvelope    = MaxPayload + MaxCertificate + maxSignature + 512
)

// Envelope is a signed payload (SEMANTICS §2): From says it, as the Seq-th of its
// kind. Whoever passes it on cannot change it.
type Envelope struct {
	Kind        Kind
	From        Member
	Seq         uint64
	Payload     []byte
	Certificate []byte // DER of the sender's
	Signature   []byte
}

// Signer signs for this node.
type Signer interface {
	Sign(message []byte) (signature []byte, err error)
	// Certificate returns the DER of the certificate that the signature is to be
	// checked with.
	Certificate() []byte
}

// Verifier tells who signed: the cluster, region and node that the certificate
// names, with the incarnation 0. It refuses a certificate that is not of this
// cluster (ErrForeign), and a signature that is not the certificate's (ErrForged).
// It keeps none of its arguments.
type Verifier interface {
	Verify(certificate, message, signature []byte) (Member, error)
}

// Reasons to drop an envelope.
var (
	ErrForged  = errors.New("the payload is not from whom it says")
	ErrForeign = errors.New("the payload is of another cluster")
)

// Dot names what e says.
func (e *Envelope) Dot() Dot { return Dot{e.From.Node, e.From.Incarnation, e.Seq} }

// Seal signs e, whose Kind, From, Seq and Payload are set.
func (e *Envelope) Seal(s Signer) error {
	if len(e.Payload) > MaxPayload {
		return fmt.Errorf("seal a %s: payload has %d bytes, at most %d are allowed", e.Kind, len(e.Payload), MaxPayload)
	}
	signature, err := s.Sign(e.message())
	if err != nil {
		return fmt.Errorf("seal a %s: %w", e.Kind, err)
	}
	e.Certificate, e.Signature = s.Certificate(), signature
	return nil
}

// Open checks that e is from whom it says.
func (e *Envelope) Open(v Verifier) error {
	m, err := v.Verify(e.Certificate, e.message(), e.Signature)
	if err != nil {
		return fmt.Errorf("open a %s of %.64s: %w", e.Kind, e.From.Node, err)
	}
	if m.Cluster != e.From.Cluster {
		return fmt.Errorf("open a %s of %.64s: %w: %.64s", e.Kind, e.From.Node, ErrForeign, e.From.Cluster)
	}
	if m.Node != e.From.Node || m.Region != e.From.Region {
		return fmt.Errorf("open a %s of %.64s: %w: the certificate is %.64s's", e.Kind, e.From.Node, ErrForged, m.Node)
	}
	return nil
}

// domain keeps signatures of envelopes apart from all others made with the key.
const domain = "letteredge envelope 1\x00"

// message is what is signed. Every part has its length before it, so that two
// different envelopes never give the same bytes.
func (e *Envelope) message() []byte {
	return e.appendSigned(append(make([]byte, 0, len(domain)+256+len(e.Payload)), domain...))
}

func (e *Envelope) appendSigned(b []byte) []byte {
	b = append(b, byte(e.Kind))
	b = appendBytes(b, e.From.Cluster)
	b = appendBytes(b, e.From.Region)
	b = appendBytes(b, e.From.Node)
	b = binary.BigEndian.AppendUint64(b, e.From.Incarnation)
	b = binary.AppendUvarint(b, e.Seq)
	return appendBytes(b, e.Payload)
}

// AppendBinary appends the wire form.
func (e *Envelope) AppendBinary(b []byte) ([]byte, error) {
	b = e.appendSigned(b)
	b = appendBytes(b, e.Certificate)
	return appendBytes(b, e.Signature), nil
}

// MarshalBinary returns the wire form.
func (e *Envelope) MarshalBinary() ([]byte, error) { return e.AppendBinary(nil) }

// UnmarshalBinary reads the wire form; it checks the form only, not the
// signature. What it sets are copies.
func (e *Envelope) UnmarshalBinary(data []byte) error {
	if len(data) > maxEnvelope {
		return fmt.Errorf("envelope: has %d bytes, at most %d are allowed", len(data), maxEnvelope)
	}
	r := reader{rest: data}
	var read Envelope
	if len(r.rest) == 0 {
		r.fail(errShort)
	} else {
		read.Kind, r.rest = Kind(r.rest[0]), r.rest[1:]
	}
	read.From.Cluster = string(r.bytes("cluster", maxNode))
	read.From.Region = string(r.bytes("region", maxNode))
	read.From.Node = string(r.bytes("node", maxNode))
	read.From.Incarnation = r.fixed64()
	read.Seq = r.uvarint()
	read.Payload = append([]byte(nil), r.bytes("payload", MaxPayload)...)
	read.Certificate = append([]byte(nil), r.bytes("certificate", MaxCertificate)...)
	read.Signature = append([]byte(nil), r.bytes("signature", maxSignature)...)
	if err := r.end(); err != nil {
		return fmt.Errorf("envelope: %w", err)
	}
	if !read.Kind.valid() || !ValidNode(read.From.Node) {
		return fmt.Errorf("envelope: %s of %q: no such kind or node", read.Kind, read.From.Node)
	}
	*e = read
	return nil
}
