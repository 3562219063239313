"""The pytest plugin, as a project that installed the package uses it."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import BadRequest, Unauthorized
from faunadb.testing import Database
from tests.conftest import required

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch):
    """In the runs that tests start: to load them takes longer than all else."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def database():
    database = Database()
    yield database
    database.close()


def test_every_test_has_a_database_of_its_own(pytester):
    pytester.makepyfile(
        """
        import pytest
        from faunadb import query as q

        urls = set()

        @pytest.mark.parametrize("number", range(5))
        def test_fresh(fauna_client, fauna_database, number):
            assert fauna_client.query(q.paginate(q.collections()))["data"] == []
            fauna_client.query(q.create_collection({"name": "spells"}))
            assert fauna_database.query(q.exists(q.collection("spells"))) is True
            assert fauna_database.client is fauna_client
            urls.add(fauna_database.url)
            assert len(urls) == number + 1
        """
    )
    _run(pytester).assert_outcomes(passed=5)


def test_data_files(pytester):
    pytester.makefile(
        ".fql",
        spells="""
        CreateCollection({name: "spells"});
        Create(Ref(Collection("spells"), "1"), {data: {name: "Ember Kiss"}});
        """,
    )
    pytester.makefile(
        ".json",
        more='{"collections": {"runes": [{"id": "7", "data": {"at": {"@ts": "2020-01-01T00:00:00Z"}}}, {"data": {}}]}}',
    )
    pytester.makepyfile(
        """
        import pytest
        from faunadb import query as q
        from faunadb.objects import FaunaTime

        pytestmark = pytest.mark.fauna_data("spells.fql")

        @pytest.mark.fauna_data("more.json")
        def test_loaded(fauna_client):
            spell = fauna_client.query(q.get(q.ref(q.collection("spells"), "1")))
            assert spell["data"] == {"name": "Ember Kiss"}
            rune = fauna_client.query(q.get(q.ref(q.collection("runes"), "7")))
            assert rune["data"] == {"at": FaunaTime("2020-01-01T00:00:00Z")}
            assert fauna_client.query(q.count(q.documents(q.collection("runes")))) == 2

        @pytest.mark.fauna_data("nowhere.fql")
        def test_missing(fauna_client):
            pass
        """
    )
    result = _run(pytester, "--strict-markers")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*FileNotFoundError: nowhere.fql: there is no *nowhere.fql"])


def test_a_schema_is_loaded_once_and_copied(pytester):
    pytester.makeini("[pytest]\nfauna_schema = db/schema.fql db/data.json")
    (pytester.mkdir("db") / "schema.fql").write_text('CreateCollection({name: "spells"})')
    (pytester.path / "db" / "data.json").write_text(
        '{"collections": {"spells": [{"id": "1", "data": {"n": 7}}]}}'
    )
    pytester.makepyfile(
        """
        import pytest
        from faunadb import query as q
        from faunadb.testing import Database

        loaded, times = [], set()
        load = Database.load
        Database.load = lambda self, path: (loaded.append(path.name), load(self, path))
        SPELL = q.ref(q.collection("spells"), "1")

        @pytest.mark.parametrize("number", range(3))
        def test_copied(fauna_client, number):
            assert fauna_client.query(q.get(SPELL))["data"] == {"n": 7}
            fauna_client.query(q.update(SPELL, {"data": {"n": number}}))
            fauna_client.query(q.create_collection({"name": "runes"}))
            times.add(fauna_client.query(q.select("ts", q.get(q.collection("spells")))))

        def test_once():
            assert loaded == ["schema.fql", "data.json"]
            assert len(times) == 1
        """
    )
    _run(pytester).assert_outcomes(passed=4)


def test_a_schema_in_code(pytester):
    pytester.makefile(".fql", runes='CreateCollection({name: "runes"})')
    pytester.makeconftest(
        """
        import pytest
        from faunadb import query as q

        calls = []

        def fill(database):
            calls.append(database.url)
            database.query(q.create(q.collection("spells"), {"data": {"calls": len(calls)}}))

        @pytest.fixture(scope="session")
        def fauna_schema():
            return [q.create_collection({"name": "spells"}), fill, ["runes.fql"]]
        """
    )
    pytester.makepyfile(
        test_a="""
        from faunadb import query as q
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_filled(fauna_client, number):
            spells = q.paginate(q.documents(q.collection("spells")))
            found = fauna_client.query(q.map_(lambda ref: q.select(["data", "calls"], q.get(ref)), spells))
            assert found["data"] == [1]
            assert fauna_client.query(q.exists(q.collection("runes")))
        """,
        test_b="""
        import pytest

        @pytest.fixture
        def fauna_schema():
            return 5

        def test_wrong(fauna_client): ...
        """,
    )
    result = _run(pytester)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*TypeError: fauna_schema: a path, * expected, got 5"])


