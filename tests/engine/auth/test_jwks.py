"""Key sets: downloading over HTTPS, caching, choosing (auth chapter, "Accepting a JWT")."""

from __future__ import annotations

import json
import threading
import time

import pytest

from faunadb.engine.auth import jwks
from faunadb.engine.auth.jwks import DownloadError, ECKey, KeySets, KeysNeeded, RSAKey, download, parse_keys
from faunadb.engine.language.errors import RequestError

from . import https_server
from .tokens import OTHER_RSA, ec_jwk, rsa_jwk

BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with https_server.serve(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_bundles(monkeypatch):
    for name in BUNDLE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trusted(server, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.bundle)
    server.requests.clear()
    server.answers.clear()
    return server


def body(*keys):
    return json.dumps({"keys": list(keys)}).encode()


@pytest.mark.parametrize("variable", BUNDLE_VARIABLES)
def test_certificate_authorities_of_the_environment(server, monkeypatch, variable):
    monkeypatch.setenv(variable, server.bundle)
    server.answers["/keys"] = (200, b"{}")
    assert download(server.uri("/keys")) == b"{}"
    assert server.requests[-1][1]["accept"] == "application/json"


def test_unknown_authority(server):
    server.answers["/keys"] = (200, b"{}")
    with pytest.raises(DownloadError, match="SSLError"):
        download(server.uri("/keys"))


@pytest.mark.parametrize(
    "uri", ["http://localhost/keys", "file:///etc/passwd", "ftp://x/", "", "db.fauna.com"]
)
def test_only_https(uri):
    with pytest.raises(DownloadError, match="only https"):
        download(uri)


@pytest.mark.parametrize("status", [204, 301, 302, 307, 400, 401, 404, 500, 503])
def test_other_statuses(trusted, status):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("location", trusted.uri("/good"))
        handler.send_header("content-length", "0")
        handler.end_headers()

    trusted.answers["/keys"] = answer
    trusted.answers["/good"] = (200, b"{}")
    with pytest.raises(DownloadError, match=str(status)):
        download(trusted.uri("/keys"))
    assert [path for path, _ in trusted.requests] == ["/keys"]


def test_size_is_bounded(trusted):
    trusted.answers["/keys"] = (200, b" " * 5000)
    assert len(download(trusted.uri("/keys"), max_bytes=5000)) == 5000
    with pytest.raises(DownloadError, match="larger than 4999 bytes"):
        download(trusted.uri("/keys"), max_bytes=4999)


def test_a_bomb_is_not_unpacked_whole(trusted):
    import gzip

    def answer(handler):
        packed = gzip.compress(b" " * 20_000_000)
        handler.send_response(200)
        handler.send_header("content-encoding", "gzip")
        handler.send_header("content-length", str(len(packed)))
        handler.end_headers()
        handler.wfile.write(packed)

    trusted.answers["/keys"] = answer
    with pytest.raises(DownloadError, match="larger than"):
        download(trusted.uri("/keys"))


@pytest.mark.parametrize("part", ["headers", "body"])
def test_time_is_bounded_even_when_bytes_trickle(trusted, part):
    released = threading.Event()

    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        if part == "body":
            handler.wfile.write(b"content-length: 100000\r\n\r\n")
        while not released.wait(0.02):
            handler.wfile.write(b"x")

    trusted.answers["/keys"] = answer
    started = time.monotonic()
    try:
        with pytest.raises(DownloadError, match="too long"):
            download(trusted.uri("/keys"), timeout=0.3)
    finally:
        released.set()
    assert time.monotonic() - started < 60, "they would trickle for half an hour"


def test_passwords_of_netrc_are_not_sent(trusted, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password sesame\n")
    monkeypatch.setenv("NETRC", str(netrc))
    trusted.answers["/keys"] = (200, b"{}")
    download(trusted.uri("/keys"))
    assert "authorization" not in trusted.requests[-1][1]


def test_downloads_at_a_time_are_bounded(monkeypatch):
    monkeypatch.setattr(jwks, "_slots", threading.BoundedSemaphore(1))
    jwks._slots.acquire()
    with pytest.raises(DownloadError, match="too many"):
        download("https://localhost/")


# ---- key set documents ------------------------------------------------------------------------------------------


def test_parse_keys():
    found = parse_keys(body(rsa_jwk(), ec_jwk(), rsa_jwk(kid=None)))
    assert [type(key) for key in found] == [RSAKey, ECKey, RSAKey]
    assert [key.kid for key in found] == ["one", "curve", None]


@pytest.mark.parametrize(
    "key",
    [
        {}, {"kty": "RSA"}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "!!", "e": "AQAB"}, {"kty": "RSA", "n": 5, "e": "AQAB"},
        {**rsa_jwk(), "use": "enc"}, {**rsa_jwk(), "kid": 5}, "text", None,
    ],
)  # fmt: skip
def test_unusable_keys_are_left_out(key):
    assert len(parse_keys(body(key, rsa_jwk(kid="good")))) == 1


@pytest.mark.parametrize(
    "text", [b"", b"nonsense", b"[]", b"{}", b'{"keys": 5}', b'"keys"', b"[" * 100_000, b"\xff"]
)
def test_not_a_key_set(text):
    with pytest.raises(DownloadError):
        parse_keys(text)


# ---- caching ----------------------------------------------------------------------------------------------------

URI = "https://login.example/keys"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Provider:
    """Stands for the download: counts, and fails when told to."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.fails = False
        self.count = 0

    def __call__(self, uri):
        self.count += 1
        if self.fails:
            raise DownloadError("down")
        return body(*self.keys)


def make(*keys):
    clock, provider = Clock(), Provider(*keys)
    sets = KeySets(provider, clock)

    def find(kid, kind=RSAKey, uri=URI):
        try:
            return jwks.with_keys(lambda: sets.find(uri, kid, kind))
        except RequestError as error:
            return None if error.status == 401 else error

    return clock, provider, sets, find


def test_unknown_set_is_asked_for():
    _, provider, sets, find = make(rsa_jwk())
    with pytest.raises(KeysNeeded):
        sets.find(URI, "one", RSAKey)
    assert provider.count == 0
    assert find("one").kid == "one"
    assert provider.count == 1


def test_kept_for_an_hour():
    clock, provider, _, find = make(rsa_jwk())
    for seconds, count in ((0, 1), (3599, 1), (1, 2), (3599, 2)):
        clock.now += seconds
        assert find("one")
        assert provider.count == count


def test_unknown_kid_leads_to_one_download_each_half_second():
    clock, provider, _, find = make(rsa_jwk())
    assert find("one")
    assert find("two") is None
    assert provider.count == 1
    clock.now += 0.49
    assert find("two") is None
    assert provider.count == 1
    clock.now += 0.02
    assert find("two") is None
    assert provider.count == 2
    provider.keys.append(rsa_jwk(OTHER_RSA, kid="two"))
    assert find("two") is None
    clock.now += 0.51
    assert find("two")
    assert provider.count == 3


def test_without_kid_only_the_only_key():
    assert make(rsa_jwk())[3](None).kid == "one"
    assert make(rsa_jwk(), rsa_jwk(OTHER_RSA, kid="two"))[3](None) is None
    assert make()[3](None) is None


def test_key_of_the_wrong_kind():
    find = make(rsa_jwk(), ec_jwk())[3]
    assert find("one", ECKey) is None
    assert find("curve", RSAKey) is None
    assert find("curve", ECKey)


def test_failed_download():
    clock, provider, _, find = make(rsa_jwk())
    provider.fails = True
    assert find("one") is None
    assert find("one") is None
    assert provider.count == 1
    provider.fails = False
    clock.now += 0.51
    assert find("one")


def test_a_failed_refresh_keeps_known_keys_until_they_expire():
    clock, provider, _, find = make(rsa_jwk())
    assert find("one")
    provider.fails = True
    clock.now += 100
    assert find("two") is None
    assert find("one")
    clock.now += 3600
    assert find("one") is None


def test_sets_are_apart():
    _, provider, _, find = make(rsa_jwk())
    assert find("one", uri="https://a/")
    assert find("one", uri="https://b/")
    assert provider.count == 2


def test_number_of_sets_is_bounded(monkeypatch):
    monkeypatch.setattr(jwks, "MAX_SETS", 3)
    _, _, sets, find = make(rsa_jwk())
    for number in range(6):
        find("one", uri=f"https://{number}/")
    assert len(sets._entries) == 3
    assert not sets._running


def test_many_threads_download_once():
    started, release = threading.Barrier(5), threading.Event()
    count = []

    def fetch(uri):
        count.append(uri)
        release.wait(5)
        return body(rsa_jwk())

    sets = KeySets(fetch)
    found = []

    def work():
        started.wait()
        found.append(jwks.with_keys(lambda: sets.find(URI, "one", RSAKey)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    started.wait()
    release.set()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(found)
    assert len(count) == 1


def test_failures_are_logged_without_content(caplog):
    _, provider, _, find = make()
    provider.fails = True
    find("one", uri="https://me:sesame@login.example/keys?token=sesame")
    assert "login.example" in caplog.text
    assert "down" in caplog.text
    assert "sesame" not in caplog.text


def test_a_provider_that_fails_again_is_asked_more_and_more_seldom():
    asked = []
    now = [0.0]

    def fetch(uri):
        asked.append(now[0])
        raise DownloadError("it took too long")

    keys = KeySets(fetch, lambda: now[0])
    while now[0] < 300:
        try:
            assert keys.find("https://a.example/keys", None, RSAKey) is None
        except KeysNeeded as needed:
            needed.load()
        now[0] += 0.25
    pauses = [later - earlier for earlier, later in zip(asked, asked[1:])]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 60.0
