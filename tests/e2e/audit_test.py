# SPDX-License-Identifier: ISC
"""The audit log from outside: records, exports, verification, sinks, succession of keys."""

import csv
import io
import json
import os
import resource
import subprocess
import threading
import time
import unittest

import harness


def verify(*args):
    """`rotunda audit verify`: exit code and the result."""
    done = subprocess.run(
        [harness.PROGRAM, "audit", "verify", *args, "-format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


MEMORY_BYTES = 200 * 1024 * 1024  # of address space: the program, its libraries and little else


def verify_with_little_memory(*args):
    """The same, of an export that somebody made to hurt."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    done = subprocess.run(
        [harness.PROGRAM, "audit", "verify", *args, "-format", "json"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=None if harness.SANITIZED else limit,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


class AuditTest(harness.VaultTest):
    def verify_database(self, *args):
        return verify("-database", self.vault.database.conninfo, *args)

    def export(self, query=""):
        return self.assertStatus(200, self.vault.get("sys/audit/export" + query)).text

    def save(self, text, name):
        path = os.path.join(self.vault.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        return path

    def test_every_request_is_recorded_with_who_and_what(self):
        self.vault.get("sys/mounts")
        reply = self.assertStatus(200, self.vault.get("sys/audit/records?path=sys/mounts&limit=1"))
        record = reply.data["records"][0]
        self.assertEqual("sys/mounts", record["path"])
        self.assertEqual("root", record["actor"])
        self.assertEqual("read", record["operation"])
        self.assertEqual(200, record["result"])

    def test_refused_requests_are_recorded_and_found_by_result(self):
        self.vault.get("sys/mounts", token="hvs.wrong")
        reply = self.vault.get("sys/audit/records?result=denied&limit=1")
        self.assertEqual(403, reply.data["records"][0]["result"])
        self.assertEqual("", reply.data["records"][0]["actor"])

    def test_what_cannot_be_read_is_found_by_the_operation_that_it_would_have_been(self):
        asked = {
            ("POST", ""): "update",
            ("PUT", ""): "update",
            ("PATCH", ""): "patch",
            ("DELETE", ""): "delete",
            ("GET", ""): "read",
            ("GET", "?list=true"): "list",
            ("LIST", ""): "list",
            ("GET", "?scan=true"): "scan",
            ("SCAN", ""): "scan",
        }
        for i, ((method, query), operation) in enumerate(asked.items()):
            path = f"secret/data/unread-{i}"
            headers = {"Content-Type": "application/merge-patch+json"}
            self.assertStatus(400, self.vault.request(method, path + query, b"{broken", headers=headers))
            found = self.vault.get(f"sys/audit/records?path={path}&operation={operation}")
            self.assertEqual([path], [r["path"] for r in found.data["records"]], (method, query))
        self.vault.post("sys/health", b"{broken")  # refused before anybody looks whether it is open
        found = self.vault.get("sys/audit/records?path=sys/health&operation=update&limit=1")
        self.assertEqual(400, found.data["records"][0]["result"])

    def test_pages_join_without_gap_or_repeat(self):
        for i in range(12):
            self.vault.get(f"sys/nothing-{i}")
        seen = []
        after = ""
        while True:
            reply = self.assertStatus(
                200, self.vault.get(f"sys/audit/records?path=sys/nothing-&limit=5{after}")
            )
            seen += [r["path"] for r in reply.data["records"]]
            if reply.data["next"] is None:
                break
            after = "&after=" + reply.data["next"]
        self.assertEqual([f"sys/nothing-{i}" for i in reversed(range(12))], seen)

    def test_bad_filters_are_refused(self):
        for query in ("limit=0", "limit=x", "from=yesterday", "result=fine", "after=1", "request_id=x"):
            self.assertStatus(400, self.vault.get("sys/audit/records?" + query))
        self.assertStatus(400, self.vault.get("sys/audit/export?format=xml"))

    def test_reading_the_log_needs_sudo(self):
        token = self.vault.token_with('path "sys/audit/*" { capabilities = ["read", "update"] }', "nosudo")
        for path in ("sys/audit/records", "sys/audit/export", "sys/audit/keys"):
            self.assertStatus(403, self.vault.get(path, token=token))
        self.assertStatus(403, self.vault.post("sys/audit/rotate-key", token=token))
        auditor = self.vault.token_with('path "sys/audit/*" { capabilities = ["read", "sudo"] }', "auditor")
        self.assertStatus(200, self.vault.get("sys/audit/records", token=auditor))

    def test_the_log_verifies_and_so_does_its_export(self):
        self.vault.get("sys/mounts")
        code, found = self.verify_database()
        self.assertEqual((0, []), (code, found["problems"]))
        keys = self.vault.get("sys/audit/keys").data["keys"]
        self.assertEqual(keys[0]["public_key"], found["first_key"])
        code, offline = verify("-export", self.save(self.export(), "all.jsonl"))
        self.assertEqual((0, []), (code, offline["problems"]))
        self.assertGreaterEqual(offline["records"], found["records"])
        self.assertEqual(0, self.verify_database("-public-key", found["first_key"])[0])
        self.assertEqual(3, self.verify_database("-public-key", "00" * 32)[0])

    def test_an_altered_export_is_found_out(self):
        text = self.export()
        lines = text.splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if '"type":"record"' in line)
        altered = lines[:at] + [lines[at].replace('"result":', '"result":1')] + lines[at + 1 :]
        code, found = verify("-export", self.save("".join(altered), "altered.jsonl"))
        self.assertEqual(3, code)
        self.assertEqual("the record was altered", found["problems"][0]["what"])
        self.assertEqual(1, verify("-export", self.save("".join(lines[:-1]), "cut.jsonl"))[0])

    def test_what_was_found_counts_though_the_rest_cannot_be_judged(self):
        self.vault.get("sys/mounts")
        lines = self.export().splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if '"type":"record"' in line)
        removed = self.save("".join(lines[:at] + lines[at + 1 :]), "removed.jsonl")
        code, found = verify("-export", removed)
        self.assertEqual((3, False), (code, found["genuine"]))
        self.assertGreater(found["problem_count"], 0)
        done = subprocess.run(
            [harness.PROGRAM, "audit", "verify", "-export", removed], capture_output=True, text=True, check=False
        )
        self.assertEqual(3, done.returncode)
        self.assertIn(f"{found['problem_count']} problems were found.", done.stdout)
        self.assertIn(f"line {len(lines) - 1}: the number of lines isn't what its last line says", done.stderr)
        altered = lines[at].replace('"result":', '"result":1')
        cut = self.save("".join(lines[:at] + [altered] + lines[at + 1 : -1]), "cut.jsonl")
        code, found = verify("-export", cut)
        self.assertEqual(3, code)
        self.assertEqual("the record was altered", found["problems"][0]["what"])
        code, found = verify("-export", self.save("".join(lines), "all.jsonl"), "-against", "/nowhere")
        self.assertEqual(1, code)
        self.assertIn("/nowhere", found)

    def test_a_number_in_an_export_takes_no_memory(self):
        lines = self.export().splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if '"type":"chain"' in line)
        number = 1 << 24
        claim = {"type": "claim", "chain": 1, "seq": 0, "head": "00" * 32, "closed": False, "dropped": False}
        lines[at + 1 : at + 1] = [json.dumps({**claim, "checkpoint": number}) + "\n"]
        end = json.loads(lines[-1])
        lines[-1] = json.dumps({**end, "lines": end["lines"] + 1}) + "\n"
        path = self.save("".join(lines), "number.jsonl")
        code, found = verify_with_little_memory("-export", path)
        self.assertEqual(3, code, found)
        self.assertLess(found["problem_count"], 10)
        removed = {"what": "the checkpoint was removed", "checkpoint": number}
        self.assertIn(removed, found["problems"])

    def test_an_endless_line_is_refused_where_it_stands(self):
        path = self.save(self.export().splitlines(keepends=True)[0], "endless.jsonl")
        os.truncate(path, 1 << 30)
        code, text = verify_with_little_memory("-export", path)
        self.assertEqual(1, code)
        self.assertIn("line 2: the line is too long", text)
        os.truncate(path, 0)
        os.truncate(path, 1 << 30)
        code, text = verify_with_little_memory("-export", self.save(self.export(), "all.jsonl"), "-against", path)
        self.assertEqual(1, code)
        self.assertIn("the line is too long", text)

    def test_part_of_the_log_verifies_too(self):
        self.vault.get("sys/mounts")
        newest = self.vault.get("sys/audit/records?limit=1").data["records"][0]["time"]
        self.vault.get("sys/mounts")
        code, found = verify("-export", self.save(self.export("?from=" + newest), "part.jsonl"))
        self.assertEqual((0, []), (code, found["problems"]))
        self.assertLess(found["records"], 20)
        code, text = verify("-export", self.save(self.export("?actor=root"), "picked.jsonl"))
        self.assertEqual(1, code)
        self.assertIn("picked", text)

    def test_csv_has_one_row_for_each_record(self):
        self.vault.get("sys/csv-marker")
        rows = list(csv.DictReader(io.StringIO(self.export("?format=csv&path=sys/csv-"), newline="")))
        self.assertEqual(["sys/csv-marker"], [row["path"] for row in rows])
        self.assertEqual("404", rows[0]["result"])

    def test_an_export_is_recorded_before_it_leaves(self):
        self.export()
        records = self.vault.get("sys/audit/records?path=sys/audit/export&limit=2").data["records"]
        self.assertEqual(records[0]["request_id"], records[1]["request_id"])
        self.assertIn("begins", records[1]["detail"])

    def test_no_request_fails_while_keys_are_succeeded(self):
        failed = []
        stop = threading.Event()

        def read():
            while not stop.is_set():
                reply = self.vault.get("sys/mounts")
                if reply.status != 200:
                    failed.append(reply)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for _ in range(3):
            self.assertStatus(200, self.vault.post("sys/audit/rotate-key"))
            time.sleep(0.3)
        stop.set()
        for reader in readers:
            reader.join()
        self.assertEqual([], failed)
        code, found = self.verify_database()
        self.assertEqual((0, []), (code, found["problems"]))
        self.assertGreaterEqual(found["keys"], 4)
        self.assertEqual(
            [["1"]], self.vault.database.query("SELECT count(*) FROM audit_key WHERE wrapped_private IS NOT NULL")
        )

    def test_the_log_hashes_values_the_same_way_when_asked(self):
        self.vault.put("sys/policies/acl/hashed", {"policy": "# a value that is longer than a few octets"})
        detail = self.vault.get("sys/audit/records?path=sys/policies/acl/hashed&limit=1").data["records"][0]["detail"]
        named = json.loads(detail)["request"]["policy"]
        body = {"input": "# a value that is longer than a few octets", "field": "policy"}
        reply = self.assertStatus(200, self.vault.post("sys/audit-hash/file", body))
        self.assertEqual(named, reply.data["hash"])
        self.assertStatus(400, self.vault.post("sys/audit-hash/file", {"input": "x", "field": ""}))
        # What clients ask that know no fields: how a token is named where requests are about it.
        token = self.vault.post("auth/token/create", {}).json["auth"]["client_token"]
        self.assertStatus(200, self.vault.post("auth/token/lookup", {"token": token}))
        found = self.assertStatus(200, self.vault.post("sys/audit-hash/any", {"input": token})).data["hash"]
        where = f"path = 'auth/token/lookup' AND detail::json->'request'->>'token' = '{found}'"
        self.assertEqual([["1"]], self.vault.database.query(f"SELECT count(*) FROM audit_record WHERE {where}"))
        codes = {self.vault.post("sys/audit-hash/file", body).status for _ in range(40)}
        self.assertIn(429, codes)


class TokenInPathTest(harness.VaultTest):
    """Old clients name a token in the path. Nothing answers there, and nothing keeps it."""

    def test_a_token_in_a_path_is_shown_as_its_hash_wherever_the_path_goes(self):
        mount = {"type": "kv", "options": {"version": "2"}}
        self.assertStatus(204, self.vault.post("sys/mounts/secret", mount))
        options = {"type": "file", "options": {"file_path": "paths.jsonl"}}
        self.assertStatus(204, self.vault.post("sys/audit/paths", options))
        token = self.vault.post("auth/token/create", {}).json["auth"]["client_token"]
        chosen = {"id": "a-token-of-ones-own"}
        self.assertStatus(200, self.vault.post("auth/token/create", chosen))
        for name in ("lookup", "renew", "revoke", "revoke-orphan"):
            for method in ("GET", "POST"):
                for text in (token, chosen["id"], "short"):
                    self.assertStatus(404, self.vault.request(method, f"auth/token/{name}/{text}"))
        self.vault.get(f"secret/data/{token}")
        self.vault.post(f"sys/nothing/%22{token}%22/x", b"{broken")
        self.assertStatus(200, self.vault.post(f"secret/data/{token}", {"data": {"k": "v"}}))
        self.assertStatus(204, self.vault.delete(f"secret/data/{token}"))
        self.vault.get("sys/last")
        with open(os.path.join(self.vault.folder, "audit", "paths.jsonl"), encoding="utf-8") as f:
            written = []
            self.assertTrue(wait_until(lambda: written.append(f.read()) or "sys/last" in "".join(written)))
        export = self.assertStatus(200, self.vault.get("sys/audit/export")).text
        effects = str(self.vault.database.query("SELECT * FROM effect"))
        places = {"export": export, "file": "".join(written), "log": self.vault.node.read_log(), "effect": effects}
        for place, text in places.items():
            for secret in (token, chosen["id"], "lookup/short"):
                self.assertNotIn(secret, text, place)
        hashed = self.vault.post("sys/audit-hash/file", {"input": token}).data["hash"]
        for path in (f"auth/token/lookup/{hashed}", f"secret/data/{hashed}", "auth/token/renew/***"):
            found = self.vault.get("sys/audit/records?path=" + path).data["records"]
            self.assertEqual({path}, {r["path"] for r in found})


class SinkTest(harness.VaultTest):
    def path_of(self, name):
        return os.path.join(self.vault.folder, "audit", name)

    def lines_of(self, name):
        with open(self.path_of(name), encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def add(self, name, **options):
        return self.vault.post(f"sys/audit/{name}", {"type": "file", "options": options})

    def test_a_file_sink_gets_every_record(self):
        self.assertStatus(204, self.add("main", file_path="main.jsonl"))
        self.assertIn("main/", self.vault.get("sys/audit").data)
        self.vault.get("sys/sink-marker")
        self.assertTrue(
            wait_until(lambda: any(r["path"] == "sys/sink-marker" for r in self.lines_of("main.jsonl")))
        )
        self.assertEqual(0o600, os.stat(self.path_of("main.jsonl")).st_mode & 0o777)
        os.remove(self.path_of("main.jsonl"))
        self.vault.get("sys/after-removal")
        self.assertTrue(wait_until(lambda: os.path.exists(self.path_of("main.jsonl"))))
        self.assertStatus(204, self.vault.delete("sys/audit/main"))
        self.assertNotIn("main/", self.vault.get("sys/audit").data)

    def test_cve_2025_6000_a_sink_cannot_write_a_program(self):
        for options in (
            {"file_path": "/etc/cron.d/x"},
            {"file_path": "../x"},
            {"file_path": "a/b"},
            {"file_path": ".hidden"},
            {"file_path": ""},
            {"file_path": "x", "prefix": "#!/bin/sh\n"},
            {"file_path": "x", "mode": "0777"},
            {"file_path": "x", "mode": "0755"},
            {"file_path": "x", "log_raw": "true"},
            {"file_path": "x", "unknown": "y"},
        ):
            self.assertStatus(400, self.add("bad", **options))
        os.makedirs(self.path_of(""), exist_ok=True)
        with open(self.path_of("tool"), "w", encoding="utf-8"):
            os.chmod(self.path_of("tool"), 0o755)
        self.assertStatus(400, self.add("bad", file_path="tool"))
        os.symlink("/tmp/elsewhere", self.path_of("link"))
        self.assertGreaterEqual(self.add("bad", file_path="link").status, 400)
        self.assertFalse(os.path.exists("/tmp/elsewhere"))

    def test_two_sinks_cannot_have_one_file(self):
        self.assertStatus(204, self.add("first", file_path="one.jsonl"))
        for name in ("one.jsonl", self.path_of("one.jsonl")):
            reply = self.assertStatus(400, self.add("second", file_path=name))
            self.assertEqual(["another audit sink writes to this file"], reply.errors)
        self.assertEqual(["path already in use"], self.add("first", file_path="one.jsonl").errors)
        self.assertNotIn("second/", self.vault.get("sys/audit").data)
        self.assertStatus(204, self.add("second", file_path="two.jsonl"))
        self.assertStatus(204, self.vault.delete("sys/audit/first"))
        self.assertStatus(204, self.add("third", file_path="one.jsonl"))

    def test_a_blocked_pipe_holds_nobody_up(self):
        os.makedirs(self.path_of(""), exist_ok=True)
        os.mkfifo(self.path_of("pipe"))
        reader = os.open(self.path_of("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        self.assertStatus(204, self.add("pipe", file_path="pipe"))
        begun = time.monotonic()
        for _ in range(300):
            self.assertStatus(200, self.vault.get("sys/mounts"))
        self.assertLess(time.monotonic() - begun, 20)
        self.assertStatus(204, self.vault.delete("sys/audit/pipe"))
        os.close(reader)


class WitnessTest(harness.VaultTest):
    config = 'audit {\n  checkpoint_interval_s = 1\n  checkpoint_file = "/tmp/rotunda-witness-%d.jsonl"\n}' % os.getpid()
    witness = "/tmp/rotunda-witness-%d.jsonl" % os.getpid()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if os.path.exists(cls.witness):
            os.remove(cls.witness)

    def count_lines(self):
        if not os.path.exists(self.witness):
            return 0
        with open(self.witness, encoding="utf-8") as f:
            return f.read().count("\n")

    def test_a_witness_shows_a_cut_tail_and_removed_checkpoints(self):
        vault = self.vault
        for _ in range(5):
            vault.get("sys/mounts")
        self.assertTrue(wait_until(lambda: self.count_lines() >= 3))
        vault.node.stop()
        conninfo = vault.database.conninfo
        self.assertEqual(0, verify("-database", conninfo, "-against", self.witness)[0])
        vault.database.query(
            "DELETE FROM audit_checkpoint WHERE number > 1; DELETE FROM audit_claim WHERE number > 1;"
            "DELETE FROM audit_record WHERE seq > 2; DELETE FROM audit_batch WHERE last_seq > 2;"
            "UPDATE audit_chain SET closed_at = NULL, closed_seq = NULL, closed_head = NULL"
        )
        code, found = verify("-database", conninfo, "-against", self.witness)
        self.assertEqual(3, code)
        texts = " ".join(p["what"] for p in found["problems"])
        self.assertIn("the witness has this checkpoint", texts)
        self.assertIn("tail was cut", texts)


class RecoveryTest(harness.VaultTest):
    node_count = 2

    def test_what_a_killed_node_left_becomes_records_once(self):
        vault = self.vault
        survivor, victim = vault.nodes
        chain = vault.database.query("SELECT max(id) FROM audit_chain WHERE node = 'node1'")[0][0]
        victim.kill()
        vault.database.query(
            "INSERT INTO effect (request_id, chain_id, namespace_id, accessor, actor, operation, path) "
            f"SELECT gen_random_uuid(), {chain}, 1, 'a', 'ghost', 'update', 'secret/' || n "
            "FROM generate_series(1, 20) AS n"
        )
        left = lambda: vault.database.query("SELECT count(*) FROM effect")[0][0] == "0"
        self.assertTrue(wait_until(left, 60))
        self.assertEqual(
            [["20", "20"]],
            vault.database.query(
                "SELECT count(*), count(DISTINCT path) FROM audit_record WHERE actor = 'ghost' AND result = 0"
            ),
        )
        self.assertEqual(
            [["0"]],
            vault.database.query("SELECT count(*) FROM audit_chain WHERE node = 'node1' AND closed_at IS NULL"),
        )
        code, found = verify("-database", vault.database.conninfo)
        self.assertEqual((0, []), (code, found["problems"]))
        self.assertStatus(200, survivor.request("GET", "sys/mounts", token=vault.token))


if __name__ == "__main__":
    unittest.main()
