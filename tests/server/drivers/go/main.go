// What users of the Go driver do, against a server: `scenario URL`.
// Prints {"checks": number, "failures": [text]} as its last line.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	f "github.com/fauna/faunadb-go/v4/faunadb"
)

var checks int
var failures = []string{}

func check(name string, good bool, shown ...interface{}) {
	checks++
	if !good {
		failures = append(failures, fmt.Sprint(append([]interface{}{name, ": "}, shown...)...))
	}
}

// must runs a query that everything after it needs.
func must(client *f.FaunaClient, expr f.Expr) f.Value {
	value, err := client.Query(expr)
	if err != nil {
		panic(err)
	}
	return value
}

// gives checks the JSON text of a query's result.
func gives(client *f.FaunaClient, name string, expr f.Expr, wanted string) {
	value, err := client.Query(expr)
	if err != nil {
		check(name, false, err)
		return
	}
	text, err := f.MarshalJSON(value)
	var x, y interface{}
	json.Unmarshal(text, &x)
	if json.Unmarshal([]byte(wanted), &y) != nil {
		panic(wanted)
	}
	check(name, err == nil && reflect.DeepEqual(x, y), string(text))
}

func fails(client *f.FaunaClient, name string, expr f.Expr, kind error, code, description string) {
	_, err := client.Query(expr)
	fault, isFault := err.(f.FaunaError)
	good := isFault && reflect.TypeOf(err) == reflect.TypeOf(kind) && len(fault.Errors()) > 0
	check(name, good && fault.Errors()[0].Code == code && fault.Errors()[0].Description == description, err)
}

func text(value f.Value, path ...string) (found string) {
	value.At(f.ObjKey(path...)).Get(&found)
	return
}

func refOf(value f.Value) (found f.RefV) {
	if err := value.At(f.ObjKey("ref")).Get(&found); err != nil {
		panic(err)
	}
	return
}

type spell struct {
	Name     string             `fauna:"name"`
	Elements []string           `fauna:"elements"`
	Book     *f.RefV            `fauna:"book"`
	At       time.Time          `fauna:"at"`
	Raw      []byte             `fauna:"raw"`
	Costs    map[string]float64 `fauna:"costs"`
	Secret   string             `fauna:"-"`
	Absent   *int               `fauna:"absent"`
}

type world struct {
	name                        string
	root, admin, server, client *f.FaunaClient
	serverSecret                string
	ref                         f.RefV
}

func values(w *world) {
	gives(w.server, "scalars", f.Arr{f.LongV(9223372036854775807), f.DoubleV(5.5), "é😀", true, f.Null()},
		`[9223372036854775807, 5.5, "é😀", true, null]`)
	gives(w.server, "native", f.Obj{"i": int8(-3), "u": uint32(7), "f": float32(0.5), "l": []int{1}, "m": map[string]bool{"x": true}},
		`{"i": -3, "u": 7, "f": 0.5, "l": [1], "m": {"x": true}}`)
	gives(w.server, "escapes", f.Obj{"@x": 1, "y": f.Obj{"@z": f.Arr{}}}, `{"@x": 1, "y": {"@z": []}}`)
	gives(w.server, "special", f.Arr{f.BytesV{1, 2, 3, 4}, f.Date("2000-01-02"), f.TimeV(time.Unix(0, 123456789))},
		`[{"@bytes": "AQIDBA=="}, {"@date": "2000-01-02"}, {"@ts": "1970-01-01T00:00:00.123456789Z"}]`)
	_, isQuery := must(w.server, f.Query(f.Lambda("x", f.Add(f.Var("x"), 1)))).(f.QueryV)
	check("query", isQuery)
}

