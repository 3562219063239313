// What users of the JVM driver do, against a server: `java -cp 'jars/*' Scenario.java URL`.
// Prints {"checks": number, "failures": [text]} as its last line.

import static com.faunadb.client.query.Language.*;

import com.codahale.metrics.MetricRegistry;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.faunadb.client.FaunaClient;
import com.faunadb.client.HttpResponses.QueryError;
import com.faunadb.client.errors.*;
import com.faunadb.client.query.Expr;
import com.faunadb.client.query.Language;
import com.faunadb.client.streaming.EventField;
import com.faunadb.client.streaming.EventFields;
import com.faunadb.client.types.*;
import com.faunadb.client.types.Value;
import com.faunadb.client.types.Value.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Scenario {
  static final ObjectMapper JSON = new ObjectMapper();
  static final List<String> failures = Collections.synchronizedList(new ArrayList<>());
  static int checks;

  static FaunaClient root, admin, server, client;
  static String name, serverSecret;
  static RefV ref;

  interface Part { void run() throws Exception; }

  static void check(String what, boolean good, Object shown) {
    checks += 1;
    if (!good) failures.add(what + ": " + shown);
  }

  static Value query(FaunaClient by, Expr expr) {
    try {
      return by.query(expr).get(20, java.util.concurrent.TimeUnit.SECONDS);
    } catch (ExecutionException error) {
      if (error.getCause() instanceof FaunaException) throw (FaunaException) error.getCause();
      throw new RuntimeException(error.getCause());
    } catch (Exception error) {
      throw new RuntimeException(error);
    }
  }

  static Value query(Expr expr) { return query(server, expr); }

  static void gives(FaunaClient by, String what, Expr expr, String wanted) throws Exception {
    Value got = query(by, expr);
    check(what, JSON.readTree(JSON.writeValueAsString(got)).equals(JSON.readTree(wanted)), got);
  }

  static void gives(String what, Expr expr, String wanted) throws Exception { gives(server, what, expr, wanted); }

  static void fails(FaunaClient by, String what, Expr expr, Class<?> kind, String position, String code, String text) {
    try {
      check(what, false, query(by, expr));
    } catch (FaunaException error) {
      QueryError first = error.errors().get(0);
      check(what, error.getClass() == kind && first.code().equals(code) && first.description().equals(text)
          && first.position().toString().equals(position), error + " at " + first.position());
    }
  }

  static String text(Value value, String... path) { return value.at(path).to(String.class).getOrElse(() -> "nothing"); }

  static RefV refOf(Value document) { return document.get(Field.at("ref").to(RefV.class)); }

  public static class Spell {
    @FaunaField public String name;
    @FaunaField("els") public List<String> elements;
    @FaunaField public int cost;
    @FaunaField public Instant at;
    @FaunaField public LocalDate day;
    @FaunaField public Map<String, Double> costs;
    @FaunaField public byte[] raw;

    @FaunaConstructor
    public Spell(
        @FaunaField("name") String name, @FaunaField("els") List<String> elements, @FaunaField("cost") int cost,
        @FaunaField("at") Instant at, @FaunaField("day") LocalDate day,
        @FaunaField("costs") Map<String, Double> costs, @FaunaField("raw") byte[] raw) {
      this.name = name;
      this.elements = elements;
      this.cost = cost;
      this.at = at;
      this.day = day;
      this.costs = costs;
      this.raw = raw;
    }
  }

  static void values() throws Exception {
    gives("scalars", Arr(Value(1), Value(1.5), Value("é😀"), Value(true), Null(), Value(Long.MAX_VALUE)),
        "[1, 1.5, \"é😀\", true, null, 9223372036854775807]");
    Instant nanos = Instant.parse("1970-01-01T00:00:00.000000001Z");
    check("time", query(Value(nanos)).to(Instant.class).get().equals(nanos), nanos);
    check("date", query(Value(LocalDate.EPOCH)).to(LocalDate.class).get().equals(LocalDate.EPOCH), "");
    check("bytes", query(Value(new byte[] {1, -6})).to(byte[].class).get()[1] == -6, "");
    check("double", query(Value(1e300)).to(Double.class).get() == 1e300, "");
    check("query", query(Query(Lambda("x", Add(Var("x"), Value(1))))) instanceof QueryV, "");
    check("escapes", query(Obj("@x", Value(1), "y", Obj("@z", Arr()))).at("@x").to(Long.class).get() == 1, "");
  }

  static Expr field(String name) { return Arr(Obj("field", Arr(Value("data"), Value(name)))); }

  static void schema() throws Exception {
    query(CreateCollection(Obj("name", Value("spells"))));
    query(CreateCollection(Obj("name", Value("people"))));
    Expr spells = Collection("spells");
    query(CreateIndex(Obj("name", Value("all"), "source", spells)));
    query(CreateIndex(Obj("name", Value("by_element"), "source", spells, "terms", field("els"))));
    query(CreateIndex(Obj("name", Value("names"), "source", spells, "values", field("name"))));
    Expr body = Query(Lambda("x", Multiply(Var("x"), Value(2))));
    query(CreateFunction(Obj("name", Value("double"), "body", body, "role", Value("server"))));
    gives("call", Call(Function("double"), Value(21)), "42");
    Expr actions = Obj("read", Value(true), "write", Query(Lambda(Arr(Value("old"), Value("new")), Value(true))));
    query(admin, CreateRole(Obj("name", Value("mage"), "privileges", Arr(Obj("resource", spells, "actions", actions)))));
    query(admin, CreateAccessProvider(Obj("name", Value("provider"), "issuer", Value(name),
        "jwks_uri", Value("https://keys.example/"), "roles", Arr(Role("mage")))));
    gives(root, "scoped", Exists(AccessProvider("provider", Database(name))), "true");
    for (Expr set : List.of(Classes(), Collections(), Databases(), Indexes(), Functions(), Keys(), Tokens(), Credentials(),
        Roles(), AccessProviders())) {
      check("native", query(set) instanceof RefV, set);
    }
    Expr child = Database(name);
    for (Expr set : List.of(Collections(child), Databases(child), Indexes(child), Functions(child), Keys(child),
        Tokens(child), Credentials(child), Roles(child), AccessProviders(child))) {
      check("scoped set", query(root, Paginate(set)).at("data") instanceof ArrayV, set);
    }
    query(root, CreateDatabase(Obj("name", Value(name + "-moved"))));
    query(root, MoveDatabase(Database(name + "-moved"), child));
  }

  static void documents() throws Exception {
    Spell given = new Spell("fire", List.of("fire", "wind"), 10, Instant.parse("2017-07-14T02:40:00.123456789Z"),
        LocalDate.of(2000, 1, 2), Map.of("a", 1.5), new byte[] {1, -6});
    Value made = query(Create(Collection("spells"), Obj("data", Value(given))));
    Spell back = made.at("data").to(Spell.class).get();
    check("object", back.elements.equals(given.elements) && back.cost == 10 && back.at.equals(given.at)
        && back.day.equals(given.day) && back.costs.equals(given.costs) && Arrays.equals(back.raw, given.raw), made);
    ref = refOf(made);
    long ts = made.get(Field.at("ts").to(Long.class));
    check("get", query(Get(ref)).equals(made), made);
    gives("exists", Arr(Exists(ref), Exists(ref, Value(ts - 1))), "[true, false]");
    query(Update(ref, Obj("data", Obj("name", Value("FIRE"), "cost", Null()))));
    check("get at", text(query(Get(ref, Value(ts))), "data", "name").equals("fire"), "");
    query(Replace(ref, Obj("data", Obj("name", Value("water"), "els", Arr(Value("water"))))));
    Value inserted = query(Insert(ref, Value(1000), Language.Action.CREATE, Obj("data", Obj("n", Value(1)))));
    check("insert", text(inserted, "action").equals("create"), inserted);
    check("events", query(Paginate(Events(ref))).at("data").at(0).at("document").equals(ref), "");
    gives("remove", Remove(ref, Value(1000), Language.Action.CREATE), "null");
    for (int i = 0; i < 5; i++) {
      query(Create(Collection("spells"), Obj("data", Obj("name", Value("n" + i), "els", Arr(Value("e"))))));
    }
    Expr names = Match(Index("names")), all = Match(Index("all")), es = Match(Index("by_element"), Value("e"));
    Stream<Expr> sets = Stream.of(Union(names, names), Intersection(all, es), Difference(all, es), Distinct(names),
        Range(names, Value("n1"), Value("n2")), Join(es, x -> Singleton(x)), Documents(Collection("spells")));
    gives("sets", Arr(sets.map(Language::Count).collect(Collectors.toList())), "[6, 5, 1, 6, 2, 5, 6]");
    pages(names, ts);
  }

  static void pages(Expr set, long ts) throws Exception {
    List<String> all = new ArrayList<>();
    Optional<Value> after = Optional.empty();
    do {
      Value page = query(after.isPresent() ? Paginate(set).size(2).after(after.get()) : Paginate(set).size(2));
      all.addAll(page.get(Field.at("data").collect(Field.as(String.class))));
      after = page.at("after").getOptional();
    } while (after.isPresent());
    check("pages", all.equals(List.of("n0", "n1", "n2", "n3", "n4", "water")), all);
    Value last = query(Paginate(set).size(1).before(Null()).sources(true));
    check("before", text(last.at("data").at(0), "value").equals("water"), last);
    check("page at", query(Paginate(Match(Index("all"))).ts(ts)).at("data").collect(RefV.class).size() == 1, "");
  }

  static void functions() throws Exception {
    Expr one = Value(1), two = Value(2);
    gives("forms", Arr(Let("x", one, "y", two).in(Var("y")), If(Value(true), one, two), Do(one, two),
        Map(Arr(one), x -> Add(x, one)), Filter(Arr(one, two), x -> Equals(x, two)), Take(1, Arr(one, two)),
        Reduce(Lambda(Arr(Value("a"), Value("b")), Add(Var("a"), Var("b"))), Value(0), Arr(one, two)),
        Reverse(Arr(one, two)), Select(Path("a").at(0), Obj("a", Arr(one))), Select(Path("x"), Obj(), Value("d")),
        ContainsPath(Path("a"), Obj("a", one))), "[2, 1, 2, [2], [2], [1], 3, [2, 1], 1, \"d\", true]");
    gives("strings", Arr(Casefold("Ⓐ", Language.Normalizer.NFKCCaseFold), ContainsStrRegex("abc", "b+"),
        FindStr("abcabc", "b", 2), NGram("ab", 1, 2), ReplaceStrRegex("aba", "a", "c", true), SubString("abcdef", 2, 2),
        Format("%s-%d", Value("a"), Value(3))), "[\"a\", true, 4, [\"a\", \"ab\", \"b\"], \"cba\", \"cd\", \"a-3\"]");
    gives("numbers", Arr(Divide(Value(9), two), Hypot(3.0, 4.0), Round(1.256, 1L), Trunc(1.256, 1L), Mean(Arr(one, two)),
        BitXor(one, Value(3)), Pow(2.0, 3.0), ToInteger("7")), "[4, 5.0, 1.3, 1.2, 1.5, 2, 8.0, 7]");
    gives("times", Arr(DayOfWeek(Epoch(0, "day")), TimeDiff(Epoch(0, "day"), Epoch(1, "day"), Language.TimeUnit.HOUR),
        Equals(TimeAdd(LocalDate.EPOCH, 1, Language.TimeUnit.DAY), Date("1970-01-02")),
        Equals(TimeSubtract(Instant.EPOCH, 1, "hours"), Time("1969-12-31T23:00:00Z"))), "[4, 24, true, true]");
  }

  static void identities() throws Exception {
    RefV user = refOf(query(Create(Collection("people"), Obj("credentials", Obj("password", Value("sesame"))))));
    Value token = query(Login(user, Obj("password", Value("sesame"))));
    FaunaClient session = server.newSessionClient(text(token, "secret"));
    gives("identify", Identify(user, "sesame"), "true");
    gives(session, "session", Arr(HasCurrentIdentity(), HasCurrentToken(), Equals(CurrentIdentity(), user),
        Equals(CurrentToken(), refOf(token))), "[true, true, true, true]");
    gives(session, "logout", Logout(true), "true");
    fails(session, "logged out", Now(), UnauthorizedException.class, "[]", "unauthorized", "Unauthorized");
    check("key from secret", text(query(root, KeyFromSecret(serverSecret)), "role").equals("server"), "");
  }

  static void errors() {
    fails(client, "403", Paginate(Databases()), PermissionDeniedException.class, "[paginate]", "permission denied",
        "Insufficient privileges to perform the action.");
    fails(server, "404", Get(Ref(Collection("spells"), "9")), NotFoundException.class, "[]", "instance not found",
        "Document not found.");
    fails(server, "404 of a value", Select(Path("x"), Obj()), NotFoundException.class, "[from]", "value not found",
        "Value not found at path [x].");
    fails(server, "argument", Add(Value(1), Value("a")), BadRequestException.class, "[add, 1]", "invalid argument",
        "Number expected, String provided.");
    fails(server, "abort", Abort("x"), BadRequestException.class, "[]", "transaction aborted", "x");
    fails(server, "in a call", Call(Function("double"), Value("a")), BadRequestException.class, "[]", "call error",
        "Calling the function resulted in an error.");
    try {
      check("validation", false, query(Create(Collection("spells"), Obj("data", Value(1)))));
    } catch (BadRequestException error) {
      check("validation", error.errors().get(0).failures().get(0).field().equals(List.of("data")), error);
    }
  }

  static void clients() throws Exception {
    check("batch", server.query(Value(1), Add(Value(1), Value(1))).get().get(1).to(Long.class).get() == 2, "");
    MetricsResponse response = server.queryWithMetrics(Get(ref), Optional.empty()).get();
    for (MetricsResponse.Metrics metric : MetricsResponse.Metrics.values()) {
      check(metric.name(), response.getMetric(metric).isPresent(), metric);
    }
    server.syncLastTxnTime(server.getLastTxnTime() + 10);
    check("timeout", server.query(Value(1), Duration.ofSeconds(5)).get().to(Long.class).get() == 1, "");
    List<CompletableFuture<Value>> pending = new ArrayList<>();
    for (int i = 0; i < 50; i++) pending.add(server.query(Create(Collection("people"), Obj())));
    Set<String> ids = new HashSet<>();
    for (CompletableFuture<Value> each : pending) ids.add(refOf(each.get()).getId());
    check("at once", ids.size() == 50, ids);
  }

  /** The first events of a stream; act brings about the next one. The driver may drop what arrives together. */
  static List<Value> events(FaunaClient by, Expr expr, int count, Runnable act, EventField... fields) throws Exception {
    List<Value> got = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch done = new CountDownLatch(1);
    by.stream(expr, List.of(fields), false).get(10, java.util.concurrent.TimeUnit.SECONDS).subscribe(new Flow.Subscriber<Value>() {
      Flow.Subscription subscription;

      public void onSubscribe(Flow.Subscription subscription) {
        this.subscription = subscription;
        subscription.request(1);
      }

      public void onNext(Value event) {
        got.add(event);
        if (got.size() < count) {
          subscription.request(1);
          new Thread(act).start();
          return;
        }
        subscription.cancel();
        done.countDown();
      }

      public void onError(Throwable error) {
        got.add(new StringV(error.toString()));
        done.countDown();
      }

      public void onComplete() { done.countDown(); }
    });
    check("events", done.await(10, java.util.concurrent.TimeUnit.SECONDS), got);
    return got;
  }

  static int z;

  static void change() { query(Update(ref, Obj("data", Obj("z", Value(++z))))); }

  static void streams() throws Exception {
    List<Value> got = events(server, ref, 20, Scenario::change);
    check("document", text(got.get(0), "type").equals("start") && text(got.get(19), "type").equals("version"), got);
    check("document", got.get(19).at("event", "document", "data", "z").to(Long.class).get() == 19, got);
    got = events(server, ref, 2, Scenario::change, EventFields.DiffField, EventFields.PrevField, EventFields.ActionField);
    Value event = got.get(1).at("event");
    check("fields", event.at("diff", "data", "z").to(Long.class).get() == 20
        && event.at("prev", "data", "z").to(Long.class).get() == 19, got);
    Expr create = Create(Collection("spells"), Obj("data", Obj("els", Value("wind"))));
    got = events(server, Match(Index("by_element"), Value("wind")), 2, () -> query(create), EventFields.IndexField);
    check("set", text(got.get(1), "type").equals("set"), got);
    try {
      check("no stream", false, server.stream(Collection("spells")).get());
    } catch (ExecutionException error) {
      check("no stream", error.getCause() instanceof BadRequestException, error);
    }
    Value key = query(admin, CreateKey(Obj("role", Value("server"))));
    got = events(server.newSessionClient(text(key, "secret")), ref, 3, () -> {
      query(admin, Delete(refOf(key)));
      change();
    });
    check("lost authorization", got.size() == 2 && got.get(1).toString().contains("Authorization lost"), got);
  }

  static FaunaClient holder(String role) {
    return root.newSessionClient(secret(role));
  }

  static String secret(String role) {
    return text(query(root, CreateKey(Obj("database", Database(name), "role", Value(role)))), "secret");
  }

  static void run(String url) throws Exception {
    MetricRegistry metrics = new MetricRegistry();
    root = FaunaClient.builder().withSecret("secret").withEndpoint(url).withCheckNewVersion(false).withMetrics(metrics)
        .withQueryTimeout(Duration.ofSeconds(20)).withCustomHeaders(Map.of("x-mine", "1")).build();
    name = "jvm-" + System.nanoTime();
    query(root, CreateDatabase(Obj("name", Value(name))));
    serverSecret = secret("server");
    server = root.newSessionClient(serverSecret);
    admin = holder("admin");
    client = holder("client");
    List<Part> parts = List.of(Scenario::values, Scenario::schema, Scenario::documents, Scenario::functions,
        Scenario::identities, Scenario::errors, Scenario::clients, Scenario::streams);
    for (Part part : parts) part.run();
    check("registry", !metrics.getNames().isEmpty(), metrics.getNames());
  }

  public static void main(String[] arguments) throws Exception {
    try {
      run(arguments[0]);
    } catch (Throwable error) {
      failures.add(error + " " + Arrays.toString(error.getStackTrace()));
    }
    System.out.println(JSON.writeValueAsString(Map.of("checks", checks, "failures", failures)));
    System.exit(0);
  }
}
