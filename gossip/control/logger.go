package control

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// sink turns the lines of raft's logger into ours. What raft calls information
// is for whoever debugs it; what it calls an error is, to the node, a peer that
// does not answer.
type sink struct{ log *slog.Logger }

func newLogger(log *slog.Logger) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "control", Output: sink{log}, JSONFormat: true, Level: hclog.Debug})
}

func (s sink) Write(line []byte) (int, error) {
	var fields map[string]any
	if json.Unmarshal(bytes.TrimSpace(line), &fields) != nil {
		s.log.Debug("control log", "line", string(line))
		return len(line), nil
	}
	level := slog.LevelDebug
	switch fields["@level"] {
	case "error":
		level = slog.LevelInfo
	case "warn":
		level = slog.LevelDebug
	}
	var args []any
	for k, v := range fields {
		if k[0] != '@' {
			args = append(args, k, v)
		}
	}
	message, _ := fields["@message"].(string)
	s.log.Log(context.Background(), level, "control log: "+message, args...)
	return len(line), nil
}
