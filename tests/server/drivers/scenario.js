// What users of the npm package `faunadb` do, against a server: `node scenario.js PORT`.
// Prints {"checks": number, "failures": [text]} as its last line.

const { isDeepStrictEqual, inspect } = require('util')
const faunadb = require('faunadb')
const nodeFetch = require('cross-fetch')
const q = faunadb.query
const { Ref, FaunaTime, FaunaDate, Bytes, Query, SetRef, Native } = faunadb.values

const failures = []
let checks = 0

function options(secret, more) {
  return { secret, domain: '127.0.0.1', scheme: 'http', port: Number(process.argv[2]), checkNewVersion: false, ...more }
}
const connect = (secret, more) => new faunadb.Client(options(secret, more))
const plain = value => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)))

// wanted: data, or a function that judges what came.
async function check(name, promise, wanted) {
  checks += 1
  try {
    const got = await promise
    const good = typeof wanted === 'function' ? wanted(got) : isDeepStrictEqual(plain(got), plain(wanted))
    if (!good) failures.push(`${name}: ${inspect(got, { depth: 6 })}`)
    return got
  } catch (error) {
    failures.push(`${name}: ${error.stack} ${JSON.stringify((error.requestResult || {}).responseContent)}`)
  }
}

async function fails(name, promise, errorName, wanted) {
  const shown = error => {
    const first = ((error.requestResult || {}).responseContent || {}).errors
    return [error.name, first ? plain(first[0]) : undefined]
  }
  const outcome = promise.then(value => ['no error', value], shown)
  await check(name, outcome, ([got, first]) =>
    got === errorName && Object.entries(wanted).every(([key, value]) => isDeepStrictEqual(first[key], value)))
}

async function values({ client }) {
  const same = [1, -1.5, 'fire', true, null, [1, ['a', null]], { a: { b: [1] } }, { '@name': 'Hen Wen', '@age': 1 }]
  for (const value of same) await check(`value ${inspect(value)}`, client.query(value), value)
  const nanos = '1970-01-01T00:00:00.123456789Z'
  await check('time', client.query(new FaunaTime(nanos)), got => got instanceof FaunaTime && got.value === nanos)
  await check('date', client.query(new FaunaDate('2000-01-02')), got => got instanceof FaunaDate)
  await check('bytes', client.query(new Uint8Array([1, 250])), got => got instanceof Bytes && got.value[1] === 250)
  await check('query', client.query(q.Query(x => q.Add(x, 1))), got =>
    got instanceof Query && got.value.api_version === '4' && got.value.lambda === 'x')
  await check('undefined members are not sent', client.query({ a: undefined, b: 1 }), { b: 1 })
}

async function schema({ client, admin, root, name }) {
  await check('collection', client.query(q.CreateCollection({ name: 'spells' })), got =>
    got.history_days === 0 && got.ref.collection.id === 'collections')
  await client.query(q.CreateCollection({ name: 'people', ttl_days: 3 }))
  const spells = q.Collection('spells')
  await check('index', client.query(q.CreateIndex({ name: 'all', source: spells })), got =>
    got.active === true && got.serialized === true && got.source.id === 'spells')
  const element = { field: ['data', 'element'] }
  await client.query(q.CreateIndex({ name: 'by_element', source: spells, terms: [element] }))
  await client.query(q.CreateIndex({ name: 'elements', source: spells, values: [element] }))
  await client.query(q.CreateIndex({
    name: 'by_upper',
    source: { collection: spells, fields: { up: q.Query(d => q.UpperCase(q.Select(['data', 'name'], d))) } },
    terms: [{ binding: 'up' }],
  }))
  await client.query(q.CreateIndex({
    name: 'people_by_name', source: q.Collection('people'), terms: [{ field: ['data', 'name'] }], unique: true,
  }))
  await client.query(q.CreateFunction({ name: 'joined', body: q.Query((x, y) => q.Concat([x, y], '/')) }))
  await check('call', client.query([q.Call(q.Function('joined'), 'a', 'b'), q.Call('joined', ['a', 'b'])]), ['a/b', 'a/b'])
  const write = q.Query(q.Lambda(['old', 'new'], true))
  await check('role', admin.query(q.CreateRole({
    name: 'mage', privileges: [{ resource: spells, actions: { read: true, write } }], membership: { resource: spells },
  })), got => got.privileges[0].actions.write instanceof Query)
  await check('access provider', admin.query(q.CreateAccessProvider({
    name: 'provider', issuer: name, jwks_uri: 'https://keys.example/', roles: [q.Role('mage')],
  })), got => got.audience.startsWith('https://db.fauna.com/db/') && got.ref.collection.id === 'access_providers')
  const natives = [q.Databases(), q.Collections(), q.Indexes(), q.Functions(), q.Roles(), q.Keys(), q.Tokens(),
    q.Credentials(), q.AccessProviders()]
  await check('native refs', client.query(natives).then(refs => refs.map(ref => ref.id)), ['databases', 'collections',
    'indexes', 'functions', 'roles', 'keys', 'tokens', 'credentials', 'access_providers'])
  await check('old refs', client.query([q.Ref('classes/spells/7'), q.Ref(spells, '7')]), got => got[0].equals(got[1]))
  const scoped = await root.query(q.Paginate(q.Collections(q.Database(name))))
  await check('scoped refs', scoped.data.map(ref => [ref.id, ref.database.id]), [['spells', name], ['people', name]])
  await root.query(q.CreateDatabase({ name: `${name}-moved` }))
  await root.query(q.MoveDatabase(q.Database(`${name}-moved`), q.Database(name)))
  await check('moved', root.query(q.Exists(q.Database(`${name}-moved`, q.Database(name)))), true)
}

