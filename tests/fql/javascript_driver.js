// Reads a JSON array of query texts, evaluates each with the JavaScript driver, prints what it would send.
const faunadb = require("faunadb");
const vm = require("vm");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const wires = texts.map((text) => {
  const context = Object.assign({}, faunadb.query, { q: faunadb.query });
  return JSON.parse(JSON.stringify(faunadb.query.wrap(vm.runInNewContext("(" + text + "\n)", context))));
});
console.log(JSON.stringify(wires));
