"""Checks of addresses, ports, certificates and origins before anything starts, so that errors are plain sentences."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from typing import Optional
from urllib.parse import urlsplit

from ..engine.defaults import DEFAULT_SECRET

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8443


class RefusedToServe(ValueError):
    """The server was asked to run in a way that would be unsafe or cannot work."""


def is_loopback(host: str) -> bool:
    """Whether a host can be reached only from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_address(host: str, secret: str) -> None:
    """Raise `RefusedToServe` for an address that others can reach with the default secret, which everybody knows."""
    if secret == DEFAULT_SECRET and not is_loopback(host):
        raise RefusedToServe(
            f"refusing to listen on {host} with the default secret: choose one with --secret-file or FAUNADB_SECRET"
        )


def listening_address(host: str, port: int) -> str:
    """The IP address to listen on. Raises `RefusedToServe` when there is none, or another program listens there."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise RefusedToServe(f"cannot listen on {host}: {error.strerror or error}") from None
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    with socket.socket(family) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(address)
        except OSError as error:
            raise RefusedToServe(f"cannot listen on {shown_address(host, port)}: {error.strerror}") from None
    return str(address[0])


def shown_address(host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_certificate(certificate: Optional[str], private_key: Optional[str]) -> None:
    """Raise `RefusedToServe` for files that TLS cannot use, or for only one of the two."""
    if certificate is None and private_key is None:
        return
    if certificate is None or private_key is None:
        raise RefusedToServe("TLS needs both a certificate and its private key")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private_key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise RefusedToServe(
            f"cannot use the certificate {certificate} with the private key {private_key}: {reason}"
        ) from None


def check_second_port(http_port: int, port: int, certificate: Optional[str]) -> None:
    """Raise `RefusedToServe` for a second port for HTTP when the first one speaks HTTP, or is the same."""
    if certificate is None:
        raise RefusedToServe(
            "--http-port is for HTTP beside HTTPS: without --certificate, --port speaks HTTP"
        )
    if http_port == port:
        raise RefusedToServe(f"port {port} cannot speak both HTTPS and HTTP: choose another --http-port")


def read_origin(text: str) -> str:
    """An origin as browsers write it. Raises `RefusedToServe` for anything but ``scheme://host`` or ``scheme://host:port``."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if (
        not parts.scheme
        or not parts.hostname
        or parts.username is not None
        or text.rstrip("/") != (f"{parts.scheme}://{parts.netloc}")
    ):
        raise RefusedToServe(
            f"{text!r} is no origin: write it like https://app.example or http://localhost:3000"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None and port != usual else "")


def free_port(host: str = DEFAULT_HOST) -> int:
    """A TCP port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
