# SPDX-License-Identifier: ISC
"""A vault to test against: the real program, on the private PostgreSQL that with-postgres.sh gives.

    sh tests/support/with-postgres.sh python3 tests/e2e/kv_test.py

    class KvTest(harness.VaultTest):
        def test_reads_what_was_written(self):
            self.vault.post("secret/data/a", {"data": {"k": "v"}})

Every test class has a vault of its own, initialised and unsealed, in a database of its own; with
`node_count = 2` two servers share it. ROTUNDA_PROGRAM is the program under test.
"""

import contextlib
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

# The program itself where it is found: `psql` may be a script that looks for it, which takes longer than it does.
PSQL = max(glob.glob("/usr/lib/postgresql/*/bin/psql"), default="psql", key=lambda path: int(path.split("/")[4]))
PROGRAM = os.environ.get("ROTUNDA_PROGRAM", "build/dev/api/rotunda")
FULL = os.environ.get("ROTUNDA_TEST_SCALE") == "full"
# An instrumented program gets more time, and isn't asked how much memory it takes.
SANITIZED = os.environ.get("ROTUNDA_TEST_SANITIZED") == "1"
SLOWNESS = 3 if SANITIZED else 1


class Answer:
    """What came back: status, headers, text and, where it is JSON, the parsed body."""

    def __init__(self, status, headers, raw):
        self.status = status
        self.headers = headers
        self.raw = raw
        self.text = raw.decode("utf-8", "replace")
        try:
            self.json = json.loads(self.text) if self.text else None
        except ValueError:
            self.json = None

    @property
    def data(self):
        return self.json["data"]

    @property
    def errors(self):
        return (self.json or {}).get("errors")

    def __repr__(self):
        return f"<{self.status} {self.text[:500]}>"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def psql(database, sql):
    """Runs SQL as the database's owner; rows as lists of text."""
    done = subprocess.run(
        [PSQL, "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [line.split("\t") for line in done.stdout.splitlines()]


class Database:
    """A new, empty database on the test's server, or another one that is given."""

    counter = 0

    def __init__(self, server=None, options=""):
        self.server = server or os.environ["ROTUNDA_TEST_DATABASE"]
        Database.counter += 1
        self.name = f"vault_{os.getpid()}_{Database.counter}"
        psql(self.server, f'CREATE DATABASE "{self.name}" {options}')
        parts = dict(p.split("=", 1) for p in self.server.split())
        self.host = parts["host"]
        self.user = parts["user"]
        self.conninfo = f"host={self.host} user={self.user} dbname={self.name}"

    def query(self, sql):
        return psql(self.conninfo, sql)

    @contextlib.contextmanager
    def held(self, sql):
        """A transaction that has run `sql` keeps its locks until the end of the block."""
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            session.stdin.write(f"BEGIN;\n{sql};\n\\echo held\n")
            session.stdin.flush()
            while (line := session.stdout.readline()) != "held\n":
                assert line, "the transaction failed"
            try:
                yield
            finally:
                session.stdin.close()

    def count_waiting(self):
        """Sessions that wait for another one's lock."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return int(self.query(sql)[0][0])

    def drop(self):
        psql(self.server, f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


class Node:
    """One running server."""

    def __init__(self, database, folder, name="node", config="", workers=2, seal='seal "shamir" {}'):
        self.folder = folder
        self.name = name
        self.port = free_port()
        self.log = os.path.join(folder, f"{name}.log")
        self.config = os.path.join(folder, f"{name}.hcl")
        self.process = None
        self.program = PROGRAM
        self.environment = {}  # beside the test's own
        self.popen = {}  # more arguments for subprocess.Popen
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(
                f"""
listener "tcp" {{
  address = "127.0.0.1:{self.port}"
}}
database {{
  host = "{database.host}"
  name = "{database.name}"
  user = "{database.user}"
}}
{seal}
node_name = "{name}"
workers = {workers}
allow_unlocked_memory = true
data_dir = "{folder}"
{config}
"""
            )

    def launch(self):
        """Starts the program, and doesn't wait for it."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "server", "-config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                **self.popen,
            )

    def start(self):
        self.launch()
        self.wait_for_answer()

    def wait_for_answer(self):
        deadline = time.monotonic() + 20 * SLOWNESS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.read_log()[-3000:]}")
            try:
                self.request("GET", "sys/health")
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the server doesn't answer")

    def stop(self):
        """As an operator would; the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def tell_if_it_died(self):
        """Its last words, when it ended though no test ended it."""
        if self.process is not None and self.process.poll() is not None:
            print(f"{self.name} ended by itself ({self.process.returncode}):", file=sys.stderr)
            print(self.read_log()[-20000:], file=sys.stderr)

    def read_log(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def request(self, method, path, body=None, token=None, headers=None, timeout=30):
        """`body` may be an object (sent as JSON), bytes (sent as they are) or None."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            sent = {"X-Vault-Request": "true"}
            if token is not None:
                sent["X-Vault-Token"] = token
            if isinstance(body, (bytes, bytearray)):
                payload = body
            else:
                payload = None if body is None else json.dumps(body).encode()
            sent.update(headers or {})
            connection.request(method, "/v1/" + path, payload, sent)
            reply = connection.getresponse()
            return Answer(reply.status, reply.headers, reply.read())
        finally:
            connection.close()


