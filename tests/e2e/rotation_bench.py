# SPDX-License-Identifier: ISC
"""A vault, targets and credentials that are made to be hurt, and the one verdict on what is left."""

import contextlib
import os
import signal
import subprocess
import threading
import time

import harness
import kinds_test
import rotation_target
import rotation_test
from rotation_login import login
from rotation_proxy import Proxy

CONFIG = "rotation {\n  min_interval_s = 1\n}\n"
TARGET_OPTIONS = "-c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track=all"
LEASE_MS = 1500
KINDS = {
    "mock": "K1",
    "mock-slots": "K2",
    "mock-keys": "K3",
    "mock-issuer": "K4",
    "mock-rolled": "K5",
    "mock-rolled-shown": "K5",
    "mock-mint": "K6",
}
PROBLEMS = (OSError, AssertionError, LookupError, TypeError, ValueError, subprocess.SubprocessError)


class Bench(kinds_test.KindsTest):
    """Never run by unittest: its assertions are used by whoever has it. Benches are made one after the other."""

    made = threading.Lock()

    def __init__(self, node_count=1, with_target=False, database=None, config=CONFIG):
        super().__init__("run")
        self.numbers = 0
        self.served_values = set()
        with Bench.made:
            self.target = rotation_target.Target(TARGET_OPTIONS) if with_target else None
            self.proxy = Proxy(self.target.port) if with_target else None
            self.vault = harness.Vault(node_count, config, database=database)
        for node in self.vault.nodes:
            node.environment = {"ROTUNDA_TEST_ROTATION_LEASE_MS": str(LEASE_MS * harness.SLOWNESS)}
        self.vault.start()
        self.assertStatus(204, self.vault.post("sys/mounts/rotation", {"type": "rotation"}))
        if with_target:
            self.put_target()

    def put_target(self):
        self.target.sql("CREATE EXTENSION pg_stat_statements")
        self.target.sql("GRANT SET ON PARAMETER pg_stat_statements.track TO rotator")
        self.target.sql("SELECT pg_stat_statements_reset()")
        settings = {**self.target.settings, "port": self.proxy.port, "timeout": "3s"}
        self.assertStatus(204, self.vault.post("rotation/targets/db", settings))

    def close(self):
        self.doCleanups()
        self.vault.stop()
        if self.target is not None:
            self.proxy.close()
            self.target.destroy()

    def new_name(self, prefix):
        self.numbers += 1
        return f"{prefix}{self.numbers:04}"  # none is the beginning of another

    # ---- nodes

    def restart(self, node, **faults):
        """CRASH or STOP: the place."""
        if node.process is not None:
            self.assertEqual(0, node.stop())
        kept = {k: v for k, v in node.environment.items() if not k.endswith(("_CRASH", "_STOP"))}
        node.environment = {**kept, **{f"ROTUNDA_TEST_ROTATION_{k}": v for k, v in faults.items()}}
        self.vault.restart(node)

    def is_stopped(self, node):
        return rotation_test.RotationTest.is_stopped(self, node)

    def hosts(self):
        return rotation_test.LossTest.hosts(self)

    def kill_hosts(self):
        return len(self.signal_hosts(signal.SIGKILL))

    def signal_hosts(self, number):
        found = self.hosts()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return found

    def wait_for_death(self, node, place):
        try:
            code = node.process.wait(timeout=25 * harness.SLOWNESS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{place} was never reached") from None
        self.assertEqual(-signal.SIGKILL, code, place)
        node.process = None

    def begin_afresh(self):
        """After a run that failed."""
        if self.target is not None:
            self.target.kill()
            self.target.start()
        for node in self.vault.nodes:
            node.kill()
            self.restart(node)

    def wait_until_well(self, node):
        """One that went on finds its sessions closed; each of its workers notices when it needs one."""
        good = 0
        deadline = time.monotonic() + 30 * harness.SLOWNESS
        while good < 10:
            self.assertLess(time.monotonic(), deadline, node.read_log()[-2000:])
            with contextlib.suppress(OSError):
                status = node.request("GET", "rotation/status", token=self.vault.token).status
                good = good + 1 if status == 200 else 0

    def survivor(self, node):
        """The other node answers from now on."""
        if self.vault.node is node:
            self.vault.nodes.reverse()

    # ---- the end

    def verify_audit(self):
        done = subprocess.run(
            [harness.PROGRAM, "audit", "verify", "-database", self.vault.database.conninfo],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def assert_no_secrets(self):
        """Neither what the target logged nor what it counted holds a password that was ever served."""
        log = self.target.read_log()
        kept = "\n".join(row[0] for row in self.target.sql("SELECT query FROM pg_stat_statements")).encode()
        node_logs = "".join(node.read_log() for node in self.vault.nodes).encode()
        for value in (*self.served_values, rotation_target.ROTATOR_PASSWORD):
            for where in (log, kept, node_logs):
                self.assertFalse(value.encode() in where)
        self.assertFalse(b"SCRAM-SHA-256$" in log)
        return len(self.served_values)


class Case(kinds_test.Case):
    """A credential that lives for one run. Its verdict is that of all kinds."""

    person = False  # needed one, as documented
    strangers = ()  # what the target has besides, by id
    cause = "rotate"

    @property
    def label(self):
        return f"`{self.rotator}`, {KINDS[self.rotator]}"

    def begin(self):
        self.person = False
        self.first = self.served()
        self.keep(self.first)
        self.wait("idle")
        self.applies = self.calls("apply")
        return self

    def served(self):
        def read():
            with contextlib.suppress(OSError):
                reply = self.creds()
                return reply.data if reply.status == 200 else None

        return self.test.wait_for(read, 40, self.tell)

    def patiently(self, what):
        """Asked again while a node finds its way back to the database (503): nothing was done then."""
        deadline = time.monotonic() + 30 * harness.SLOWNESS
        while True:
            try:
                return what()
            except (OSError, AssertionError) as error:
                if "503" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def events(self):
        return self.patiently(super().events)

    def keep(self, creds):
        self.test.served_values.add(creds["password"])

    def ask(self, node=None):
        """Asks a node that may not live to answer."""
        path = f"rotation/credentials/{self.name}/{self.cause}"
        with contextlib.suppress(OSError):
            node = node or self.test.vault.node
            reply = node.request("POST", path, {"timeout": "0s"}, self.test.vault.token, timeout=2)
            self.test.assertIn(reply.status, (200, 503), reply)

    def rows(self, sql):
        sql = sql.replace("$credential", f"(SELECT id FROM rotation_credential WHERE name = '{self.name}')")
        return self.test.vault.database.query(sql)

    def where(self):
        """The state that the database has of the attempt."""
        found = self.rows("SELECT state FROM rotation_attempt WHERE open AND credential_id = $credential")
        return found[0][0] if found else "retired"

    def settle(self, seconds=90):
        """Until nothing is under way any more; a person helps where only a person can."""
        deadline = time.monotonic() + seconds * harness.SLOWNESS
        while True:
            with contextlib.suppress(OSError):
                info = self.test.vault.get(f"rotation/credentials/{self.name}")
                if info.status == 200 and info.data["state"] == "idle":
                    return
                if info.status == 200 and info.data["state"] == "blocked":
                    self.help(info.data)
            if time.monotonic() > deadline:
                self.test.fail(f"{self.name} is stuck: {self.tell()}")
            time.sleep(0.05)

    def help(self, info):
        lost = self.rotator == "mock-rolled-shown" and info["error_class"] == "lost"
        self.test.assertTrue(lost and not self.person, (self.name, info["error_class"], info["error"]))
        self.person = True
        now = self.entries()[0]
        body = {"action": "import", "password": now.value, "external_id": now.id}
        self.post(204, f"rotation/credentials/{self.name}/acknowledge", body)

    def tell(self):
        return "\n".join(
            f"{e['time']} {e['node']} {e['fence']} {e['version']} {e['state']} {e['error_class']} {e['detail']}"
            for e in self.events()[-25:]
        )

    def judge(self, more=1, creates=2):
        """Settled: exactly one value is current, it works, the target has nothing else, nothing was done twice."""
        self.settle()
        test = self.test
        creds = self.served()
        self.keep(creds)
        if more is not None:
            test.assertEqual(self.first["version"] + more, creds["version"], self.tell())
        test.assertNotEqual(self.first["password"], creds["password"])
        self.look_at_target(creds)
        self.look_at_database(creds)
        made = self.calls("apply") - self.applies
        test.assertLessEqual(made, creates, self.tell())

    def look_at_target(self, creds):
        self.test.assertWhole(self, self.strangers)

    def look_at_database(self, creds):
        # The last one: what a smaller fence wrote after a larger one, as a node that goes on late would.
        found = self.rows(
            "SELECT count(*) FILTER (WHERE state = 'current'),"
            " count(*) FILTER (WHERE state IN ('pending', 'previous')),"
            " (SELECT count(*) FROM rotation_attempt WHERE open AND credential_id = $credential),"
            " (SELECT count(*) FROM rotation_event a JOIN rotation_event b USING (attempt_id)"
            " WHERE a.credential_id = $credential AND a.fence < b.fence AND a.time > b.time)"
            " FROM rotation_value WHERE credential_id = $credential"
        )
        self.test.assertEqual([["1", "0", "0", "0"]], found, self.tell())

    def remove(self):
        self.test.vault.delete(f"rotation/credentials/{self.name}")
        self.test.vault.delete(f"rotation/targets/{self.name}")


def mock(bench, rotator, target=None, **fields):
    more = {"life_s": "600"} if rotator == "mock-mint" else {}
    fields = {"grace": "1s", **fields} if rotator == "mock-mint" else fields
    return Case(bench, bench.new_name("m"), rotator, {**more, **(target or {})}, **fields)


class Roles(Case):
    """A role of a real PostgreSQL, or a pair of them."""

    def __init__(self, test, pair=False, cause="rotate", **fields):
        self.test, self.pair, self.cause = test, pair, cause
        self.rotator = "postgresql"
        self.name = test.new_name("r")
        self.kind = ("pair" if pair else "single") + (", by use" if "retire" in fields else "")
        accounts = [f"{self.name}_a", f"{self.name}_b"] if pair else [self.name]
        for account in accounts:
            test.target.sql(f"CREATE ROLE {account} LOGIN")
        body = {"target": "db", "accounts": accounts, "interval": "1h", "owner": "o", "purpose": "p"}
        grace = "4s" if cause == "rollback" else "1s"
        body.update({"grace": grace} if pair or cause == "rollback" else {})
        self.post(204, f"rotation/credentials/{self.name}", {**body, **fields})

    @property
    def label(self):
        verb = ", rolled back" if self.cause == "rollback" else ""
        return f"`postgresql`, {self.kind}{verb}"

    def begin(self):
        super().begin()
        if self.cause == "rollback":
            self.before = self.first
            self.post(200, f"rotation/credentials/{self.name}/rotate")
            self.first = self.served()
            self.keep(self.first)
        return self

    def calls(self, operation):
        return 0

    def login(self, creds):
        return login(self.test.target.port, creds["username"], creds["password"])

    def look_at_target(self, creds):
        self.test.assertIsNone(self.login(creds), self.tell())
        self.test.assertIn("password authentication failed", self.login(self.first) or "it worked", self.tell())
        if self.cause == "rollback":
            self.test.assertEqual(self.before["password"], creds["password"])
        # A role has one password; the one that idles has none that anybody knows.
        expected = "SELECT count(*) FROM pg_authid WHERE rolname LIKE '" + self.name + "%' AND rolpassword IS NOT NULL"
        self.test.assertEqual([["1"]], self.test.target.sql(expected), self.tell())

    def remove(self):
        self.test.vault.delete(f"rotation/credentials/{self.name}")


class Own(Case):
    """The password that the rotator itself logs in with."""

    label = "`postgresql`, the rotator's own"
    rotator = "postgresql"

    def __init__(self, test):
        self.test = test
        self.name = test.new_name("own")
        self.post_key()
        test.target.sql(f"CREATE ROLE {self.name} LOGIN CREATEROLE PASSWORD 'begin'")
        test.target.sql(f"CREATE ROLE {self.name}_witness LOGIN")
        settings = {**test.target.settings, "port": test.proxy.port, "username": self.name, "password": "begin"}
        self.post(204, f"rotation/targets/{self.name}", {**settings, "timeout": "3s"})

    def post_key(self):
        reply = self.test.vault.post("rotation/recovery-key", {"shares": 1, "threshold": 1})
        self.test.assertIn(reply.status, (200, 409), reply)

    def begin(self):
        self.version = self.state()["password_version"]
        self.settled = None
        return self

    def state(self):
        return self.test.assertStatus(200, self.test.vault.get(f"rotation/targets/{self.name}")).data

    def ask(self, node=None):
        with contextlib.suppress(OSError):
            node = node or self.test.vault.node
            path = f"rotation/targets/{self.name}/rotate"
            reply = node.request("POST", path, {"timeout": "0s"}, self.test.vault.token, timeout=2)
            self.test.assertIn(reply.status, (200, 503), reply)

    def where(self):
        found = self.test.vault.database.query(
            "SELECT o.state FROM rotation_target_change o JOIN rotation_target t ON t.id = o.target_id"
            f" WHERE o.open AND t.name = '{self.name}'"
        )
        return found[0][0] if found else "promoted"

    def tell(self):
        return str(self.state())

    def wait_settled(self):
        def settled():
            with contextlib.suppress(OSError):
                reply = self.test.vault.get(f"rotation/targets/{self.name}")
                rotation = reply.data["rotation"] if reply.status == 200 else None
                return rotation is not None and rotation["state"] == "promoted"

        self.test.wait_for(settled, 90, self.tell)

    def judge(self, more=1, creates=2):
        test = self.test
        self.wait_settled()
        test.assertEqual(self.version + more, self.state()["password_version"])
        check = test.vault.post(f"rotation/targets/{self.name}/check", {"account": f"{self.name}_witness"})
        test.assertTrue(test.assertStatus(200, check).data["ok"], check)
        test.assertIsNotNone(login(test.target.port, self.name, "begin"))
        kept = "SELECT count(*) FROM rotation_target_change WHERE open OR ciphertext IS NOT NULL"
        left = test.vault.database.query(kept)
        test.assertEqual([["0"]], left)
        self.look_at_target()

    def look_at_target(self):
        """Once it has settled nobody touches the role again, not even to set what it has already."""
        now = self.test.target.sql(f"SELECT xmin, rolpassword FROM pg_authid WHERE rolname = '{self.name}'")
        self.settled = self.settled or now
        self.test.assertEqual(self.settled, now, self.tell())

    def remove(self):
        self.test.vault.delete(f"rotation/targets/{self.name}")
