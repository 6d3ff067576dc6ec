# SPDX-License-Identifier: ISC
"""Being told of a new value: long polls and streams of events, and whom the end of a value waits for."""

import contextlib
import http.client
import json
import os
import queue
import resource
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from datetime import datetime

import harness
import prometheus

CONFIG = "rotation {\n  min_interval_s = 1\n}\n"
WAKE_S = 0.3  # after the promotion
READ_ALL = """
path "rotation/creds/*" { capabilities = ["read"] }
path "rotation/credentials/*" { capabilities = ["read"] }
path "rotation/events" { capabilities = ["read"] }
"""


class Stream:
    """Server-sent events, read on a thread: (id, event, data) each; None when the stream has ended."""

    def __init__(self, node, token, query="", headers=None, path="rotation/events"):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
        self.connection.request("GET", f"/v1/{path}{query}", headers={"X-Vault-Token": token, **(headers or {})})
        self.socket = self.connection.sock  # which the connection lets go of: the answer ends with it
        self.reply = self.connection.getresponse()
        self.events = queue.Queue()
        self.last_id = None
        self.raw = b""
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        fields = {}
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while line := self.reply.readline():
                self.raw += line
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                    continue
                self.last_id = fields.get("id", self.last_id)
                if "data" in fields:
                    self.events.put((int(fields["id"]), fields["event"], json.loads(fields["data"])["data"]))
                fields = {}
        self.events.put(None)

    def next(self, seconds=20):
        return self.events.get(timeout=seconds * harness.SLOWNESS)

    def next_named(self, event, credential):
        while found := self.next():
            if found[1] == event and found[2]["credential"] == credential:
                return found
        raise AssertionError("the stream has ended")

    def ended(self, seconds=20):
        while self.next(seconds) is not None:
            pass
        return True

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.reply.close()
        self.connection.close()


class Base(harness.VaultTest):
    config = CONFIG
    node_count = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folders = []
        for mount in ("rotation", "other"):
            cls.make_mount(mount)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for folder in cls.folders:
            shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    def make_mount(cls, mount):
        folder = tempfile.mkdtemp(prefix="rotunda-feed.")
        os.chmod(folder, 0o777)
        cls.folders.append(folder)
        assert cls.vault.post(f"sys/mounts/{mount}", {"type": "rotation"}).status == 204
        body = {"rotator": "mock-slots", "state_dir": folder, "username": "u", "password": "p", "timeout": "2s"}
        reply = cls.vault.post(f"{mount}/targets/t", body)
        assert reply.status == 204, reply

    def wait_for(self, what, seconds=20):
        deadline = time.monotonic() + seconds * harness.SLOWNESS
        while time.monotonic() < deadline:
            if found := what():
                return found
            time.sleep(0.02)
        return self.fail("waited in vain")

    def put(self, name, mount="rotation", **more):
        body = {"target": "t", "account": name, "interval": "1h", "grace": "1s", "owner": "o", "purpose": "p", **more}
        self.assertStatus(204, self.vault.post(f"{mount}/credentials/{name}", body))
        self.wait_for(lambda: self.vault.get(f"{mount}/creds/{name}").status == 200)
        self.wait_idle(name, mount)
        self.wait_for(lambda: self.vault.database.query("SELECT 1 FROM rotation_notice WHERE NOT spread") == [])
        return name

    def credential(self, name, mount="rotation"):
        return self.assertStatus(200, self.vault.get(f"{mount}/credentials/{name}")).data

    def wait_idle(self, name, mount="rotation", seconds=20):
        self.wait_for(lambda: self.credential(name, mount)["state"] == "idle", seconds)

    def version(self, name):
        return self.assertStatus(200, self.vault.get(f"rotation/creds/{name}")).data["version"]

    def rotate(self, name, mount="rotation", node=None):
        """The moment by which that was answered."""
        request = {"timeout": "20s"}
        reply = (node or self.vault.node).request("POST", f"{mount}/credentials/{name}/rotate", request, self.vault.token)
        self.assertIn(self.assertStatus(200, reply).data["state"], ("promoted", "draining", "retired"))
        return time.monotonic()

    def poll(self, name, version, wait="20s", node=None, token=None):
        """A long poll on a thread: calls that return its answer, with the moment that it came."""
        result = []

        def ask():
            path = f"rotation/creds/{name}?wait={wait}&version={version}"
            reply = (node or self.vault.node).request("GET", path, token=token or self.vault.token, timeout=60)
            result.append((reply, time.time()))

        thread = threading.Thread(target=ask)
        thread.start()

        def join():
            thread.join(60)
            return result[0]

        return join

    def stream(self, query="", **more):
        stream = Stream(more.pop("node", self.vault.node), more.pop("token", self.vault.token), query, **more)
        self.addCleanup(stream.close)
        return stream

    def audited(self, path, more="true"):
        sql = f"SELECT result, detail FROM audit_record WHERE path = '{path}' AND {more} ORDER BY time, seq"
        return self.vault.database.query(sql)


