package config

// ChooseVoters picks, of all nodes, in their order, those that hold the control
// log: one of each region, an odd number, at most MaxVoters. Two regions have two
// of one; a lone region has three, or one.
func ChooseVoters(nodes []Voter) []Voter {
	var voters, spare []Voter
	seen := map[string]bool{}
	for _, n := range nodes {
		if seen[n.Region] {
			spare = append(spare, n)
			continue
		}
		seen[n.Region] = true
		voters = append(voters, n)
	}
	if len(seen) == 1 && len(spare) >= 2 {
		voters = append(voters, spare[:2]...)
	}
	if len(voters)%2 == 0 && len(voters) > 0 {
		if len(spare) > 0 {
			voters = append(voters, spare[0])
		} else {
			voters = voters[:len(voters)-1]
		}
	}
	return voters[:min(len(voters), MaxVoters)]
}