async function documents(world) {
  const { client } = world
  const spells = q.Collection('spells')
  const made = []
  for (const [name, element, cost] of [['fire beak', 'fire', 10], ['claw', ['water', 'fire'], 25], ['wallow', 'earth', 35]]) {
    made.push(await client.query(q.Create(spells, { data: { name, element, cost } })))
  }
  const [fire, claw, wallow] = made
  world.ref = fire.ref
  await check('get', client.query(q.Get(fire.ref)), got => got.ref.equals(fire.ref) && got.ts === fire.ts)
  await check('exists', client.query([q.Exists(fire.ref), q.Exists(fire.ref, fire.ts - 1)]), [true, false])
  const find = (...terms) => q.Select('data', q.Paginate(q.Match(...terms)))
  await check('match', client.query([find(q.Index('by_element'), 'fire'), find(q.Index('by_upper'), 'CLAW')]),
    [[fire.ref, claw.ref], [claw.ref]])
  await check('set', client.query(q.Match(q.Index('by_element'), 'fire')), got => got instanceof SetRef)
  const fires = q.Match(q.Index('by_element'), 'fire')
  const waters = q.Match(q.Index('by_element'), 'water')
  const elements = q.Match(q.Index('elements'))
  await check('algebra', client.query([q.Union(fires, waters), q.Intersection(fires, waters), q.Difference(fires, waters),
    q.Distinct(elements), q.Range(elements, 'earth', 'fire'), q.Join(fires, ref => q.Singleton(ref)),
    q.Filter(elements, e => q.Equals(e, 'fire')), q.Documents(spells)].map(set => q.Count(set))), [2, 1, 1, 3, 3, 2, 2, 3])
  await check('reverse', client.query(q.Select(['data', 0], q.Paginate(q.Reverse(elements)))), 'water')
  await check('at', client.query(q.At(fire.ts, q.Count(q.Documents(spells)))), 1)
  await pages(client, made)
  await check('update', client.query(q.Update(fire.ref, { data: { name: 'FIRE', cost: null } })), got =>
    got.data.name === 'FIRE' && !('cost' in got.data) && got.ts > fire.ts)
  await check('replace', client.query(q.Replace(fire.ref, { data: { name: 'vol' } })), got => !('element' in got.data))
  await check('insert', client.query(q.Insert(fire.ref, 1000, 'create', { data: { n: 5 } })), got =>
    got.action === 'create' && got.ts === 1000 && got.document.equals(fire.ref))
  await check('remove', client.query(q.Remove(fire.ref, 1000, 'create')), null)
  await check('events', client.query(q.Paginate(q.Events(claw.ref))), got =>
    got.data[0].action === 'create' && got.data[0].document.equals(claw.ref))
  await check('delete', client.query([q.Delete(wallow.ref), q.Exists(wallow.ref)]), got =>
    got[0].data.cost === 35 && got[1] === false)
}

