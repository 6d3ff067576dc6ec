# SPDX-License-Identifier: ISC
"""`rotunda bench`: figures that agree with the server's own, and nothing left in the vault."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

import harness

POLICY = """
path "secret/data/bench-*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/bench-*" { capabilities = ["delete"] }
"""


class BenchTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reply = cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        assert reply.status == 204, reply

    def start(self, *arguments, token=None):
        return subprocess.Popen(
            [harness.PROGRAM, "bench", *arguments],
            env={
                **os.environ,
                "ROTUNDA_ADDR": f"http://127.0.0.1:{self.vault.node.port}",
                "ROTUNDA_TOKEN": token or self.vault.token,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def bench(self, *arguments, token=None):
        """Exit code, the report, and what was said."""
        process = self.start("-format=json", *arguments, token=token)
        out, err = process.communicate(timeout=120)
        return process.returncode, json.loads(out) if out else None, err

    def records(self, condition):
        ((count,),) = self.vault.database.query(f"SELECT count(*) FROM audit_record WHERE {condition}")
        return int(count)

    def assert_nothing_left(self):
        self.assertEqual(404, self.vault.list("secret/metadata").status)
        ((left,),) = self.vault.database.query("SELECT count(*) FROM kv_head")
        self.assertEqual("0", left)

    def test_reads_as_often_as_the_audit_log_says(self):
        before = self.records("operation = 'read' AND path LIKE 'secret/data/bench-%'")
        code, report, err = self.bench("-d=1", "-n=20", "-c=4")
        self.assertEqual((0, ""), (code, err))
        after = self.records("operation = 'read' AND path LIKE 'secret/data/bench-%'")
        self.assertEqual(report["requests"], after - before)
        self.assertEqual(report["requests"], report["status_200"])
        self.assertEqual(0, report["errors"])
        self.assertGreater(report["requests_per_second"], 0)
        times = [report[name] for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")]
        self.assertEqual(sorted(times), times)
        self.assert_nothing_left()

    def test_writes_and_mixes_with_no_more_than_it_needs(self):
        token = self.vault.token_with(POLICY, "bench")
        for operation in ("write", "mixed"):
            code, report, err = self.bench(f"-op={operation}", "-d=1", "-n=20", token=token)
            self.assertEqual((0, "", 0), (code, err, report["errors"]))
        self.assert_nothing_left()

    def test_writes_nothing_where_it_could_not_remove_it(self):
        for mount in ("cubbyhole", "absent"):
            code, report, err = self.bench(f"-mount={mount}", "-d=1", "-n=2")
            self.assertNotEqual(0, code)
            self.assertIsNone(report)
            self.assertIn(mount, err)
        self.assertEqual(404, self.vault.list("cubbyhole/data").status)

    def test_revokes_the_tokens_that_it_made(self):
        before = len(self.vault.list("auth/token/accessors").data["keys"])
        code, report, err = self.bench("-op=token", "-d=1", "-c=4")
        self.assertEqual((0, ""), (code, err))
        self.assertGreater(report["requests"], 0)
        self.assertEqual(before, len(self.vault.list("auth/token/accessors").data["keys"]))

    def test_cleans_up_when_it_is_interrupted(self):
        for arguments in (["-d=1h", "-n=50"], ["-n=1000000"]):
            process = self.start(*arguments)
            wanted = time.monotonic() + 60
            while self.vault.list("secret/metadata").status != 200 and time.monotonic() < wanted:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
            self.assertEqual(1, process.returncode)
            self.assertEqual("rotunda: interrupted\n", err)
            self.assert_nothing_left()

    def test_tells_what_failed_and_what_is_left(self):
        token = self.vault.token_with(POLICY.replace('"read"', '"list"').replace("delete", "read"), "blind")
        code, report, err = self.bench("-d=1", "-n=20", token=token)
        self.assertEqual(2, code)
        self.assertEqual(report["requests"], report["status_403"])
        self.assertEqual(report["requests"], report["errors"])
        self.assertRegex(err, f"{report['requests']} of {report['requests']} requests failed")
        (folder,) = re.findall(r"20 of 20 secrets could not be removed from (secret/bench-\w+)", err)
        name = folder.split("/")[1]
        keys = self.vault.list(f"secret/metadata/{name}").data["keys"]
        self.assertEqual(20, len(keys))
        for key in keys:
            self.vault.delete(f"secret/metadata/{name}/{key}")
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