def test_wider_scopes(pytester):
    pytester.makeconftest(
        """
        import pytest
        from faunadb import query as q

        @pytest.fixture(scope="session")
        def fauna_schema():
            return q.create_collection({"name": "spells"})
        """
    )
    module = """
        import pytest
        from faunadb import query as q
        from faunadb.client import FaunaClient

        pytestmark = pytest.mark.fauna_data("runes.json")
        add = q.create(q.collection("spells"), {})
        count = q.count(q.documents(q.collection("spells")))

        @pytest.mark.parametrize("number", [1, 2])
        def test_module(fauna_client_module, fauna_database_module, fauna_server_module, number):
            fauna_client_module.query(add)
            assert fauna_database_module.query(count) == number
            assert fauna_database_module.query(q.exists(q.collection("runes")))
            with FaunaClient(fauna_server_module.secret, endpoint=fauna_server_module.url) as client:
                assert client.query(count) == number

        @pytest.mark.parametrize("number", [1, 2])
        def test_session(fauna_client_session, fauna_database_session, fauna_server_session, number):
            fauna_client_session.query(add)
            assert fauna_database_session.query(count) == number + BEFORE
            assert fauna_server_session.url.startswith("http://127.0.0.1:")

        def test_own(fauna_client):
            assert fauna_client.query(count) == 0
    """
    pytester.makefile(".json", runes='{"collections": {"runes": []}}')
    pytester.makepyfile(test_a=module.replace("BEFORE", "0"), test_b=module.replace("BEFORE", "2"))
    _run(pytester).assert_outcomes(passed=10)


def test_a_copy_goes_its_own_way(database):
    database.query(q.create_collection({"name": "spells"}))
    many = [q.create(q.collection("spells"), {"data": {"name": f"spell {number}"}}) for number in range(300)]
    database.query(q.do(*many))
    database.query(
        q.create_index(
            {"name": "by_name", "source": q.collection("spells"), "terms": [{"field": ["data", "name"]}]}
        )
    )
    found = q.count(q.match(q.index("by_name"), "spell 299"))
    count = q.count(q.documents(q.collection("spells")))
    with database.copy() as copy, database.copy() as other:
        assert copy.query(q.select("active", q.get(q.index("by_name")))) is True
        assert copy.query(found) == 1
        created = copy.query(q.create(q.collection("spells"), {"data": {"name": "spell 299"}}))
        other.query(q.delete(q.collection("spells")))
        assert (copy.query(found), copy.query(count)) == (2, 301)
        assert (database.query(found), database.query(count)) == (1, 300)
        with copy.copy() as further:
            assert further.query(found) == 2
            assert further.query(q.create(q.collection("spells"), {}))["ts"] > created["ts"]


def test_a_dumped_schema_is_loaded(database, tmp_path):
    text = """
    CreateDatabase({name: "shop"})
    CreateDatabase({name: "yard"})
    :db /shop
    CreateCollection({name: "books"})
    CreateDatabase({name: "attic"})
    :db /shop/attic
    CreateCollection({name: "boxes"})
    :db /yard
    CreateCollection({name: "boxes"})
    """
    (tmp_path / "schema.fql").write_text(text.replace("    ", ""))
    database.load(tmp_path / "schema.fql")
    for path, collection in [("shop", "books"), ("shop/attic", "boxes"), ("yard", "boxes")]:
        client = database.client_for(f"{database.secret}:{path}:admin")
        found = client.query(q.map_(lambda ref: q.select("name", q.get(ref)), q.paginate(q.collections())))
        assert found["data"] == [collection]
    (tmp_path / "wrong.fql").write_text(text.replace("    ", "") + "Now(\n")
    with Database() as fresh, pytest.raises(ValueError, match=r"wrong\.fql: line 12, column 1"):
        fresh.load(tmp_path / "wrong.fql")


def test_the_plugin_imports_neither_driver_nor_engine(pytester):
    """Installed plugins load in every run of pytest, also in projects that have nothing to do with databases."""
    pytester.makepyfile(
        """
        import sys

        def test_light():
            assert "faunadb.testing" in sys.modules
            assert not {"faunadb.client", "faunadb.engine", "requests"} & set(sys.modules)
        """
    )
    _run(pytester).assert_outcomes(passed=1)


def test_with_xdist(pytester):
    required("xdist")
    pytester.makepyfile(
        """
        import pytest
        from faunadb import query as q

        @pytest.mark.parametrize("number", range(20))
        def test_fresh(fauna_client, number):
            fauna_client.query(q.create_collection({"name": "spells"}))
        """
    )
    _run(pytester, "-n", "2", "-p", "xdist").assert_outcomes(passed=20)