async function pages(client, made) {
  const set = q.Match(q.Index('all'))
  const ids = made.map(document => document.ref.id)
  for (const size of [1, 2, undefined]) {
    const forward = []
    await client.paginate(set, { size }).each(page => forward.push(...page.map(ref => ref.id)))
    await check(`pages of ${size}`, forward, ids)
    const backward = []
    await client.paginate(set, { size, before: null }).eachReverse(page => backward.unshift(...page.map(ref => ref.id)))
    await check(`pages of ${size}, backward`, backward, ids)
  }
  const costs = []
  const dear = client.paginate(set, { size: 1 }).filter(ref => q.GT(q.Select(['data', 'cost'], q.Get(ref)), 10))
  await dear.map(ref => q.Select(['data', 'cost'], q.Get(ref))).each(page => costs.push(...page))
  await check('map and filter', costs, [25, 35])
  const helper = client.paginate(set, { size: 1 })
  const seen = [await helper.nextPage(), await helper.nextPage(), await helper.previousPage()]
  await check('next and previous', seen.map(page => page[0].id), [ids[0], ids[1], ids[0]])
  await check('options', client.query(q.Paginate(set, { size: 1, events: true, sources: true, ts: made[2].ts })), got =>
    got.data[0].value.action === 'add' && got.data[0].sources[0] instanceof SetRef)
}

async function functions({ client }) {
  await check('forms', client.query([
    q.Let({ x: 1, y: 2 }, (x, y) => [y, x]), q.Let([{ x: 1 }, { x: q.Add(q.Var('x'), 1) }], q.Var('x')), q.If(true, 1, 2),
    q.Do(1, 2), q.Map([[1, 2]], q.Lambda(['a', '_'], q.Var('a'))), q.Foreach([1], x => x),
    q.Filter([1, 2], x => q.Equals(x, 2)), q.Take(1, [1, 2]), q.Drop(1, [1, 2]), q.Prepend([1], [2]), q.Append([1], [2]),
    q.Reduce((a, b) => q.Add(a, b), 0, [1, 2]), q.Merge({ x: 1 }, [{ y: 2 }, { x: null }]), q.Select('x', {}, 'default'),
    q.SelectAll(['a', 'b'], { a: [{ b: 1 }, { b: 2 }] }), q.ContainsPath(['a'], { a: 1 }), q.ContainsValue('a', ['a']),
  ]), [[2, 1], 2, 1, 2, [1], [1], [2], [1], [2], [1, 2], [2, 1], 3, { y: 2 }, 'default', [1, 2], true, true])
  await check('strings', client.query([
    q.Casefold('Hen Wen'), q.ContainsStrRegex('fauna', 'f(\\w+)a'), q.FindStrRegex('One Fish', 'Fi'), q.NGram('wh'),
    q.Repeat('B', 3), q.ReplaceStr('abc', 'b', 'z'), q.ReplaceStrRegex('aba', 'a', 'q', true), q.SubString('heLLo', 2, 2),
    q.TitleCase('heLLo wOrld'), q.Format('%2$s%1$s %%', 'a', 'b'), q.RegexEscape('f*'), q.LTrim('  a'), q.Space(2),
  ]), ['hen wen', true, [{ start: 4, end: 5, data: 'Fi' }], ['w', 'wh', 'h'], 'BBB', 'azc', 'qba', 'LL', 'Hello World',
    'ba %', '\\Qf*\\E', 'a', '  '])
  await check('numbers', client.query([
    q.BitXor(2, 1), q.Ceil(1.2), q.Divide(7, 2), q.Max([1, 9]), q.Modulo(11, 10), q.Round(123.666, 2), q.Round(555, -2),
    q.Trunc(123.456, 2), q.Mean([1, 2]), q.Hypot(3, 4), q.Pow(2, 8), q.Log(100), q.Degrees(0), q.LT(1, 2, 3),
  ]), [3, 2, 3, 9, 1, 123.67, 600, 123.45, 1.5, 5, 256, 2, 0, true])
  await check('times', client.query([
    q.TimeAdd(q.Epoch(0, 'second'), 1, 'hour'), q.TimeSubtract(q.Date('1970-01-02'), 1, 'day'),
    q.TimeDiff(q.Epoch(0, 'second'), q.Epoch(1, 'second'), 'millisecond'), q.DayOfWeek(q.Epoch(0, 'second')),
    q.ToMicros(q.Epoch(1, 'second')), q.Equals(q.Now(), q.Time('now')),
  ]), [new FaunaTime('1970-01-01T01:00:00Z'), new FaunaDate('1970-01-01'), 1000, 4, 1000000, true])
}

