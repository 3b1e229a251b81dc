"""What companies put between a job and its services: TLS of an authority of their own, and a proxy."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

BLOCK = 64 << 10
PATIENCE = 30.0
"""Seconds without a byte after which a connection is given up."""


class Authority:
    """A certificate authority that nobody knows yet."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example Company")])
        only_signs = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._certificate = (
            _draft(name, name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(only_signs, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """Its certificate, as a user has it from the company's administrators."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server_context(self, directory: Path) -> ssl.SSLContext:
        """What a server on 127.0.0.1 needs: a certificate of this authority, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _draft(name, self._certificate.subject, key.public_key())
            .add_extension(here, critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = directory / "server.pem"
        encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
        secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
        file.write_bytes(secret + certificate.public_bytes(encoding))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _draft(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now, day = datetime.now(UTC), timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


@contextlib.contextmanager
def tls_in_front(url: str, context: ssl.SSLContext) -> Iterator[str]:
    """While open, what comes in at the https address that this gives goes on to the plain one."""
    target = urlsplit(url)

    def serve(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as secure:
            _connect(secure, b"", (str(target.hostname), target.port or 80))

    with _listen(serve) as port:
        yield f"https://127.0.0.1:{port}{target.path}"


@dataclass
class ForwardProxy:
    """A proxy for plain HTTP. Of a tunnel it only notes where it should lead; its other end is one nobody trusts."""

    url: str = ""
    targets: list[str] = field(default_factory=list)
    """``METHOD HOST:PORT`` of every connection's first request."""


@contextlib.contextmanager
def forward_proxy(context: ssl.SSLContext) -> Iterator[ForwardProxy]:
    """A proxy, while open."""
    proxy = ForwardProxy()

    def serve(client: socket.socket) -> None:
        head = client.recv(BLOCK)
        method, _, target = head.split(b"\r\n", 1)[0].decode().rpartition(" ")[0].partition(" ")
        where = urlsplit(target if "//" in target else f"//{target}")
        proxy.targets.append(f"{method} {where.netloc}")
        if method != "CONNECT":
            _connect(client, head, (str(where.hostname), where.port or 80))
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context.wrap_socket(client, server_side=True).close()

    with _listen(serve) as port:
        proxy.url = f"http://127.0.0.1:{port}"
        yield proxy


@contextlib.contextmanager
def _listen(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port of this machine, each connection to which is served in a thread of its own."""

    def carry_out(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:  # whoever is there may end the connection at any time
            client.settimeout(PATIENCE)
            serve(client)

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=carry_out, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _connect(client: socket.socket, begun: bytes, where: tuple[str, int]) -> None:
    """Join a client, who has said this much, with a service until both are done."""
    with socket.create_connection(where) as service:
        service.sendall(begun)
        back = threading.Thread(target=_pump, args=(service, client), daemon=True)
        back.start()
        _pump(client, service)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(BLOCK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
