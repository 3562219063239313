// In the place of a line in /etc/hosts, which a test must not write: db.fauna.com is this machine, and nothing else is.

const dns = require('dns')

dns.lookup = (host, options, callback) => {
  const done = callback || options
  if (host !== 'db.fauna.com') return done(new Error(`asked for ${host}`))
  return options && options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
}
