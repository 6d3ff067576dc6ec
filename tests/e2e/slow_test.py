# SPDX-License-Identifier: ISC
"""Clients that are slow, silent or gone cost next to nothing, and others don't notice them. Prints
what a connection costs."""

import os
import re
import resource
import select
import socket
import ssl
import time
import unittest

import harness
import wire

CONNECTIONS = 10000 if harness.FULL else 500
IDLE_TLS_KIB_MAX = 64
LIMITS = """
limits {
  slow_header_s = 2
  slow_body_s = 2
}
"""


class SlowTest(harness.VaultTest):
    config = LIMITS

    @classmethod
    def setUpClass(cls):
        # Both ends of a connection are this machine's; the server inherits the limit.
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        super().setUpClass()
        cls.tls_port = cls.vault.add_tls_listener()
        reply = cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        assert reply.status == 204, reply

    def setUp(self):
        self.sockets = []
        self.addCleanup(self.close_all)

    def close_all(self):
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()

    def resident(self):
        with open(f"/proc/{self.vault.node.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def processor_seconds(self):
        with open(f"/proc/{self.vault.node.process.pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_many(self, port, first=b"", count=CONNECTIONS):
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=30)
            self.sockets.append(sock)
            if first:
                sock.sendall(first)
        time.sleep(0.5)

    def assertServes(self, seconds=2):
        began = time.monotonic()
        self.assertStatus(200, self.vault.post("secret/data/other", {"data": {"v": 1}}))
        self.assertStatus(200, self.vault.get("secret/data/other"))
        self.assertLess(time.monotonic() - began, seconds)

    def measure(self, what, before, limit_kib):
        kib = (self.resident() - before) / 1024 / len(self.sockets)
        print(f"{len(self.sockets)} {what}: {kib:.1f} KiB each", flush=True)
        self.assertLess(kib, float("inf") if harness.SANITIZED else limit_kib)

    def assertAllEnd(self, seconds):
        """The server closes every one of them."""
        left = {sock.fileno(): sock for sock in self.sockets}
        poll = select.poll()
        for number in left:
            poll.register(number, select.POLLIN | select.POLLHUP)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            for number, _ in poll.poll(200):
                try:
                    more = left[number].recv(65536)
                except OSError:
                    more = b""
                if not more:
                    poll.unregister(number)
                    del left[number]
        self.assertEqual(0, len(left), f"still open after {seconds} s")


class PlainTest(SlowTest):
    def test_silent_connections(self):
        before = self.resident()
        self.open_many(self.vault.node.port)
        self.measure("connections that say nothing", before, 32)
        self.assertServes()

    def test_half_a_header_ends_in_time(self):
        before = self.resident()
        self.open_many(self.vault.node.port, b"GET /v1/sys/mounts HTTP/1.1\r\nHost: v\r\nX-Vault-Tok")
        self.measure("half headers", before, 48)
        self.assertServes()
        self.assertAllEnd(10)
        self.assertServes()

    def test_a_trickled_header_does_not_outlast_its_limit(self):
        self.open_many(self.vault.node.port, b"GET /v1/sys/mounts HTTP/1.1\r\n", 50)
        began = time.monotonic()
        while self.sockets and time.monotonic() - began < 12:
            for sock in list(self.sockets):
                try:
                    sock.sendall(b"X-A: b\r\n")
                except OSError:
                    self.sockets.remove(sock)
                    sock.close()
            time.sleep(0.25)
        self.assertEqual([], self.sockets, "a client that sends a line now and then is never cut off")
        self.assertServes()

    def test_a_trickled_body_does_not_outlast_its_limit(self):
        head = wire.request_bytes("POST", "/v1/secret/data/slow", b"", self.vault.token, ("Content-Length: 100000",))
        self.open_many(self.vault.node.port, head, 50)
        began = time.monotonic()
        while self.sockets and time.monotonic() - began < 12:
            for sock in list(self.sockets):
                try:
                    sock.sendall(b" ")
                except OSError:
                    self.sockets.remove(sock)
                    sock.close()
            time.sleep(0.25)
        self.assertEqual([], self.sockets)
        self.assertServes()
        self.assertStatus(404, self.vault.get("secret/data/slow"))

    def test_half_bodies_cost_what_was_sent(self):
        head = wire.request_bytes("POST", "/v1/secret/data/slow", b"", self.vault.token, ("Content-Length: 100000",))
        before = self.resident()
        self.open_many(self.vault.node.port, head + b" " * 1000)
        self.measure("half bodies", before, 64)
        self.assertServes()
        self.assertAllEnd(10)

    def test_clients_that_leave_at_once_leave_nothing(self):
        whole = wire.request_bytes("POST", "/v1/secret/data/gone", b'{"data":{"v":1}}', self.vault.token)
        self.abandon(whole)
        before = self.resident()
        for _ in range(3):
            self.abandon(whole)
        grown = (self.resident() - before) / 1024
        print(f"{3 * CONNECTIONS} abandoned requests: {grown:.0f} KiB more in all", flush=True)
        self.assertLess(grown, float("inf") if harness.SANITIZED else 8 * 1024)
        self.assertServes()
        # Only root may list the descriptors of a process that can't be dumped.
        metrics = self.assertStatus(200, self.vault.get("sys/metrics")).text
        held = sum(map(float, re.findall(r"(?m)^rotunda_http_connections(?:{.*})? (\S+)$", metrics)))
        self.assertGreater(held, 0)
        self.assertLess(held, 200)

    def abandon(self, whole):
        for i in range(CONNECTIONS):
            with wire.connect(self.vault.node) as sock:
                sock.sendall(whole[: len(whole) - i % 40])
        time.sleep(1)

    def test_a_client_that_does_not_read_its_answer(self):
        self.assertStatus(200, self.vault.post("secret/data/big", {"data": {"v": "x" * 900000}}))
        ask = wire.request_bytes("GET", "/v1/secret/data/big", b"", self.vault.token)
        self.open_many(self.vault.node.port, ask, 20)
        self.assertServes()
        self.close_all()
        self.assertServes()


class TlsTest(SlowTest):
    def test_half_handshakes(self):
        before = self.resident()
        # The start of a ClientHello, which libmicrohttpd would spin on.
        self.open_many(self.tls_port, b"\x16\x03\x01\x02\x00\x01")
        self.measure("half handshakes", before, IDLE_TLS_KIB_MAX)
        shares = []
        # Taking up so many connections at once keeps it busy for a while.
        while len(shares) < 10 and (not shares or shares[-1] > 0.1):
            began = self.processor_seconds()
            time.sleep(1)
            shares.append(self.processor_seconds() - began)
        print(f"half handshakes take {100 * shares[-1]:.0f} % of a processor", flush=True)
        self.assertLessEqual(shares[-1], 0.1, shares)
        self.assertServes()
        self.assertAllEnd(20)

    def test_idle_connections(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        before = self.resident()
        for _ in range(CONNECTIONS):
            sock = context.wrap_socket(wire.connect_port(self.tls_port, 30))
            self.sockets.append(sock)
        health = wire.request_bytes("GET", "/v1/sys/health")
        for sock in self.sockets:
            sock.sendall(health)
            self.assertEqual(200, wire.read_reply(sock).status)
        self.measure("idle TLS connections", before, IDLE_TLS_KIB_MAX)
        self.assertServes()
        for sock in self.sockets[:: max(1, len(self.sockets) // 20)]:
            sock.sendall(health)
            self.assertEqual(200, wire.read_reply(sock).status)

    def test_garbage_instead_of_a_handshake(self):
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 5000, os.urandom(2000)):
            self.open_many(self.tls_port, garbage, 20)
        self.assertAllEnd(20)
        self.assertServes()


if __name__ == "__main__":
    unittest.main()
