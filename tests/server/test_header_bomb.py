"""Headers of HTTP/2 that are small on the wire and large when they are unpacked."""

from __future__ import annotations

import socket

import pytest

from tests.conftest import required
from tests.server.running import SECRET

connection_of = required("h2.connection")
events_of = required("h2.events")


@pytest.mark.parametrize(("count", "status"), [(1, "200"), (4000, "none")])
def test_headers_are_refused_by_their_size_when_unpacked(server, count, status):
    connection = connection_of.H2Connection()
    connection.initiate_connection()
    usual = [
        (":method", "GET"),
        (":path", "/ping?scope=node"),
        (":scheme", "http"),
        (":authority", "localhost"),
        ("authorization", f"Bearer {SECRET}"),
    ]
    connection.send_headers(1, [*usual, *[("x-large", "y" * 3000)] * count], end_stream=True)
    sent = connection.data_to_send()
    assert len(sent) < 16 * 1024  # 12 MB, once it is unpacked
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:
        client.sendall(sent)
        answered = None
        while answered is None:
            data = client.recv(65536)
            if not data:
                answered = "none"  # the connection is closed
            for event in connection.receive_data(data):
                if isinstance(event, events_of.ResponseReceived):
                    answered = {bytes(name): bytes(value) for name, value in event.headers}[
                        b":status"
                    ].decode()
    assert answered == status
    assert server.query({"add": [1, 1]}) == 2