async function identities({ client, root, serverKey }) {
  const { ref } = await client.query(q.Create(q.Collection('people'), { credentials: { password: 'sesame' } }))
  const token = await client.query(q.Login(ref, { password: 'sesame' }))
  await check('login', token.instance.equals(ref) && token.secret.startsWith('fnE'), true)
  await check('identify', client.query([q.Identify(ref, 'sesame'), q.Identify(ref, 'x')]), [true, false])
  const session = connect(token.secret)
  await check('session', session.query([q.CurrentIdentity(), q.HasCurrentIdentity(), q.CurrentToken(), q.HasCurrentToken()]),
    [ref, true, token.ref, true])
  const self = new Ref('self', new Ref('people', Native.COLLECTIONS))
  await check('self', session.query(q.Select('ref', q.Get(self))), ref)
  await check('secret of one query', client.query(q.CurrentIdentity(), { secret: token.secret }), ref)
  await check('logout', session.query(q.Logout(true)), true)
  await fails('logged out', session.query(1), 'Unauthorized', { code: 'unauthorized', description: 'Unauthorized' })
  await check('key from secret', root.query(q.Select('ref', q.KeyFromSecret(serverKey.secret))), serverKey.ref)
}

async function errors({ client, clientKey }) {
  await fails('401', connect('nobody').query(1), 'Unauthorized', { code: 'unauthorized' })
  await fails('403', connect(clientKey.secret).query(q.Paginate(q.Databases())), 'PermissionDenied',
    { position: ['paginate'], code: 'permission denied', description: 'Insufficient privileges to perform the action.' })
  await fails('404', client.query(q.Get(q.Ref(q.Collection('spells'), '9'))), 'NotFound',
    { position: [], code: 'instance not found', description: 'Document not found.' })
  await fails('404 of a value', client.query(q.Select('x', {})), 'NotFound',
    { position: ['from'], code: 'value not found', description: 'Value not found at path [x].' })
  await fails('validation', client.query(q.Create(q.Collection('spells'), { data: 'x' })), 'BadRequest', {
    position: ['create'], code: 'validation failed', description: 'document data is not valid.',
    failures: [{ field: ['data'], code: 'invalid type', description: 'Invalid type String, expected type Map.' }],
  })
  await fails('abort', client.query(q.Abort('bye')), 'BadRequest', { code: 'transaction aborted', description: 'bye' })
  await fails('inside of a call', client.query(q.Call('joined', 1, 'b')), 'BadRequest', {
    position: [], code: 'call error', description: 'Calling the function resulted in an error.',
    cause: [{ position: ['expr', 'concat', 0], code: 'invalid argument', description: 'String expected, Integer provided.' }],
  })
  await fails('variable', client.query(q.Var('x')), 'BadRequest',
    { code: 'invalid expression', description: "Variable 'x' is not defined." })
  await fails('tags', client.query(1, { tags: { 'a b': 'c' } }), 'BadRequest',
    { code: 'bad request', description: "Invalid header 'x-fauna-tags': invalid tags" })
  await fails('too large', client.query('x'.repeat(9000000)), 'UnknownError', { code: 'request too large' })
}

async function clients({ client, serverKey, ref }) {
  await check('ping', Promise.all([client.ping(), client.ping('node')]), ['Scope write is OK', 'Scope node is OK'])
  const trace = '00-c91308c112be8448dd34dc6191567fa0'
  let seen
  const observed = connect(serverKey.secret, { observer: result => { seen = result }, queryTimeout: 5000 })
  await observed.query(q.Get(ref), { traceparent: `${trace}-b7ad6b7169203331-01`, tags: { foo: 'bar', baz: 'biz' } })
  const headers = seen.responseHeaders
  await check('observer', [seen.statusCode, headers['x-fauna-tags'], headers.traceparent.startsWith(trace),
    Number.isInteger(Number(headers['x-txn-time']))], [200, 'baz=biz,foo=bar', true, true])
  await check('metrics', client.queryWithMetrics(q.Create(q.Collection('spells'), {})), got =>
    Object.values(got.metrics).every(Number.isInteger) && got.metrics['x-byte-write-ops'] >= 1)
  client.syncLastTxnTime(client.getLastTxnTime() + 10)
  await check('last transaction time', client.query(q.Add(1, 1)), 2)
  await check('at once', Promise.all(Array.from({ length: 100 }, (_, i) => client.query(q.Add(i, 1)))), got =>
    got.every((n, i) => n === i + 1))
  await check('large', client.query('x'.repeat(3000000)), got => got.length === 3000000)
  await check('fetch', connect(serverKey.secret, { fetch: nodeFetch, keepAlive: false }).query(q.Add(1, 2)), 3)
}

