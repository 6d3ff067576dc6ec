# SPDX-License-Identifier: ISC
"""Stands between rotator and target, and does harm at the n-th piece that comes by. TLS passes through unread."""

import contextlib
import socket
import struct
import threading

import harness

PIECE_BYTES = 65536


class Proxy:
    """One harm at a time; afterwards, and before, everything passes."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.lock = threading.Lock()
        self.count = 0
        self.harm_at = 0
        self.harm = None
        self.after = False
        self.cuts = True
        self.done = threading.Event()
        self.port = harness.free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, at, harm, after, cuts=True):
        """`harm()` is called at that piece, before or after it is handed on; then the connection is cut, or goes on."""
        with self.lock:
            self.count, self.harm_at, self.harm, self.after, self.cuts = 0, at, harm, after, cuts
        self.done.clear()

    def disarm(self):
        """How many pieces came by, and whether the harm was done; one that has begun is waited for."""
        with self.lock:
            begun = self.harm_at != 0 and self.count >= self.harm_at
            self.harm_at = 0
        if begun and not self.done.wait(60):
            raise AssertionError("the harm has begun and doesn't end")
        return self.count, begun

    def close(self):
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.server_port), timeout=10)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def is_due(self):
        with self.lock:
            self.count += 1
            due = self.harm_at != 0 and self.count == self.harm_at
            return (due, self.after) if due else (False, False)

    def pump(self, source, sink):
        with source, contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                due, after = self.is_due()
                try:
                    if not due or after:
                        sink.sendall(piece)
                finally:
                    if due:  # somebody waits for it, also when the other end has hung up meanwhile
                        self.do_harm(source, sink)
                if due and self.cuts:
                    return
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def do_harm(self, source, sink):
        try:
            self.harm()
        finally:
            if self.cuts:
                cut(source)
                cut(sink)
            self.done.set()


def cut(end):
    """Without a farewell, as when a cable is pulled and somebody's firewall says so."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
