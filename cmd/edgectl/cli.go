package main

import (
	"context"
	"time"
)

const defaultAdmin = "http://127.0.0.1:8081"

const description = `Speak to the admin API of a LetterEdge node.

Exit codes: 0 done, 1 not done (refused by the server, or not complete in time), 2 wrong use, 3 cannot reach the node.
Writes need a token with their scope; reads need none on a loopback address.`

// grammar is the command line.
type grammar struct {
	Admin  string `help:"Address of the admin API, http://host:port." env:"EDGECTL_ADMIN" default:"${default_admin}" placeholder:"URL"`
	Token  string `help:"Token for the admin API." env:"EDGECTL_TOKEN" placeholder:"T"`
	Output string `short:"o" help:"How results are printed: table or json." enum:"table,json" default:"table" placeholder:"FORMAT"`

	Quota struct {
		List  quotaList  `cmd:"" help:"List quotas."`
		Get   quotaGet   `cmd:"" help:"Show a segment's quota."`
		Set   quotaSet   `cmd:"" help:"Define a segment's quota; what is not given takes its default."`
		Rm    quotaRm    `cmd:"" help:"Remove a segment's quota."`
		Watch quotaWatch `cmd:"" help:"Print quotas, and every change of them, until interrupted."`
	} `cmd:"" help:"Limits per segment."`
	Purge purge `cmd:"" help:"Purge what one selector selects, and wait until every node has."`
	Docs  struct {
		Diff docsDiff `cmd:"" help:"Compare a folder of documents with what is released."`
		Push docsPush `cmd:"" help:"Bring what has changed in a folder of documents to every node, in stages, and follow it."`
	} `cmd:"" help:"Documents that artifacts are rendered from."`
	Rollout struct {
		List     rolloutList     `cmd:"" help:"List rollouts, the latest first."`
		Get      rolloutGet      `cmd:"" help:"Show a rollout."`
		Watch    rolloutWatch    `cmd:"" help:"Follow a rollout to its end."`
		Promote  rolloutPromote  `cmd:"" help:"Have a paused rollout go on."`
		Abort    rolloutAbort    `cmd:"" help:"Stop a rollout and take it back."`
		Rollback rolloutRollback `cmd:"" help:"Take a done rollout back."`
	} `cmd:"" help:"Updates of documents on their way."`
	Tokens struct {
		List   tokenList   `cmd:"" help:"List the tokens that all nodes know; configured ones are not among them."`
		Create tokenCreate `cmd:"" help:"Make a token that all nodes know, and print it, once."`
		Rm     tokenRm     `cmd:"" help:"Take a token back."`
	} `cmd:"" name:"token" help:"Who may use the admin API."`
	Cluster struct {
		Init clusterInit `cmd:"" help:"Make a cluster: its CA, its keyring, and each node's certificate and configuration."`
		Add  clusterAdd  `cmd:"" help:"Make further nodes of a cluster."`
	} `cmd:"" help:"What nodes are made from; asks no node."`
	Nodes   nodes   `cmd:"" help:"List nodes."`
	Regions regions `cmd:"" help:"List regions."`
	Explain explain `cmd:"" help:"Tell what a request for a URL would get; fetches nothing."`
	Audit   struct {
		List auditList `cmd:"" help:"List who changed what, the latest first."`
	} `cmd:"" help:"The record of writes."`
}

// patience bounds one exchange with the node, beside a wait that was asked for.
const patience = 15 * time.Second

// limited bounds a command that does not wait for anything.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}
