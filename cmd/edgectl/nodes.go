package main

import (
	"context"
	"time"

	"github.com/letteros/letteredge/edge/adminapi"
	"github.com/letteros/letteredge/edge/client"
)

type nodes struct{}

func (*nodes) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	list, err := api.Nodes(ctx)
	if err != nil {
		return err
	}
	if done, err := p.object(adminapi.NewList(list, "")); done {
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, n := range list {
		seen := (time.Duration(n.SeenMS) * time.Millisecond).String() + " ago"
		rows = append(rows, []string{n.ID, n.Region, n.State, n.Address, n.Incarnation, seen})
	}
	return p.table([]string{"NODE", "REGION", "STATE", "ADDRESS", "INCARNATION", "SEEN"}, rows)
}

type regions struct{}

func (*regions) Run(ctx context.Context, api *client.Client, p *printer) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	list, err := api.Regions(ctx)
	if err != nil {
		return err
	}
	if done, err := p.object(adminapi.NewList(list, "")); done {
		return err
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		rows = append(rows, []string{r.ID, number(r.Nodes), number(r.Ready), r.State})
	}
	return p.table([]string{"REGION", "NODES", "READY", "STATE"}, rows)
}
