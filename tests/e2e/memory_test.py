# SPDX-License-Identifier: ISC
"""The whole server with one allocation after the other failing while it serves a request: it
answers as always, or that something went wrong, and lives; what was acknowledged is there, and the
audit log verifies."""

import http.client
import json
import mmap
import os
import struct
import subprocess
import tempfile
import time
import unittest

import harness

LIBRARY = os.environ.get("ROTUNDA_TEST_FAULTS_LIBRARY", "")
MOST = 400  # allocations of one request; the loops end when no more are left
STEP = 1 if harness.FULL else 3


class Control:
    """The file through which the preloaded library is told what to do."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="rotunda-allocations.")
        self.file.write(bytes(16))
        self.file.flush()
        os.chmod(self.file.name, 0o666)
        self.memory = mmap.mmap(self.file.fileno(), 16)

    def arm(self, number):
        self.memory[0:16] = struct.pack("qq", number, 0)

    def disarm(self):
        """Whether an allocation has failed since."""
        self.memory[0:8] = struct.pack("q", 0)
        return struct.unpack("q", self.memory[8:16])[0] > 0


class MemoryTest(harness.VaultTest):
    workers = 1  # each has a connection of its own to the database, and a request must meet the right one

    @classmethod
    def setUpClass(cls):
        if not LIBRARY:
            print("SKIPPED: ROTUNDA_TEST_FAULTS_LIBRARY isn't set", flush=True)
            raise unittest.SkipTest("no library to preload")
        cls.control = Control()
        cls.environment = {"LD_PRELOAD": LIBRARY, "ROTUNDA_TEST_ALLOCATIONS": cls.control.file.name}
        super().setUpClass()
        vault = cls.vault
        assert vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}).status == 204
        assert vault.post("secret/data/known", {"data": {"k": "known"}}).status == 200
        cls.acknowledged = {}

    def settle(self):
        """Until it serves again: what fails may cost a connection to the database."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.vault.get("secret/data/known").status == 200:
                return
            time.sleep(0.02)
        self.fail("the vault doesn't recover: " + self.vault.node.read_log()[-3000:])

    def try_once(self, number, ask, expected):
        """One request with one allocation failing; the reply, or None when the connection was cut, and
        whether there was anything left to fail."""
        self.settle()
        self.control.arm(number)
        try:
            reply = ask()
        except (http.client.HTTPException, ConnectionError):
            reply = None
        failed = self.control.disarm()
        process = self.vault.node.process
        if process.poll() is not None:
            self.fail(f"allocation {number}: the server ended: {self.vault.node.read_log()[-3000:]}")
        if reply is not None:
            self.assertIn(reply.status, (expected, 500, 503), f"allocation {number}: {reply}")
        return reply, failed

    def each(self, ask, expected, confirm=lambda number, reply: None):
        """`ask(number)` again and again until a request meets no failure, twice running: what runs in the
        background takes its share."""
        untouched = 0
        for number in range(1, MOST, STEP):
            reply, failed = self.try_once(number, lambda n=number: ask(n), expected)
            if reply is not None and reply.status == expected:
                confirm(number, reply)
            untouched = 0 if failed else untouched + 1
            if untouched == 2:
                self.assertGreater(number, 3)
                self.settle()
                return
        self.fail("the request doesn't come to an end")

    def test_reads(self):
        def right(_, reply):
            self.assertEqual("known", reply.data["data"]["k"])

        self.each(lambda n: self.vault.get("secret/data/known"), 200, right)
        self.each(lambda n: self.vault.list("secret/metadata/"), 200)
        self.each(lambda n: self.vault.get("auth/token/lookup-self"), 200)
        self.each(lambda n: self.vault.get("sys/mounts"), 200)
        self.each(lambda n: self.vault.get("nowhere/at/all"), 404)

    def test_writes(self):
        def remember(number, _):
            self.acknowledged[f"w{number}"] = f"value {number}"

        self.each(
            lambda n: self.vault.post(f"secret/data/w{n}", {"data": {"k": f"value {n}"}}), 200, remember
        )
        self.assertGreater(len(self.acknowledged), 0)
        patch = {"Content-Type": "application/merge-patch+json"}
        self.each(
            lambda n: self.vault.request("PATCH", "secret/data/known", {"data": {"n": str(n)}}, headers=patch), 200
        )

    def test_tokens(self):
        tokens = []
        self.each(
            lambda n: self.vault.post("auth/token/create", {"policies": ["default"], "ttl": "1h"}),
            200,
            lambda n, reply: tokens.append(reply.json["auth"]["client_token"]),
        )
        for token in tokens:
            self.assertStatus(200, self.vault.get("auth/token/lookup-self", token=token))

    def test_changes_of_policies(self):
        policy = 'path "secret/data/*" { capabilities = ["read"] }'
        written = []
        self.each(
            lambda n: self.vault.put(f"sys/policies/acl/p{n}", {"policy": policy}), 204, lambda n, _: written.append(n)
        )
        for number in written:
            self.assertStatus(200, self.vault.get(f"sys/policies/acl/p{number}"))

    def test_audit_queries(self):
        self.each(lambda n: self.vault.get("sys/audit/records?limit=5"), 200)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.check_what_is_left()
        finally:
            super().tearDownClass()

    @classmethod
    def check_what_is_left(cls):
        for path, value in cls.acknowledged.items():
            reply = cls.vault.get("secret/data/" + path)
            assert reply.status == 200 and reply.data["data"]["k"] == value, (path, reply)
        time.sleep(0.2)
        assert cls.vault.node.stop() == 0
        done = subprocess.run(
            [harness.PROGRAM, "audit", "verify", "-database", cls.vault.database.conninfo, "-format", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["records"] > len(cls.acknowledged)


if __name__ == "__main__":
    unittest.main()
