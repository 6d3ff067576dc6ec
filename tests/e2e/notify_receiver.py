# SPDX-License-Identifier: ISC
"""Receivers of notices: a webhook that checks every signature, and a mail server, both with faults."""

import base64
import email
import hashlib
import hmac
import http.server
import json
import os
import socket
import socketserver
import ssl
import textwrap
import threading
import time

import harness


def documented_verify():
    """The function that docs/notifications.md shows to writers of receivers."""
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "notifications.md")
    with open(page, encoding="utf-8") as f:
        text = f.read()
    begin = text.index("    import base64, hashlib, hmac, time")
    example = textwrap.dedent(text[begin : text.index("\n\n`secret`", begin)])
    scope = {}
    exec(compile(example, page, "exec"), scope)  # pylint: disable=exec-used
    return scope["verify"]


VERIFY = documented_verify()


def sign(secret, message_id, timestamp, body):
    """Standard Webhooks: what a receiver computes for itself."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Webhook:
    """`faults` are used up one by each request: a status, "drop" (taken, no answer), "slow", "hang" or a
    status with headers."""

    def __init__(self, certificate=None):
        self.secret = None
        self.got = []  # (id, payload), those that were answered with 204
        self.seen = []  # the same, whatever was answered
        self.bad = []
        self.signatures = []  # of the last
        self.faults = []
        self.always = None  # a status instead of 204
        self.lock = threading.Lock()
        self.port = harness.free_port()
        self.certificate = certificate
        self.server = None

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.handle(self)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        message_id = request.headers["webhook-id"]
        timestamp = request.headers["webhook-timestamp"]
        good = self.secret is not None and VERIFY(self.secret, request.headers, body)
        good = good and sign(self.secret, message_id, timestamp, body) in request.headers["webhook-signature"].split()
        with self.lock:
            self.signatures = request.headers["webhook-signature"].split()
            if not good or VERIFY(self.secret, request.headers, body + b" "):
                self.bad.append(dict(request.headers))
            fault = self.faults.pop(0) if self.faults else self.always
            self.seen.append((message_id, json.loads(body)))
            if fault in (None, "slow"):
                self.got.append((message_id, json.loads(body)))
        if fault == "drop":
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        if fault == "hang":
            time.sleep(9)
            return
        if fault == "slow":
            time.sleep(1)
            fault = 204
        status, headers = fault if isinstance(fault, tuple) else (fault or 204, {})
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        if status != 204:
            request.send_header("Content-Length", "6")
        request.end_headers()
        if status != 204:
            request.wfile.write(b"ignore")

    def events(self, credential=None):
        with self.lock:
            return [p["data"]["event"] for _, p in self.got if credential in (None, p["data"].get("credential"))]


class Mail:
    """`faults`: "drop" (after the text, before the answer), or an answer to RCPT like "550 no"."""

    def __init__(self, certificate=None, login=None):
        self.port = harness.free_port()
        self.certificate = certificate
        self.login = login
        self.got = []  # (sender, recipient, message)
        self.dropped = 0
        self.faults = []
        self.plain_logins = 0
        self.server = None

    def start(self):
        mail = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                session = Session(mail, self.request)
                try:
                    session.run()
                finally:
                    session.connection.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Session:
    def __init__(self, mail, connection):
        self.mail = mail
        self.connection = connection
        self.file = connection.makefile("rb")
        self.encrypted = False
        self.authenticated = mail.login is None
        self.sender = self.recipient = None

    def say(self, text):
        self.connection.sendall(text.encode() + b"\r\n")

    def run(self):
        self.say("220 test ESMTP")
        while line := self.file.readline():
            verb, _, rest = line.decode().rstrip("\r\n").partition(" ")
            if not getattr(self, "on_" + verb.lower(), self.on_unknown)(rest):
                return

    def on_unknown(self, _):
        self.say("500 what?")
        return True

    def on_ehlo(self, _):
        offers = ["250-test"]
        if self.mail.certificate and not self.encrypted:
            offers.append("250-STARTTLS")
        if self.mail.login:
            offers.append("250-AUTH PLAIN")
        self.say("\r\n".join(offers + ["250 8BITMIME"]))
        return True

    def on_starttls(self, _):
        self.say("220 go")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.mail.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.file = self.connection.makefile("rb")
        self.encrypted = True
        return True

    def on_auth(self, rest):
        self.mail.plain_logins += not self.encrypted
        words = rest.split()
        if len(words) < 2:
            self.say("334 ")
            words.append(self.file.readline().decode().strip())
        given = tuple(base64.b64decode(words[1]).decode().split("\0")[1:])
        self.authenticated = given == self.mail.login
        self.say("235 ok" if self.authenticated else "535 no")
        return True

    def on_mail(self, rest):
        self.sender = rest
        self.say("250 ok" if self.authenticated else "530 log in first")
        return True

    def on_rcpt(self, rest):
        self.recipient = rest
        faulty = self.mail.faults and self.mail.faults[0] != "drop"
        self.say(self.mail.faults.pop(0) if faulty else "250 ok")
        return True

    def on_data(self, _):
        self.say("354 go")
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        if self.mail.faults and self.mail.faults[0] == "drop":
            self.mail.faults.pop(0)
            self.mail.dropped += 1
            return False
        self.mail.got.append((self.sender, self.recipient, email.message_from_bytes(b"".join(lines))))
        self.say("250 taken")
        return True

    def on_quit(self, _):
        self.say("221 bye")
        return False
