package quota

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrecondition(t *testing.T) {
	const tag = `"17-abc"`
	for _, c := range []struct {
		ifMatch, ifNoneMatch string
		exists, absent       error // with a quota of that tag, without one
	}{
		{"", "", nil, nil},
		{tag, "", nil, ErrPreconditionFailed},
		{"*", "", nil, ErrPreconditionFailed},
		{" * ", "", nil, ErrPreconditionFailed},
		{`"18-abc"`, "", ErrPreconditionFailed, ErrPreconditionFailed},
		{`W/` + tag, "", ErrPreconditionFailed, ErrPreconditionFailed}, // compared strongly
		{`"x", ,W/"y",` + tag, "", nil, ErrPreconditionFailed},
		{`"a,b" , ` + tag + ` ,`, "", nil, ErrPreconditionFailed},
		{`""`, "", ErrPreconditionFailed, ErrPreconditionFailed},
		{"", "*", ErrPreconditionFailed, nil},
		{"", tag, ErrPreconditionFailed, nil},
		{"", `W/` + tag, ErrPreconditionFailed, nil}, // compared weakly
		{"", `"18-abc"`, nil, nil},
		{tag, "*", ErrPreconditionFailed, ErrPreconditionFailed},
	} {
		p := Precondition{c.ifMatch, c.ifNoneMatch}
		require.Equal(t, c.exists, p.Check(tag), "%+v", p)
		require.Equal(t, c.absent, p.Check(""), "%+v", p)
	}
}

func TestPreconditionMalformed(t *testing.T) {
	for _, bad := range []string{" ", "17-abc", `"17`, `*, "x"`, `"x" "y"`, `W/`, `W/x`, `w/"x"`, "\"a\nb\"", `"a b"`, `,"x"`, "\x00"} {
		var invalid ErrInvalid
		require.ErrorAs(t, Precondition{IfMatch: bad}.Check(`"x"`), &invalid, "%q", bad)
		require.Equal(t, "If-Match", invalid.Field)
		require.ErrorAs(t, Precondition{IfNoneMatch: bad}.Check(`"x"`), &invalid, "%q", bad)
		require.Equal(t, "If-None-Match", invalid.Field)
	}
}

func FuzzPrecondition(f *testing.F) {
	for _, seed := range []string{"", "*", `"17-abc"`, `W/"x", "y"`, `"a,b" ,, "c"`, `"`, `W/`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		l, err := parseTags("If-Match", field)
		if err != nil {
			return
		}
		for _, tag := range l.tags {
			got, ok := leadingTag(tag)
			require.True(t, ok)
			require.Equal(t, tag, got)
			require.True(t, Precondition{IfNoneMatch: tag}.Check(tag) != nil || tag[0] == 'W')
		}
	})
}