func schema(w *world) {
	spells, field := f.Collection("spells"), func(name string) f.Arr { return f.Arr{f.Obj{"field": f.Arr{"data", name}}} }
	must(w.server, f.CreateCollection(f.Obj{"name": "spells"}))
	must(w.server, f.CreateCollection(f.Obj{"name": "people"}))
	must(w.server, f.CreateIndex(f.Obj{"name": "all", "source": spells}))
	must(w.server, f.CreateIndex(f.Obj{"name": "by_element", "source": spells, "terms": field("elements")}))
	must(w.server, f.CreateIndex(f.Obj{"name": "names", "source": spells, "values": field("name")}))
	must(w.server, f.CreateFunction(f.Obj{"name": "double", "body": f.Query(f.Lambda("x", f.Multiply(f.Var("x"), 2)))}))
	gives(w.server, "call", f.Call(f.Function("double"), 21), `42`)
	privileges := f.Arr{f.Obj{"resource": f.Databases(), "actions": f.Obj{"read": true}}}
	must(w.admin, f.CreateRole(f.Obj{"name": "mage", "privileges": privileges}))
	must(w.admin, f.CreateAccessProvider(f.Obj{"name": "provider", "issuer": w.name, "jwks_uri": "https://keys.example/", "roles": f.Arr{f.Role("mage")}}))
	gives(w.admin, "access provider", f.Exists(f.AccessProvider("provider")), `true`)
	gives(w.server, "ref", f.RefCollection(spells, "7"),
		`{"@ref": {"id": "7", "collection": {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}}}}`)
	child := f.Database(w.name)
	gives(w.root, "scoped", f.Exists(f.ScopedIndex("all", child)), `true`)
	for _, set := range []f.Expr{f.ScopedCollections(child), f.ScopedIndexes(child), f.ScopedDatabases(child), f.ScopedKeys(child),
		f.ScopedTokens(child), f.ScopedCredentials(child), f.ScopedRoles(child), f.ScopedFunctions(child), f.ScopedAccessProviders(child)} {
		var refs []f.RefV
		check("scoped set", must(w.root, f.Paginate(set)).At(f.ObjKey("data")).Get(&refs) == nil)
	}
	must(w.root, f.CreateDatabase(f.Obj{"name": w.name + "-moved"}))
	must(w.root, f.MoveDatabase(f.Database(w.name+"-moved"), child))
}

func documents(w *world) {
	c, spells := w.server, f.Collection("spells")
	book := refOf(must(c, f.Create(f.Collection("people"), f.Obj{})))
	given := spell{"fire", []string{"fire", "wind"}, &book, time.Unix(1500000000, 123456789).UTC(), []byte{1, 250},
		map[string]float64{"a": 1.5}, "", nil}
	made := must(c, f.Create(spells, f.Obj{"data": given}))
	var back spell
	check("struct", made.At(f.ObjKey("data")).Get(&back) == nil && back.Book.ID == book.ID && back.At.Equal(given.At))
	back.Book, back.At = given.Book, given.At
	check("struct", reflect.DeepEqual(given, back), back)
	w.ref = refOf(made)
	var ts int64
	check("ts", made.At(f.ObjKey("ts")).Get(&ts) == nil && ts > 0)
	must(c, f.Update(w.ref, f.Obj{"data": f.Obj{"name": "FIRE"}}))
	check("get at", text(must(c, f.Get(w.ref, f.TS(ts))), "data", "name") == "fire")
	must(c, f.Replace(w.ref, f.Obj{"data": f.Obj{"name": "water", "elements": f.Arr{"water"}}}))
	check("insert", text(must(c, f.Insert(w.ref, int64(1000), f.ActionCreate, f.Obj{"data": f.Obj{"n": 1}})), "action") == "create")
	var events []struct {
		Action   string `fauna:"action"`
		Document f.RefV `fauna:"document"`
	}
	page := must(c, f.Paginate(f.Events(w.ref)))
	check("events", page.At(f.ObjKey("data")).Get(&events) == nil && len(events) > 0 && events[0].Document.ID == w.ref.ID, page)
	gives(c, "remove", f.Remove(w.ref, int64(1000), f.ActionCreate), `null`)
	for i := 0; i < 5; i++ {
		must(c, f.Create(spells, f.Obj{"data": f.Obj{"name": fmt.Sprintf("n%d", i), "elements": f.Arr{"e"}}}))
	}
	names, es := f.Match(f.Index("names")), f.MatchTerm(f.Index("by_element"), "e")
	counted := f.Arr{}
	for _, set := range []f.Expr{f.Union(names, names), f.Intersection(f.Match(f.Index("all")), es), f.Difference(f.Match(f.Index("all")), es),
		f.Distinct(names), f.Range(names, "n1", "n2"), f.Join(es, f.Lambda("r", f.Singleton(f.Var("r")))), f.Documents(spells)} {
		counted = append(counted, f.Count(set))
	}
	gives(c, "sets", counted, `[6, 5, 1, 6, 2, 5, 6]`)
	pages(c, names)
}