def _run(pytester, *words):
    # whether the checkout is installed or not: the entry point is blocked, the module is named
    return pytester.runpytest_subprocess(
        "-p", "no:faunadb", "-p", "faunadb.testing", "-p", "no:cacheprovider", *words
    )


def test_the_plugin_is_announced():
    text = (ROOT / "setup.py").read_text("utf-8")
    assert '"pytest11"' in text
    assert "faunadb = faunadb.testing" in text


def test_a_fresh_database_takes_milliseconds(database):
    times = []
    for _ in range(20):
        started = time.thread_time()
        fresh = Database()
        fresh.query(q.create_collection({"name": "spells"}))
        fresh.close()
        times.append(time.thread_time() - started)
    assert sorted(times)[10] < 0.1


def test_clients_for_other_secrets(database):
    secret = database.query(q.create_key({"role": "client"}))["secret"]
    client = database.client_for(secret)
    assert client.query(q.add(1, 1)) == 2
    with pytest.raises(Unauthorized):
        database.client_for("wrong").query(1)


def test_what_cannot_be_loaded(database, tmp_path):
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "a.fql").write_text("Now(\n")
    (tmp_path / "b.fql").write_text("Get(Ref(Collection('a'), '1'))")
    with pytest.raises(ValueError, match=r"a\.csv is neither"):
        database.load(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r'a\.json is not an object with "collections"'):
        database.load(tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"a\.fql: line 2, column 1"):
        database.load(tmp_path / "a.fql")
    with pytest.raises(BadRequest, match="undefined collection"):
        database.load(tmp_path / "b.fql")


def test_an_export_is_loaded(database, tmp_path):
    directory = tmp_path / "data" / "collections" / "A"
    directory.mkdir(parents=True)
    record = {"id": "1", "coll": {"@mod": "A"}, "ts": {"@time": "2020-01-01T00:00:00Z"}, "n": {"@int": "5"}}
    (directory / "A_00_000000.jsonl").write_text(json.dumps(record) + "\n")
    metadata = {"doc_format": "tagged", "collections": ["A"], "total_parts": 1, "files_count": 1}
    (tmp_path / "metadata_00.json").write_text(json.dumps(metadata))
    database.load(tmp_path)
    assert database.query(q.get(q.ref(q.collection("A"), "1")))["data"] == {"n": 5}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "metadata_00.json"]
    (directory / "A_00_000000.jsonl").write_text("not json\n")
    with pytest.raises(ValueError, match=r"skipped: .*line 1: this is not JSON"):
        database.load(tmp_path)


# -- the server


@pytest.fixture
def server(database):
    from faunadb.testing.server import Server

    server = Server(database.url, database.secret)
    yield server
    server.close()


def test_the_server_serves_the_same_database(server, database):
    database.query(q.create_collection({"name": "spells"}))
    with FaunaClient(secret=server.secret, endpoint=server.url) as client:
        assert client.query(q.exists(q.collection("spells"))) is True
        client.query(q.create(q.ref(q.collection("spells"), "1"), {"data": {}}))
        assert client.ping() == "Scope write is OK"
        with pytest.raises(BadRequest):
            client.query(q.abort("stop"))
    assert database.query(q.exists(q.ref(q.collection("spells"), "1"))) is True
    with FaunaClient(secret="wrong", endpoint=server.url) as client, pytest.raises(Unauthorized):
        client.query(1)


def test_the_server_streams(server, database):
    database.query(q.create_collection({"name": "spells"}))
    ref = q.ref(q.collection("spells"), "1")
    database.query(q.create(ref, {"data": {"n": 1}}))
    events, started = [], threading.Event()
    client = FaunaClient(secret=server.secret, endpoint=server.url)

    def on_version(event):
        events.append(event)
        subscription.close()

    subscription = client.stream(ref, on_start=lambda event: started.set(), on_version=on_version)
    listener = threading.Thread(target=subscription.start)
    listener.start()
    assert started.wait(10)
    database.query(q.update(ref, {"data": {"n": 2}}))
    listener.join(10)
    client.close()
    assert not listener.is_alive()
    assert events[0].event["document"]["data"] == {"n": 2}


def test_closing_the_server_ends_streams(database):
    from faunadb.testing.server import Server

    server = Server(database.url, database.secret)
    database.query(q.create_collection({"name": "spells"}))
    started = threading.Event()
    client = FaunaClient(secret=server.secret, endpoint=server.url)
    documents = q.documents(q.collection("spells"))
    subscription = client.stream(documents, on_start=lambda event: started.set())
    listener = threading.Thread(target=subscription.start, daemon=True)
    listener.start()
    assert started.wait(10)
    server.close()
    listener.join(10)
    assert not listener.is_alive()
    client.close()


def test_a_body_too_large(server):
    import requests

    answer = requests.post(server.url, data=b" " * (9 << 20), auth=(server.secret, ""), timeout=30)
    assert answer.status_code == 413