def make_certificate(name, cert, key, days=2):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        + ["-days", str(days), "-subj", f"/CN={name}", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )


class Vault:
    """Nodes over one database, with the root token in hand."""

    def __init__(self, node_count=1, config="", workers=2, database=None):
        self.folder = tempfile.mkdtemp(prefix="rotunda-e2e.")
        self.database = database or Database()
        self.nodes = [
            Node(self.database, self.folder, f"node{i}", config, workers) for i in range(node_count)
        ]
        self.keys = []
        self.token = None

    @property
    def node(self):
        return self.nodes[0]

    def start(self):
        for node in self.nodes:
            node.start()
        reply = self.node.request("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})
        assert reply.status == 200, reply
        self.keys = reply.json["keys"]
        self.token = reply.json["root_token"]
        for node in self.nodes:
            self.unseal(node)

    def add_tls_listener(self):
        """On the first node, beside its plain one. Returns its port."""
        self.node.stop()
        cert, key = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem"))
        make_certificate("vault", cert, key)
        port = free_port()
        with open(self.node.config, "a", encoding="utf-8") as f:
            f.write(
                f'listener "tcp" {{\n  address = "127.0.0.1:{port}"\n'
                f'  tls_cert_file = "{cert}"\n  tls_key_file = "{key}"\n}}\n'
            )
        self.restart(self.node)
        return port

    def unseal(self, node):
        for key in self.keys[:2]:
            reply = node.request("PUT", "sys/unseal", {"key": key})
            assert reply.status == 200, reply
        assert not reply.json["sealed"], reply

    def restart(self, node):
        node.start()
        self.unseal(node)

    def stop(self):
        for node in self.nodes:
            node.tell_if_it_died()
            node.kill()
        self.database.drop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, token=None, **more):
        """With the root token unless another is given ("" for none)."""
        use = self.token if token is None else token
        return self.node.request(method, path, body, use or None, **more)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.request("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    def list(self, path, **more):
        return self.request("LIST", path, **more)

    def token_with(self, policy_text, name="limited"):
        """A new token that can do what the policy says, and nothing else."""
        reply = self.put(f"sys/policies/acl/{name}", {"policy": policy_text})
        assert reply.status in (200, 204), reply
        reply = self.post("auth/token/create", {"policies": [name], "no_default_policy": True})
        assert reply.status == 200, reply
        return reply.json["auth"]["client_token"]


class VaultTest(unittest.TestCase):
    node_count = 1
    config = ""
    workers = 2
    environment = {}

    @classmethod
    def setUpClass(cls):
        cls.vault = Vault(cls.node_count, cls.config, cls.workers)
        for node in cls.vault.nodes:
            node.environment = cls.environment
        try:
            cls.vault.start()
        except BaseException:
            cls.vault.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.vault.stop()

    def assertStatus(self, expected, reply):
        self.assertEqual(expected, reply.status, reply)
        return reply