func pages(c *f.FaunaClient, set f.Expr) {
	var all []string
	options := []f.OptionalParameter{f.Size(2)}
	for {
		var names []string
		page := must(c, f.Paginate(set, options...))
		page.At(f.ObjKey("data")).Get(&names)
		all = append(all, names...)
		after, err := page.At(f.ObjKey("after")).GetValue()
		if err != nil {
			break
		}
		options = []f.OptionalParameter{f.Size(2), f.After(after)}
	}
	check("pages", strings.Join(all, " ") == "n0 n1 n2 n3 n4 water", all)
	var last []string
	must(c, f.Paginate(set, f.Size(1), f.Before(f.Null()))).At(f.ObjKey("data")).Get(&last)
	check("before", reflect.DeepEqual(last, []string{"water"}), last)
	must(c, f.Paginate(set, f.EventsOpt(true), f.Sources(true), f.TS(f.Now())))
}

func functions(w *world) {
	gives(w.server, "forms", f.Arr{
		f.Let().Bind("x", 1).Bind("y", f.Add(f.Var("x"), 1)).In(f.Var("y")), f.If(true, 1, 2), f.Do(1, 2),
		f.Map(f.Arr{1}, f.Lambda("x", f.Add(f.Var("x"), 1))), f.Filter(f.Arr{1, 2}, f.Lambda("x", f.Equals(f.Var("x"), 2))),
		f.Reduce(f.Lambda(f.Arr{"a", "b"}, f.Add(f.Var("a"), f.Var("b"))), 0, f.Arr{1, 2}), f.Reverse(f.Arr{1, 2}),
		f.Merge(f.Obj{"a": 1}, f.Obj{"a": 2}, f.ConflictResolver(f.Lambda(f.Arr{"k", "l", "r"}, f.Var("l")))),
		f.Select("x", f.Obj{}, f.Default("d")), f.ContainsPath(f.Arr{"a"}, f.Obj{"a": 1}), f.SelectAll("a", f.Arr{f.Obj{"a": 1}}),
	}, `[2, 1, 2, [2], [2], 3, [2, 1], {"a": 1}, "d", true, [1]]`)
	gives(w.server, "strings", f.Arr{
		f.Concat(f.Arr{"a", "b"}, f.Separator("-")), f.Casefold("Ⓐ", f.Normalizer(f.NormalizerNFKCCaseFold)),
		f.FindStr("abcabc", "b", f.Start(2)), f.FindStrRegex("aba", "a", f.NumResults(2)), f.Repeat("a", f.Number(3)),
		f.ReplaceStrRegex("aba", "a", "c", f.OnlyFirst()), f.SubString("abcdef", 2, f.StrLength(2)), f.Format("%s-%d", "a", 3),
	}, `["a-b", "a", 4, [{"start": 0, "end": 0, "data": "a"}, {"start": 2, "end": 2, "data": "a"}], "aaa", "cba", "cd", "a-3"]`)
	gives(w.server, "numbers", f.Arr{f.Divide(9, 2), f.Modulo(5, 3), f.Round(1.256, f.Precision(1)), f.Trunc(1.256, f.Precision(1)),
		f.Mean(f.Arr{1, 2}), f.BitXor(1, 3), f.Pow(2, 3), f.Max(1, 2), f.ToNumber("1.5")}, `[4, 2, 1.3, 1.2, 1.5, 2, 8, 2, 1.5]`)
	day := f.Epoch(0, f.TimeUnitDay)
	gives(w.server, "times", f.Arr{f.TimeAdd(day, 1, f.TimeUnitHour), f.TimeDiff(day, f.Epoch(1, "day"), "hour"), f.Year(day), f.DayOfWeek(day)},
		`[{"@ts": "1970-01-01T01:00:00Z"}, 24, 1970, 4]`)
}

