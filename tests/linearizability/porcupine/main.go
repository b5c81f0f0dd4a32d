// Command porcupine checks a history of accounts for linearizability, account by account.
//
// It reads the history as one JSON object from its input:
// {"opening": {account: minor}, "operations": [{account, id, kind, minor, of, called, returned,
// accepted, ledger, held}]}, where `returned` is null for an operation that was never answered.
// It prints one line per account, "<account> ok" or "<account> violated", and exits with 0, 1 when
// an account is violated, or 2 when it could not tell within the time given (seconds, argument 1).
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type operation struct {
	Account  string `json:"account"`
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Minor    int64  `json:"minor"`
	Of       string `json:"of"`
	Called   int64  `json:"called"`
	Returned *int64 `json:"returned"`
	Accepted *bool  `json:"accepted"`
	Ledger   *int64 `json:"ledger"`
	Held     *int64 `json:"held"`
}

type history struct {
	Opening    map[string]int64 `json:"opening"`
	Operations []operation      `json:"operations"`
}

// account is one account as a machine that does one thing at a time; its maps are never changed.
type account struct {
	ledger   int64
	holds    map[string]int64
	captures map[string]int64
	spent    map[string]int64
}

func (a account) held() int64 {
	var sum int64
	for _, minor := range a.holds {
		sum += minor
	}
	return sum
}

func with(of map[string]int64, key string, minor int64) map[string]int64 {
	made := without(of, key)
	made[key] = minor
	return made
}

func without(of map[string]int64, key string) map[string]int64 {
	made := make(map[string]int64, len(of)+1)
	for name, value := range of {
		if name != key {
			made[name] = value
		}
	}
	return made
}

func (a account) do(o operation) (bool, account) {
	switch o.Kind {
	case "enquire":
		return true, a
	case "redeem", "hold":
		if a.ledger-a.held() < o.Minor {
			return false, a
		}
		if o.Kind == "hold" {
			return true, account{a.ledger, with(a.holds, o.ID, o.Minor), a.captures, a.spent}
		}
		return true, account{a.ledger - o.Minor, a.holds, with(a.captures, o.ID, o.Minor), a.spent}
	case "capture":
		minor, open := a.holds[o.Of]
		if !open {
			return false, a
		}
		captures := with(a.captures, o.ID, minor)
		return true, account{a.ledger - minor, without(a.holds, o.Of), captures, with(a.spent, o.Of, 1)}
	case "release":
		if _, open := a.holds[o.Of]; open {
			return true, account{a.ledger, without(a.holds, o.Of), a.captures, a.spent}
		}
		_, captured := a.spent[o.Of]
		return !captured, a
	case "refund":
		left, known := a.captures[o.Of]
		if !known || left < o.Minor {
			return false, a
		}
		captures := with(a.captures, o.Of, left-o.Minor)
		return true, account{a.ledger + o.Minor, a.holds, captures, a.spent}
	}
	return false, a
}

func same(one, other map[string]int64) bool {
	if len(one) != len(other) {
		return false
	}
	for key, value := range one {
		if found, known := other[key]; !known || found != value {
			return false
		}
	}
	return true
}

func model(opening int64) porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return account{ledger: opening} },
		Step: func(state, input, _ interface{}) (bool, interface{}) {
			o := input.(operation)
			accepted, after := state.(account).do(o)
			if o.Accepted == nil {
				return true, after
			}
			told := o.Ledger == nil || (*o.Ledger == after.ledger && *o.Held == after.held())
			return accepted == *o.Accepted && told, after
		},
		Equal: func(one, other interface{}) bool {
			a, b := one.(account), other.(account)
			return a.ledger == b.ledger && same(a.holds, b.holds) &&
				same(a.captures, b.captures) && same(a.spent, b.spent)
		},
		DescribeOperation: func(input, _ interface{}) string { return input.(operation).ID },
	}
}

func check(found history, seconds float64) int {
	byAccount := map[string][]porcupine.Operation{}
	for number, o := range found.Operations {
		returned := int64(math.MaxInt64)
		if o.Returned != nil && o.Accepted != nil {
			returned = *o.Returned
		}
		byAccount[o.Account] = append(byAccount[o.Account], porcupine.Operation{
			ClientId: number, Input: o, Call: o.Called, Output: nil, Return: returned,
		})
	}
	names := make([]string, 0, len(found.Opening))
	for name := range found.Opening {
		names = append(names, name)
	}
	sort.Strings(names)
	status := 0
	for _, name := range names {
		limit := time.Duration(seconds * float64(time.Second))
		result := porcupine.CheckOperationsTimeout(model(found.Opening[name]), byAccount[name], limit)
		said := map[porcupine.CheckResult]string{
			porcupine.Ok: "ok", porcupine.Illegal: "violated", porcupine.Unknown: "unknown",
		}[result]
		fmt.Println(name, said)
		switch result {
		case porcupine.Illegal:
			status = 1
		case porcupine.Unknown:
			if status == 0 {
				status = 2
			}
		}
	}
	return status
}

func main() {
	seconds, err := strconv.ParseFloat(strings.Join(os.Args[1:], ""), 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, "usage: porcupine SECONDS < history.json:", err)
		os.Exit(3)
	}
	var found history
	if err := json.NewDecoder(os.Stdin).Decode(&found); err != nil {
		fmt.Fprintln(os.Stderr, "porcupine:", err)
		os.Exit(3)
	}
	os.Exit(check(found, seconds))
}
