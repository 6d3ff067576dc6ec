# SPDX-License-Identifier: ISC
"""A login at a PostgreSQL server with SCRAM, in one process: `psql` would take a hundred times as long to start."""

import base64
import hashlib
import hmac
import os
import socket
import struct

PROTOCOL = 196608
SASL, SASL_CONTINUE, SASL_FINAL, GOOD = 10, 11, 12, 0


class Refused(Exception):
    """The server's own words."""


def take(sock, count):
    got = b""
    while len(got) < count:
        more = sock.recv(count - len(got))
        if not more:
            raise OSError("the server closed the connection")
        got += more
    return got


def read_message(sock):
    kind, length = struct.unpack("!cI", take(sock, 5))
    body = take(sock, length - 4)
    if kind == b"E":
        fields = [part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part[:1] == b"M"]
        raise Refused(fields[0])
    return kind, body


def read_authentication(sock, expected):
    kind, body = read_message(sock)
    code = struct.unpack("!I", body[:4])[0]
    if (kind, code) != (b"R", expected):
        raise Refused(f"the server asks for authentication {code}, not {expected}")
    return body[4:]


def send_message(sock, body):
    sock.sendall(b"p" + struct.pack("!I", len(body) + 4) + body)


def prove(password, first, server_first):
    """The client's last word, by RFC 5802."""
    said = dict(part.split("=", 1) for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(said["s"]), int(said["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    last = f"c=biws,r={said['r']}"
    signature = hmac.digest(hashlib.sha256(key).digest(), f"{first},{server_first},{last}".encode(), "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature))
    return f"{last},p={base64.b64encode(proof).decode()}".encode()


def authenticate(sock, username, password):
    startup = b"".join(w.encode() + b"\0" for w in ("user", username, "database", "rotunda")) + b"\0"
    sock.sendall(struct.pack("!II", len(startup) + 8, PROTOCOL) + startup)
    read_authentication(sock, SASL)
    first = "n=,r=" + base64.b64encode(os.urandom(18)).decode()
    hello = b"n,," + first.encode()
    send_message(sock, b"SCRAM-SHA-256\0" + struct.pack("!I", len(hello)) + hello)
    server_first = read_authentication(sock, SASL_CONTINUE).decode()
    send_message(sock, prove(password, first, server_first))
    read_authentication(sock, SASL_FINAL)
    read_authentication(sock, GOOD)
    while read_message(sock)[0] != b"Z":  # up to here the server may still say that VALID UNTIL has passed
        pass


def login(port, username, password, timeout=10):
    """None when it works, else what the server said."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        try:
            authenticate(sock, username, password)
        except Refused as refused:
            return str(refused)
        sock.sendall(b"X\0\0\0\4")
        return None