func identities(w *world) {
	user := refOf(must(w.server, f.Create(f.Collection("people"), f.Obj{"credentials": f.Obj{"password": "sesame"}})))
	token := must(w.server, f.Login(user, f.Obj{"password": "sesame"}))
	session := w.server.NewSessionClient(text(token, "secret"))
	gives(w.server, "identify", f.Identify(user, "sesame"), `true`)
	gives(session, "session", f.Arr{f.HasCurrentIdentity(), f.HasCurrentToken(), f.Equals(f.CurrentIdentity(), user),
		f.Equals(f.CurrentToken(), refOf(token))}, `[true, true, true, true]`)
	gives(session, "logout", f.Logout(true), `true`)
	fails(session, "logged out", f.Now(), f.Unauthorized{}, "unauthorized", "Unauthorized")
	check("key from secret", text(must(w.root, f.KeyFromSecret(w.serverSecret)), "role") == "server")
}

func errors(w *world) {
	c, spells := w.server, f.Collection("spells")
	fails(w.client, "403", f.Paginate(f.Databases()), f.PermissionDenied{}, "permission denied", "Insufficient privileges to perform the action.")
	fails(c, "404", f.Get(f.RefCollection(spells, "9")), f.NotFound{}, "instance not found", "Document not found.")
	fails(c, "undefined", f.Create(f.Collection("nope"), f.Obj{}), f.BadRequest{}, "invalid ref", "Ref refers to undefined collection 'nope'")
	fails(c, "validation", f.Create(spells, f.Obj{"data": 1}), f.BadRequest{}, "validation failed", "document data is not valid.")
	fails(c, "abort", f.Abort("x"), f.BadRequest{}, "transaction aborted", "x")
	fails(c, "in a call", f.Call("double", "a"), f.BadRequest{}, "call error", "Calling the function resulted in an error.")
}

func clients(w *world) {
	batch, err := w.server.BatchQuery([]f.Expr{f.LongV(1), f.Add(1, 1)})
	check("batch", err == nil && len(batch) == 2, err)
	_, headers, err := w.server.QueryResult(f.Get(w.ref))
	for _, name := range []string{"X-Compute-Ops", "X-Byte-Read-Ops", "X-Byte-Write-Ops", "X-Query-Time", "X-Txn-Retries"} {
		check(name, err == nil && len(headers[name]) == 1, headers)
	}
	var seen *f.QueryResult
	trace := "00-c91308c112be8448dd34dc6191567fa0"
	observed := w.server.NewWithObserver(func(result *f.QueryResult) { seen = result })
	_, err = observed.Query(f.LongV(1), f.Tag("foo", "bar"), f.Traceparent(trace+"-b7ad6b7169203331-01"))
	check("observer", err == nil && seen.StatusCode == 200 && seen.Headers["X-Fauna-Tags"][0] == "foo=bar" &&
		strings.HasPrefix(seen.Headers["Traceparent"][0], trace), err, seen)
	w.server.SyncLastTxnTime(w.server.GetLastTxnTime() + 10)
	gives(w.server, "last transaction time", f.LongV(1), `1`)
	var group sync.WaitGroup
	faults := make(chan error, 50)
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			_, err := w.server.Query(f.Create(f.Collection("people"), f.Obj{}))
			faults <- err
		}()
	}
	group.Wait()
	for i := 0; i < 50; i++ {
		err := <-faults
		check("at once", err == nil, err)
	}
}

