// Whether a history of tests/engine/storage/histories.py is linearizable, as porcupine judges it.
//
//	porcupine -registers 3 -accounts 6 -balance 100 <history.jsonl
//
// A line is an operation as a worker writes it. Nothing is believed but what the clients saw: what they asked, what they
// were answered, and when by their clock; transaction times and the store's own history play no part. Reads of the past
// are left out, since their place is not between their beginning and their end.
//
// The registers are one object, the accounts another, each name is one: an operation is about one of them, and a history
// is linearizable when it is so for every object.
//
// Ends with 0: it is. 1: it is not, and standard output tells where. 2: that is no history. 3: not decided in time.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type operation struct {
	Worker int             `json:"worker"`
	Kind   string          `json:"kind"`
	Start  int64           `json:"start"`
	End    int64           `json:"end"`
	Status string          `json:"status"` // ok, no: refused, unknown: perhaps it happened
	Asked  json.RawMessage `json:"asked"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
	call   call
}

// What an operation does to its object: whether the answer is right in a state, and the state it leaves.
type call func(state interface{}) (bool, interface{})

func (op *operation) known() bool { return op.Status == "ok" }

// refused tells whether the answer was this error of a query that was evaluated.
func (op *operation) refused(code string) bool { return op.Status == "no" && op.Error == "400 "+code }

func (op *operation) String() string {
	answer := string(op.Result)
	if !op.known() {
		answer = op.Status + " (" + op.Error + ")"
	}
	return fmt.Sprintf("worker %d, %d to %d: %s %s -> %s", op.Worker, op.Start, op.End, op.Kind, op.Asked, answer)
}

// ---- what each operation means ----------------------------------------------------------------------------------

// sizes of what is there in the beginning.
type sizes struct{ registers, accounts, balance int }

// understand says which object an operation is about (none: nothing to judge), and what it does to it.
func (s sizes) understand(op *operation) (object string, does call, err error) {
	switch op.Kind {
	case "read":
		does, err = s.read(op)
		object = "registers"
	case "write", "modify":
		does, err = s.write(op)
		object = "registers"
	case "sum":
		does, err = s.sum(op)
		object = "accounts"
	case "transfer":
		does, err = s.transfer(op)
		object = "accounts"
	case "take", "retake":
		var name string
		err = json.Unmarshal(op.Asked, &name)
		does = take(op)
		object = "name " + name
	case "past":
	default:
		err = fmt.Errorf("unknown kind %q", op.Kind)
	}
	return object, does, err
}

func (s sizes) read(op *operation) (call, error) {
	var found []string
	if op.known() {
		if err := json.Unmarshal(op.Result, &found); err != nil {
			return nil, err
		}
	}
	return func(state interface{}) (bool, interface{}) {
		return op.known() && reflect.DeepEqual(state, found), state
	}, nil
}

func (s sizes) write(op *operation) (call, error) {
	var place int
	var value, old string
	if err := tuple(op.Asked, &place, &value); err != nil {
		return nil, err
	}
	if place < 0 || place >= s.registers {
		return nil, fmt.Errorf("there is no register %d", place)
	}
	reads := op.Kind == "modify" && op.known()
	if reads {
		if err := tuple(op.Result, &old, new(int64)); err != nil {
			return nil, err
		}
	}
	return func(state interface{}) (bool, interface{}) {
		before := state.([]string)
		after := append([]string(nil), before...)
		after[place] = value
		return op.Status != "no" && (!reads || before[place] == old), after
	}, nil
}

func (s sizes) sum(op *operation) (call, error) {
	var byRef, byIndex []int
	if op.known() {
		if err := tuple(op.Result, &byRef, &byIndex); err != nil {
			return nil, err
		}
	}
	return func(state interface{}) (bool, interface{}) {
		sorted := append([]int(nil), state.([]int)...)
		sort.Ints(sorted)
		return op.known() && reflect.DeepEqual(state, byRef) && reflect.DeepEqual(sorted, byIndex), state
	}, nil
}

func (s sizes) transfer(op *operation) (call, error) {
	var source, target, amount int
	if err := tuple(op.Asked, &source, &target, &amount); err != nil {
		return nil, err
	}
	if source < 0 || source >= s.accounts || target < 0 || target >= s.accounts {
		return nil, fmt.Errorf("there is no account %d or %d", source, target)
	}
	return func(state interface{}) (bool, interface{}) {
		before := state.([]int)
		if before[source] < amount {
			return op.refused("transaction aborted") || op.Status == "unknown", state
		}
		after := append([]int(nil), before...)
		after[source] -= amount
		after[target] += amount
		return op.Status != "no", after
	}, nil
}

// take gives a name to a new document; retake takes it away from its holder before. The state: whether it is held.
func take(op *operation) call {
	return func(state interface{}) (bool, interface{}) {
		if op.Kind == "take" && state.(bool) {
			return op.refused("instance not unique") || op.Status == "unknown", true
		}
		return op.Status != "no", true
	}
}

// tuple reads a JSON list of exactly these.
func tuple(text json.RawMessage, targets ...interface{}) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	if len(parts) != len(targets) {
		return fmt.Errorf("%s has not %d parts", text, len(targets))
	}
	for i, part := range parts {
		if err := json.Unmarshal(part, targets[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s sizes) initial(object string) interface{} {
	switch object {
	case "registers":
		state := make([]string, s.registers)
		for i := range state {
			state[i] = "0"
		}
		return state
	case "accounts":
		state := make([]int, s.accounts)
		for i := range state {
			state[i] = s.balance
		}
		return state
	}
	return false
}

// ---- judging ----------------------------------------------------------------------------------------------------

// load reads a history, and gives the operations on each object.
func (s sizes) load(source io.Reader) (map[string][]porcupine.Operation, error) {
	objects := map[string][]porcupine.Operation{}
	lines := bufio.NewScanner(source)
	lines.Buffer(nil, 1<<24)
	for number := 1; lines.Scan(); number++ {
		op := &operation{}
		err := json.Unmarshal(lines.Bytes(), op)
		if err == nil && op.Status != "ok" && op.Status != "no" && op.Status != "unknown" {
			err = fmt.Errorf("unknown status %q", op.Status)
		}
		if err == nil && op.End < op.Start {
			err = errors.New("it ends before it begins")
		}
		var object string
		if err == nil {
			object, op.call, err = s.understand(op)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %v", number, err)
		}
		end := op.End
		if op.Status == "unknown" {
			end = math.MaxInt64 // It happened at any time from then on; never is after everything that is seen.
		}
		readsOnly := op.Kind == "read" || op.Kind == "sum"
		if object == "" || op.Error == "409" || (readsOnly && op.Status == "unknown") {
			continue // A past one; one that lost its place and did nothing; one without an answer to judge.
		}
		objects[object] = append(
			objects[object], porcupine.Operation{ClientId: op.Worker, Input: op, Call: op.Start, Return: end},
		)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, errors.New("nothing happened")
	}
	return objects, nil
}

func (s sizes) model(object string) porcupine.Model {
	return porcupine.Model{
		Init:  func() interface{} { return s.initial(object) },
		Step:  func(state, input, _ interface{}) (bool, interface{}) { return input.(*operation).call(state) },
		Equal: reflect.DeepEqual,
	}
}

// describe tells how far an order can be found, and what cannot come next.
func (s sizes) describe(object string, all []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, order := range info.PartialLinearizationsOperations()[0] {
		if len(order) > len(longest) {
			longest = order
		}
	}
	state := s.initial(object)
	placed := map[*operation]bool{}
	for _, each := range longest {
		op := each.Input.(*operation)
		placed[op] = true
		_, state = op.call(state)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: not linearizable; %d of %d operations can be put in an order, which ends with\n", object, len(longest), len(all))
	if len(longest) > 5 {
		longest = longest[len(longest)-5:]
	}
	for _, each := range longest {
		fmt.Fprintf(&text, "  %v\n", each.Input)
	}
	fmt.Fprintf(&text, "and leaves %v; none of these can come next\n", state)
	first := int64(math.MaxInt64) // What begins after one of the rest has ended comes after that one.
	for _, each := range all {
		if !placed[each.Input.(*operation)] && each.Return < first {
			first = each.Return
		}
	}
	for _, each := range all {
		if !placed[each.Input.(*operation)] && each.Call <= first {
			fmt.Fprintf(&text, "  %v\n", each.Input)
		}
	}
	return text.String()
}

func main() {
	var s sizes
	flag.IntVar(&s.registers, "registers", 0, "how many registers there are")
	flag.IntVar(&s.accounts, "accounts", 0, "how many accounts there are")
	flag.IntVar(&s.balance, "balance", 0, "what each account has in the beginning")
	patience := flag.Duration("timeout", time.Minute, "how long to search for each object")
	flag.Parse()
	objects, err := s.load(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	outcome, judged := 0, 0
	for object, operations := range objects {
		judged += len(operations)
		result, info := porcupine.CheckOperationsVerbose(s.model(object), operations, *patience)
		switch result {
		case porcupine.Illegal:
			fmt.Print(s.describe(object, operations, info))
			outcome = 1
		case porcupine.Unknown:
			fmt.Printf("%s: not decided in %v\n", object, *patience)
			if outcome == 0 {
				outcome = 3
			}
		}
	}
	if outcome == 0 {
		fmt.Printf("ok: %d operations on %d objects\n", judged, len(objects))
	}
	os.Exit(outcome)
}
