# SPDX-License-Identifier: ISC
"""What no HTTP library would send: raw bytes to a node, and what comes back."""

import socket

import harness


def connect_port(port, timeout=15):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def connect(node, timeout=15):
    return connect_port(node.port, timeout)


def request_bytes(method, target, body=b"", token=None, headers=()):
    """A request whose target goes out as it is. `headers` are whole lines."""
    lines = [f"{method} {target} HTTP/1.1", "Host: vault", *headers]
    if token is not None:
        lines.append(f"X-Vault-Token: {token}")
    if body and not any(h.lower().startswith(("content-length", "transfer-encoding")) for h in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def read_reply(sock, has_body=True):
    """One answer; None when the server closed without a word."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        try:
            more = sock.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            return None
        raw += more
    head, _, rest = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    missing = int(headers.get("content-length", "0")) - len(rest) if has_body else 0
    while missing > 0:
        more = sock.recv(65536)
        if not more:
            break
        rest += more
        missing -= len(more)
    return harness.Answer(int(lines[0].split()[1]), headers, rest)


def exchange(node, payload, timeout=15):
    """Sends the bytes on a new connection; the answer, or None when there is none."""
    with connect(node, timeout) as sock:
        try:
            sock.sendall(payload)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have answered before it had read everything
        return read_reply(sock, not payload.startswith(b"HEAD "))