// events gives the first events of a stream; act brings about the next one.
func events(c *f.FaunaClient, query f.Expr, count int, act func(), fields ...f.StreamField) (got []f.StreamEvent) {
	stream := c.Stream(query, f.Fields(fields...))
	if err := stream.Start(); err != nil {
		panic(err)
	}
	patience := time.After(10 * time.Second)
	for len(got) < count {
		select {
		case event := <-stream.StreamEvents():
			got = append(got, event)
			if event.Type() == f.ErrorEventT {
				return
			}
			// Not for the last one: the driver does not stand an event that comes while it closes.
			if len(got) < count {
				act()
			}
		case <-patience:
			check("stream", false, "only ", got)
			return
		}
	}
	stream.Close()
	return
}

// One event at a time: the driver drops what arrives together with an event.
func streams(w *world) {
	z := 0
	change := func() { z++; must(w.server, f.Update(w.ref, f.Obj{"data": f.Obj{"z": z}})) }
	got := events(w.server, w.ref, 3, change)
	check("document", len(got) == 3 && got[0].Type() == f.StartEventT && got[2].Type() == f.VersionEventT && got[2].Txn() > got[1].Txn(), got)
	var diff, prev int
	got = events(w.server, w.ref, 2, change, f.DiffField, f.PrevField, f.ActionField, f.DocumentField)
	event := got[1].(f.VersionEvent).Event()
	event.At(f.ObjKey("diff", "data", "z")).Get(&diff)
	event.At(f.ObjKey("prev", "data", "z")).Get(&prev)
	check("fields", diff == prev+1, event)
	got = events(w.server, f.MatchTerm(f.Index("by_element"), "wind"), 2, func() {
		must(w.server, f.Create(f.Collection("spells"), f.Obj{"data": f.Obj{"elements": "wind"}}))
	}, f.IndexField, f.ActionField)
	check("set", got[1].Type() == f.SetEventT, got)
	refused := w.server.Stream(f.Collection("spells"))
	_, isBad := refused.Start().(f.BadRequest)
	check("no stream", isBad)
	key := must(w.admin, f.CreateKey(f.Obj{"role": "server"}))
	got = events(w.server.NewSessionClient(text(key, "secret")), w.ref, 2, func() {
		must(w.admin, f.Delete(refOf(key)))
		change()
	})
	lost, isError := got[1].(f.ErrorEvent)
	check("lost authorization", isError && strings.Contains(lost.Error().Error(), "Authorization lost during stream evaluation."), got)
}

func run(url string) {
	w := &world{name: fmt.Sprintf("go-%d", time.Now().UnixNano()), root: f.NewFaunaClient("secret", f.Endpoint(url))}
	must(w.root, f.CreateDatabase(f.Obj{"name": w.name}))
	secret := func(role string) string {
		return text(must(w.root, f.CreateKey(f.Obj{"database": f.Database(w.name), "role": role})), "secret")
	}
	w.serverSecret = secret("server")
	w.admin, w.server, w.client = w.root.NewSessionClient(secret("admin")), w.root.NewSessionClient(w.serverSecret), w.root.NewSessionClient(secret("client"))
	for _, part := range []func(*world){values, schema, documents, functions, identities, errors, clients, streams} {
		part(w)
	}
}

func main() {
	defer func() {
		if panicked := recover(); panicked != nil {
			failures = append(failures, fmt.Sprint(panicked))
		}
		result, _ := json.Marshal(map[string]interface{}{"checks": checks, "failures": failures})
		fmt.Println(string(result))
	}()
	run(os.Args[1])
}