// The first events of a stream, each [type, event]. act runs when the stream has begun.
function events(open, expression, fields, count, act) {
  return new Promise((resolve, reject) => {
    const got = []
    const stream = open(expression, fields && { fields })
    const first = open.document ? 'start' : 'snapshot'
    const types = ['start', 'version', 'set', 'history_rewrite', ...(open.document ? [] : ['snapshot'])]
    for (const type of types) {
      stream.on(type, event => {
        got.push([type, event])
        if (type === first && act) act()
        if (got.length === count) { stream.close(); resolve(got) }
      })
    }
    stream.on('error', error => { stream.close(); reject(error) })
    stream.start()
    setTimeout(() => reject(new Error(`only ${inspect(got)}`)), 10000).unref()
  })
}

async function streams({ client, admin, serverKey, ref }) {
  const change = z => () => client.query(q.Update(ref, { data: { z } }))
  const kinds = { http2: client, fetch: connect(serverKey.secret, { fetch: nodeFetch }) }
  for (const [kind, user] of Object.entries(kinds)) {
    await check(`${kind}: document`, events(user.stream, ref, null, 2, change(1)), ([start, version]) =>
      start[0] === 'start' && Number.isInteger(start[1]) && version[1].document.data.z === 1 && !('diff' in version[1]))
    const fields = ['action', 'diff', 'prev', 'document']
    await check(`${kind}: fields`, events(user.stream, q.Get(ref), fields, 2, change(2)), ([, version]) =>
      isDeepStrictEqual(version[1].diff.data, { z: 2 }) && version[1].prev.data.z === 1)
    await check(`${kind}: set`, events(user.stream, q.Match(q.Index('by_element'), 'wind'), ['action', 'index'], 2, () =>
      client.query(q.Create(q.Collection('spells'), { data: { element: 'wind' } }))), ([, set]) =>
      set[0] === 'set' && set[1].action === 'add' && set[1].index.terms[0] === 'wind')
    await check(`${kind}: snapshot`, events(user.stream.document, ref, null, 3, change(3)), got =>
      got.map(event => event[0]).join() === 'start,snapshot,version' && got[1][1].data.z === 2)
    await fails(`${kind}: no stream`, events(user.stream, q.Collection('spells')), 'BadRequest', { code: 'invalid argument' })
    await change(0)()
  }
  await check('burst', events(client.stream, ref, null, 101, () =>
    Promise.all(Array.from({ length: 100 }, (_, i) => change(i)()))), got => new Set(got.slice(1).map(e => e[1].document.ts)).size === 100)
  const key = await admin.query(q.CreateKey({ role: 'server' }))
  const lost = events(connect(key.secret).stream, ref, null, 9, () => admin.query(q.Delete(key.ref)).then(change(5)))
  await check('lost authorization', lost.catch(error => [error.code, error.description]),
    ['permission denied', 'Authorization lost during stream evaluation.'])
}

async function main() {
  const root = connect('secret')
  const name = `js-${Date.now()}`
  await root.query(q.CreateDatabase({ name }))
  const key = role => root.query(q.CreateKey({ database: q.Database(name), role }))
  const [adminKey, serverKey, clientKey] = [await key('admin'), await key('server'), await key('client')]
  const world = { root, name, serverKey, clientKey, admin: connect(adminKey.secret), client: connect(serverKey.secret) }
  for (const part of [values, schema, documents, functions, identities, errors, clients, streams]) await part(world)
  await world.client.close()
  await check('closed', world.client.query(1).catch(error => error.name), 'ClientClosed')
}

main()
  .catch(error => failures.push(error.stack))
  .then(() => { console.log(JSON.stringify({ checks, failures })); process.exit(0) })
