"""The official drivers, unchanged, against our server: the real clients of the wire protocol.

The Python driver 4.5.2 runs in an environment of its own (FAUNADB_TEST_OFFICIAL_PYTHON names its interpreter), with its
look for a newer version stubbed out. The npm package ``faunadb`` is found through FAUNADB_TEST_NPM, the folder that
holds its ``node_modules``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from tests.conftest import missing

PYTHON = """
import json, sys, threading
import faunadb.client as c
for name in ("check_new_version",):
    if hasattr(c, name):
        setattr(c, name, lambda *a, **k: None)
import urllib.request
urllib.request.urlopen = lambda *a, **k: (_ for _ in ()).throw(OSError("no network"))
try:
    from faunadb import client as _m
    _m.FaunaClient._check_new_version = lambda *a, **k: None
except Exception:
    pass
from faunadb.client import FaunaClient
from faunadb import query as q, errors
port = int(sys.argv[1])
client = FaunaClient(secret="secret", domain="127.0.0.1", scheme="http", port=port)
out = {}
out["ping"] = client.ping("node")
client.query(q.create_collection({"name": "pyspells"}))
client.query(q.create_index({"name": "py_by_name", "source": q.collection("pyspells"),
                             "terms": [{"field": ["data", "name"]}], "active": True}))
made = client.query(q.create(q.ref(q.collection("pyspells"), "1"), {"data": {"name": "fire", "n": 1}}))
out["created"] = made["data"]
out["got"] = client.query(q.get(q.match(q.index("py_by_name"), "fire")))["data"]
out["sum"] = client.query(q.let({"x": 2}, q.add(q.var("x"), 3)))
out["time"] = str(client.query(q.time("1970-01-01T00:00:00.123456789Z")))
out["page"] = len(client.query(q.paginate(q.documents(q.collection("pyspells"))))["data"])
try:
    client.query(q.get(q.ref(q.collection("pyspells"), "9")))
except errors.NotFound as e:
    out["missing"] = [e.errors[0].code, e.errors[0].description]
try:
    FaunaClient(secret="wrong", domain="127.0.0.1", scheme="http", port=port).query(1)
except errors.Unauthorized:
    out["unauthorized"] = True
key = client.query(q.create_key({"role": "server"}))
session = client.new_session_client(secret=key["secret"])
out["session"] = session.query(q.exists(q.collection("pyspells")))
events = []
def on_start(event):
    events.append("start")
    threading.Thread(target=lambda: client.query(
        q.update(q.ref(q.collection("pyspells"), "1"), {"data": {"n": 2}}))).start()
def on_version(event):
    events.append(event.event["document"]["data"]["n"])
    stream.close()
stream = client.stream(q.ref(q.collection("pyspells"), "1"), on_start=on_start, on_version=on_version,
                       on_error=lambda e: events.append(repr(e)))
client.sync_last_txn_time(client.get_last_txn_time() or 1)
stream.start()
out["events"] = events
print(json.dumps(out))
"""

NODE = """
const faunadb = require('faunadb'); const q = faunadb.query;
const client = new faunadb.Client({ secret: 'secret', domain: '127.0.0.1', scheme: 'http', port: Number(process.argv[2]) });
(async () => {
  const out = {};
  out.ping = await client.ping('node');
  await client.query(q.CreateCollection({ name: 'jsspells' }));
  await client.query(q.CreateIndex({ name: 'js_names', source: q.Collection('jsspells'), values: [{ field: ['data', 'name'] }] }));
  const ref = q.Ref(q.Collection('jsspells'), '1');
  out.created = (await client.query(q.Create(ref, { data: { name: 'water', n: 1 } }))).data;
  out.page = (await client.query(q.Paginate(q.Match(q.Index('js_names'))))).data;
  out.map = await client.query(q.Map([1, 2], q.Lambda('x', q.Add(q.Var('x'), 1))));
  try { await client.query(q.Get(q.Ref(q.Collection('jsspells'), '9'))); } catch (e) { out.missing = [e.name, e.requestResult.statusCode]; }
  out.events = await new Promise((resolve, reject) => {
    const events = [];
    const stream = client.stream(ref)
      .on('start', () => { events.push('start'); client.query(q.Update(ref, { data: { n: 2 } })); })
      .on('version', (event) => { events.push(event.document.data.n); stream.close(); resolve(events); })
      .on('error', reject);
    stream.start();
  });
  console.log(JSON.stringify(out));
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
"""


def _run(command: list[str], **options: object) -> dict[str, object]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def test_the_official_python_driver(server):
    python = os.environ.get("FAUNADB_TEST_OFFICIAL_PYTHON", "")
    if not python:
        missing(
            "the official Python driver",
            "install faunadb==4.5.2 in a venv, name it in FAUNADB_TEST_OFFICIAL_PYTHON",
        )
    environment = {**os.environ, "PYTHONPATH": ""}
    out = _run(
        [python, "-W", "ignore", "-c", PYTHON, str(server.port)], env=environment, cwd=os.path.dirname(python)
    )
    assert out == {
        "ping": "Scope node is OK",
        "created": {"name": "fire", "n": 1},
        "got": {"name": "fire", "n": 1},
        "sum": 5,
        "time": "FaunaTime('1970-01-01T00:00:00.123456789Z')",
        "page": 1,
        "missing": ["instance not found", "Document not found."],
        "unauthorized": True,
        "session": True,
        "events": ["start", 2],
    }


def test_the_official_javascript_driver(server, tmp_path):
    folder = os.environ.get("FAUNADB_TEST_NPM", "")
    if not folder or shutil.which("node") is None:
        missing(
            "the official JavaScript driver",
            "npm install faunadb somewhere and name that folder in FAUNADB_TEST_NPM",
        )
    script = tmp_path / "driver.js"
    script.write_text(NODE)
    environment = {**os.environ, "NODE_PATH": os.path.join(folder, "node_modules")}
    out = _run(["node", str(script), str(server.port)], env=environment)
    assert out == {
        "ping": "Scope node is OK",
        "created": {"name": "water", "n": 1},
        "page": ["water"],
        "map": [2, 3],
        "missing": ["NotFound", 404],
        "events": ["start", 2],
    }