class LongPollTests:
    def test_another_version_is_answered_at_once(self):
        name = self.put("at-once")
        began = time.monotonic()
        reply, _ = self.poll(name, 0)()
        self.assertEqual(self.version(name), self.assertStatus(200, reply).data["version"])
        self.assertLess(time.monotonic() - began, 5 * harness.SLOWNESS)

    def test_a_promotion_on_any_node_wakes_who_waits_on_any_node(self):
        name = self.put("woken")
        for there in self.vault.nodes:
            version = self.version(name)
            polls = [self.poll(name, version, node=node) for node in self.vault.nodes]
            time.sleep(0.5)
            self.rotate(name, node=there)
            for poll in polls:
                reply, came = poll()
                self.assertEqual(version + 1, self.assertStatus(200, reply).data["version"])
                self.assertLess(came - moment(reply.data["last_rotation"]), (WAKE_S + 0.2) * harness.SLOWNESS)
            self.wait_idle(name)

    def test_the_same_version_is_answered_when_the_time_is_over_and_recorded_once(self):
        name = self.put("patient")
        version = self.version(name)
        before = len(self.audited(f"rotation/creds/{name}"))
        began = time.time()
        reply, came = self.poll(name, version, "1s")()
        self.assertEqual(version, self.assertStatus(200, reply).data["version"])
        self.assertGreater(came - began, 0.9)
        self.assertEqual(before + 1, len(self.audited(f"rotation/creds/{name}")))

    def test_an_imported_value_wakes_too(self):
        name = self.put("imported")
        value = self.assertStatus(200, self.vault.get(f"rotation/creds/{name}")).data
        poll = self.poll(name, value["version"])
        time.sleep(0.3)
        reply = self.vault.post(f"rotation/credentials/{name}/import", {"password": value["password"]})
        self.assertIn(reply.status, (200, 204), reply)
        reply, _ = poll()
        self.assertEqual(value["version"] + 1, self.assertStatus(200, reply).data["version"])

    def test_who_has_lost_the_right_to_read_gets_nothing(self):
        name = self.put("lost")
        version = self.version(name)
        revoked = self.vault.token_with(READ_ALL, "revoked")
        barred = self.vault.token_with(READ_ALL, "barred")
        polls = [self.poll(name, version, token=token) for token in (revoked, barred)]
        time.sleep(0.4)
        self.assertStatus(204, self.vault.post("auth/token/revoke", {"token": revoked}))
        self.assertStatus(204, self.vault.put("sys/policies/acl/barred", {"policy": 'path "x" { capabilities = ["read"] }'}))
        self.rotate(name)
        for poll in polls:
            reply, _ = poll()
            self.assertStatus(403, reply)
        self.assertEqual(2, len(self.audited(f"rotation/creds/{name}", "result = 403")))

    def test_a_token_of_one_use_may_wait_although_policies_change(self):
        name = self.put("single-use")
        version = self.version(name)
        self.vault.token_with(READ_ALL, "few")
        reply = self.vault.post("auth/token/create", {"policies": ["few"], "num_uses": 1})
        token = self.assertStatus(200, reply).json["auth"]["client_token"]
        poll = self.poll(name, version, token=token)
        time.sleep(0.4)
        self.vault.token_with(READ_ALL, "of-others")
        self.rotate(name)
        self.assertStatus(200, poll()[0])
        self.assertStatus(403, self.vault.get(f"rotation/creds/{name}", token=token))

    def test_what_is_removed_is_told(self):
        name = self.put("removed")
        poll = self.poll(name, self.version(name), "3s")
        time.sleep(0.3)
        self.assertStatus(204, self.vault.delete(f"rotation/credentials/{name}"))
        self.assertStatus(404, poll()[0])

    def test_bad_polls(self):
        name = self.put("asked")
        for query, what in (
            ("wait=abc&version=1", "wait: expected a duration of at most 60s"),
            ("wait=10h&version=1", "wait: expected a duration of at most 60s"),
            ("wait=-1s&version=1", "wait: "),
            ("wait=61s&version=1", "wait: "),
            ("wait=30s", "version: wait takes the number"),
            ("wait=30s&version=previous", "version: wait takes the number"),
            ("wait=30s&version=x", "version: "),
            ("wait=30s&version=-1", "version: "),
            ("wait=30s&version=99999999999999999999", "version: "),
            ("version=3", "version: expected current or previous; a number goes with wait"),
        ):
            reply = self.assertStatus(400, self.vault.get(f"rotation/creds/{name}?{query}"))
            self.assertTrue(reply.errors[0].startswith(what), (query, reply))
        self.assertStatus(404, self.vault.get("rotation/creds/nobody?wait=5s&version=1"))
        self.assertStatus(403, self.vault.get(f"rotation/creds/{name}?wait=5s&version=1", token="no-such-token"))

    def test_the_client_of_the_documentation_follows_a_credential(self):
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "rotation.md"), encoding="utf-8") as f:
            source = f.read().split("```python\n")[1].split("```")[0]
        names = {}
        exec(source, names)  # pylint: disable=exec-used
        name = self.put("documented")
        seen = []
        rotator = threading.Thread(target=lambda: (time.sleep(0.5), self.rotate(name)))
        rotator.start()
        address = f"http://127.0.0.1:{self.vault.nodes[1].port}"
        names["follow"](name, lambda user, password: seen.append((user, password)) or len(seen) < 2, address, self.vault.token)
        rotator.join()
        self.assertEqual([name, name], [user for user, _ in seen])
        self.assertNotEqual(seen[0][1], seen[1][1])

    def test_who_leaves_is_forgotten_at_once(self):
        name = self.put("left")
        version = self.version(name)
        with socket.create_connection(("127.0.0.1", self.vault.node.port)) as client:
            request = f"GET /v1/rotation/creds/{name}?wait=50s&version={version} HTTP/1.1\r\nHost: v\r\n"
            client.sendall(f"{request}X-Vault-Token: {self.vault.token}\r\n\r\n".encode())
            time.sleep(0.4)
        self.wait_for(lambda: self.audited(f"rotation/creds/{name}", "result = 503"), 5)


