package cachekey

import "strings"

// CutWeight splits an element of a field of preferences, such as Accept-Encoding
// and Accept-Language, into its value and its weight in thousandths (RFC 9110
// §12.4.2). It is false for what is none. It allocates nothing.
func CutWeight(element string) (value string, q int, ok bool) {
	value, weight, has := strings.Cut(element, ";")
	value = strings.Trim(value, " \t")
	if !has {
		return value, 1000, value != ""
	}
	name, number, ok := strings.Cut(strings.Trim(weight, " \t"), "=")
	if !ok || name != "q" && name != "Q" || value == "" {
		return "", 0, false
	}
	q, ok = parseWeight(number)
	return value, q, ok
}

// parseWeight reads a qvalue: 0 or 1, with at most three decimals.
func parseWeight(s string) (thousandths int, ok bool) {
	if s == "" || len(s) > 5 || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	thousandths = int(s[0]-'0') * 1000
	unit := 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		thousandths += int(s[i]-'0') * unit
		unit /= 10
	}
	return thousandths, thousandths <= 1000
}
