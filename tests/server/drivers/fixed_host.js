// A program that names no host, and so asks db.fauna.com, as programs written for the hosted service do:
// `node --require ./fixed_host_lookup.js fixed_host.js PORT`. PORT stands for 443, which tests may not use.
// Prints {"checks": number, "failures": [text]} as its last line.

const faunadb = require('faunadb')
const q = faunadb.query

async function main() {
  const client = new faunadb.Client({ secret: 'fnAfixed', port: Number(process.argv[2]), checkNewVersion: false })
  const failures = []
  const sum = await client.query(q.Add(1, 2))
  if (sum !== 3) failures.push(`sum: ${sum}`)
  await client.query(q.CreateCollection({ name: 'fixed' }))
  const made = await client.query(q.Create(q.Ref(q.Collection('fixed'), '1'), { data: { n: 1 } }))
  const seen = await new Promise((resolve, reject) => {
    const stream = client.stream(made.ref).on('error', reject)
    stream.on('start', () => client.query(q.Update(made.ref, { data: { n: 2 } })).catch(reject))
    stream.on('version', event => { stream.close(); resolve(event.document.data.n) })
    stream.start()
  })
  if (seen !== 2) failures.push(`stream: ${seen}`)
  console.log(JSON.stringify({ checks: 3, failures }))
  client.close()
}

main().catch(error => { console.error(error); process.exit(1) })