class EventsTests:
    def counted(self):
        families = prometheus.parse(self.assertStatus(200, self.vault.get("sys/metrics")).text)
        return [sum(families[f"rotunda_rotation_{what}"].samples.values()) for what in ("waiters", "event_streams")]

    def test_who_waits_is_counted(self):
        name = self.put("counted")
        self.wait_for(lambda: self.counted() == [0, 0])
        stream = self.stream(f"?credentials={name}")
        answered = self.poll(name, self.version(name), wait="2s")
        self.wait_for(lambda: self.counted() == [1, 1])
        answered()
        stream.close()
        self.wait_for(lambda: self.counted() == [0, 0])

    def test_what_happens_is_streamed_in_order_and_without_values(self):
        name = self.put("streamed")
        here, there = (self.stream(f"?credentials={name}", node=node) for node in self.vault.nodes)
        self.assertEqual(("text/event-stream", "no-store"), (here.reply.getheader("Content-Type"), here.reply.getheader("Cache-Control")))
        promoted = self.rotate(name)
        password = self.assertStatus(200, self.vault.get(f"rotation/creds/{name}")).data["password"]
        for stream in (here, there):
            first = stream.next_named("rotated", name)
            self.assertLess(time.monotonic() - promoted, 2 * harness.SLOWNESS)
            second = stream.next_named("retired", name)
            self.assertLess(first[0], second[0])
            self.assertEqual((name, "t", "rotation/", "o"), tuple(first[2][key] for key in ("credential", "target", "mount", "owner")))
            self.assertNotIn(password.encode(), stream.raw)
        self.assertEqual(here.raw.split(b"event: ", 1)[1], there.raw.split(b"event: ", 1)[1])
        here.close()
        self.wait_for(lambda: self.audited("rotation/events", "detail LIKE '%the client has gone%'"))
        begun = self.audited("rotation/events", "detail LIKE '%the stream begins%'")
        self.assertGreaterEqual(len(begun), 2)

    def test_only_what_the_caller_may_read_and_of_this_mount_only(self):
        for name, mount in (("seen", "rotation"), ("hidden", "rotation"), ("seen", "other")):
            self.put(name, mount)
        token = self.vault.token_with(
            'path "rotation/events" { capabilities = ["read"] }\n'
            'path "rotation/credentials/seen" { capabilities = ["read"] }\n',
            "some",
        )
        stream = self.stream(token=token)
        for name, mount in (("hidden", "rotation"), ("seen", "other"), ("seen", "rotation")):
            self.rotate(name, mount)
        found = stream.next()
        self.assertEqual(("rotated", "seen", "rotation/"), (found[1], found[2]["credential"], found[2]["mount"]))
        self.assertNotIn(b"hidden", stream.raw)
        self.assertNotIn(b"other", stream.raw)
        # A policy that is given meanwhile holds from then on.
        self.vault.token_with(READ_ALL, "some")
        self.wait_idle("hidden")
        self.rotate("hidden")
        stream.next_named("rotated", "hidden")
        self.assertStatus(403, self.vault.get("rotation/events", token=self.vault.token_with('path "x" { capabilities = ["read"] }', "none")))

    def test_who_comes_back_misses_nothing_and_gets_nothing_twice(self):
        names = [self.put(f"again-{i}") for i in range(3)]
        node = self.vault.nodes[1]
        first = self.stream("?credentials=again-*", node=node)
        self.rotate(names[0])
        seen = [first.next_named("rotated", names[0])]
        node.stop()
        self.assertTrue(first.ended())
        for name in names[1:]:
            self.rotate(name)
        self.vault.restart(node)
        second = self.stream("?credentials=again-*&since=0", node=node, headers={"Last-Event-ID": first.last_id})
        while {event[2]["credential"] for event in seen if event[1] == "retired"} != set(names):
            seen.append(second.next())
        ids = [event[0] for event in seen]
        self.assertEqual(sorted(set(ids)), ids)
        whole = self.stream(f"?credentials=again-*&since={ids[0] - 1}")
        self.assertEqual(seen, [whole.next() for _ in seen])

    def test_a_stream_ends_with_its_token_and_with_sealing(self):
        token = self.vault.token_with(READ_ALL, "ends")
        node = self.vault.nodes[1]
        name = self.put("ends")
        stream = self.stream("?credentials=ends", token=token)
        sealed = self.stream(node=node)
        poll = self.poll(name, self.version(name), node=node)
        time.sleep(0.4)
        began = time.monotonic()
        self.assertStatus(204, node.request("PUT", "sys/seal", token=self.vault.token))
        self.assertLess(time.monotonic() - began, 3 * harness.SLOWNESS)
        self.assertTrue(sealed.ended(5))
        self.assertStatus(503, poll()[0])
        self.vault.unseal(node)
        self.assertStatus(204, self.vault.post("auth/token/revoke", {"token": token}))
        self.rotate(name)
        self.assertTrue(stream.ended(12))
        self.assertNotIn(b"rotated", stream.raw)

    def test_a_graceful_stop_ends_all_at_once(self):
        name = self.put("stopped")
        node = self.vault.nodes[1]
        version = self.version(name)
        stream = self.stream(node=node)
        poll = self.poll(name, version, node=node)
        time.sleep(0.4)
        began = time.monotonic()
        self.assertEqual(0, node.stop())
        self.assertLess(time.monotonic() - began, 4 * harness.SLOWNESS)
        self.assertTrue(stream.ended(1))
        self.assertStatus(503, poll()[0])
        self.vault.restart(node)

    def test_bad_streams(self):
        for query, what in (
            ("since=garbage", "since: expected the id of an event"),
            ("since=-1", "since: "),
            ("since=99999999999999999999", "since: "),
            ("credentials=" + "a" * 2000, "credentials: expected a name"),
            ("credentials=a%20b", "credentials: "),
            ("credentials=..%2F*", "credentials: "),
        ):
            reply = self.vault.get(f"rotation/events?{query}")
            self.assertIn(reply.status, (400, 414), reply)
            if reply.errors:
                self.assertTrue(reply.errors[0].startswith(what), (query, reply))
        reply = self.vault.get("rotation/events", headers={"Last-Event-ID": "x"})
        self.assertTrue(self.assertStatus(400, reply).errors[0].startswith("Last-Event-ID: "))
        self.assertStatus(200, self.vault.request("HEAD", "rotation/events"))

    def test_an_id_of_another_vault_begins_with_what_comes(self):
        name = self.put("future")
        stream = self.stream("?since=999999999999")
        self.rotate(name)
        stream.next_named("rotated", name)


class WatchTests:
    def rotunda(self, *words, **more):
        environment = {**os.environ, "ROTUNDA_ADDR": f"http://127.0.0.1:{self.vault.nodes[1].port}", "ROTUNDA_TOKEN": self.vault.token}
        return subprocess.Popen([harness.PROGRAM, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def test_creds_waits_for_another_version(self):
        name = self.put("cli-poll")
        version = self.version(name)
        waiting = self.rotunda("rotation", "creds", "-wait=20s", f"-version={version}", "-field=version", name)
        time.sleep(0.6)
        self.rotate(name)
        out, err = waiting.communicate(timeout=30)
        self.assertEqual((0, str(version + 1)), (waiting.returncode, out.strip()), err)
        refused = self.rotunda("rotation", "creds", "-wait=20s", name)
        self.assertIn("version", refused.communicate(timeout=30)[1])
        self.assertNotEqual(0, refused.returncode)

    def test_watch_tells_each_event_and_comes_back_after_a_restart(self):
        name = self.put("cli-watch")
        node = self.vault.nodes[1]
        before = len(self.audited("rotation/events"))
        watching = self.rotunda("rotation", "watch", "-credentials=cli-w*")
        self.addCleanup(watching.stderr.close)
        self.addCleanup(watching.stdout.close)
        self.addCleanup(watching.wait)
        lines = queue.Queue()
        reader = threading.Thread(target=lambda: [lines.put(line) for line in watching.stdout])
        reader.start()
        self.addCleanup(reader.join)
        self.addCleanup(watching.kill)
        self.wait_for(lambda: len(self.audited("rotation/events")) > before)
        time.sleep(0.3)
        self.rotate(name)
        self.assertRegex(lines.get(timeout=20), rf"^\S+Z +rotated +{name} +version 2")
        self.assertRegex(lines.get(timeout=20), rf"retired +{name}")
        node.stop()
        self.wait_idle(name)
        self.rotate(name)
        self.vault.restart(node)
        self.assertRegex(lines.get(timeout=30), rf"rotated +{name} +version 3")
        self.assertIsNone(watching.poll())


class RetireTests:
    def test_who_holds_the_value_is_named_until_it_reads_the_next_one(self):
        name = self.put("held", retire="use", retire_quiet="1s", retire_max="30m")
        holder = self.vault.token_with(READ_ALL, "holder")
        gone = self.vault.token_with(READ_ALL, "gone")
        for token in (holder, gone):
            self.assertStatus(200, self.vault.get(f"rotation/creds/{name}", token=token))
        accessor = self.vault.get("auth/token/lookup-self", token=holder)
        accessor = self.vault.post("auth/token/lookup", {"token": holder}).data["accessor"] if accessor.status != 200 else accessor.data["accessor"]
        self.rotate(name)
        self.version(name)  # whoever reads the next one isn't waited for: root
        self.assertStatus(204, self.vault.post("auth/token/revoke", {"token": gone}))

        def waits():
            data = self.credential(name)
            return data if [r["accessor"] for r in data["retirement_waits_for"]] == [accessor] and data["error"] else None

        data = self.wait_for(waits)
        self.assertEqual(("draining", "in_use"), (data["state"], data["error_class"]))
        self.assertTrue(data["retirement_waits_for"][0]["remote"].startswith("127.0.0.1:"))
        waiting = self.assertStatus(200, self.vault.get("rotation/status")).data["retirements"]
        self.assertEqual([name], [w["name"] for w in waiting])
        self.assertEqual([accessor], [r["accessor"] for r in waiting[0]["waits_for"]])
        self.assertStatus(200, self.vault.get(f"rotation/creds/{name}?version=previous"))
        self.assertStatus(200, self.vault.get(f"rotation/creds/{name}", token=holder))
        self.wait_idle(name, seconds=30)
        self.assertEqual([], self.vault.get("rotation/status").data["retirements"])

    def test_reading_again_costs_no_write(self):
        name = self.put("again", retire="use", retire_quiet="1s", retire_max="30m")
        for _ in range(50):
            self.version(name)
        rows = self.vault.database.query(
            "SELECT sum(reads) FROM rotation_read r JOIN rotation_credential c ON c.id = r.credential_id WHERE c.name = 'again'"
        )
        self.assertLessEqual(int(rows[0][0]), self.workers)


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def processor_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


class ManyTests:
    def test_many_that_wait_cost_little_and_are_woken_together(self):
        count = 5000 if os.environ.get("ROTUNDA_TEST_SCALE") == "full" else 1000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < count + 200:
            self.skipTest("too few files may be open")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
        name = self.put("many")
        version = self.version(name)
        node = self.vault.nodes[1]
        pid = node.process.pid
        request = f"GET /v1/rotation/creds/{name}?wait=60s&version={version} HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {self.vault.token}\r\n\r\n"
        before_kib = resident_kib(pid)
        clients = []
        self.addCleanup(lambda: [c.close() for c in clients])
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", node.port))
            client.sendall(request.encode())
            clients.append(client)
        time.sleep(1)
        each_kib = (resident_kib(pid) - before_kib) / count
        began_s = processor_s(pid)
        time.sleep(2)
        idle = (processor_s(pid) - began_s) / 2
        self.rotate(name)
        times = []
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client, selectors.EVENT_READ)
            while len(times) < count and (ready := selector.select(30)):
                for key, _ in ready:
                    answer = key.fileobj.recv(65536)
                    self.assertIn(b"200 OK", answer)
                    times.append(time.time())
                    selector.unregister(key.fileobj)
        self.assertEqual(count, len(times))
        promoted = moment(json.loads(answer.split(b"\r\n\r\n", 1)[1])["data"]["last_rotation"])
        times = [t - promoted for t in times]
        print(f"{count} long polls: {each_kib:.0f} KiB each, {idle * 100:.1f} % of a core while they wait, ", end="")
        print(f"answered {times[0] * 1000:.0f} to {times[-1] * 1000:.0f} ms after the promotion")
        if harness.SLOWNESS == 1:
            self.assertLess(each_kib, 100)
            self.assertLess(idle, 0.1)
            self.assertLess(times[-1], WAKE_S + 0.5 + count / 2000)


class FeedTest(LongPollTests, EventsTests, WatchTests, RetireTests, ManyTests, Base):
    pass


if __name__ == "__main__":
    unittest.main()
