# SPDX-License-Identifier: ISC
"""Rotators of others: `rotation conformance` tells good ones from bad ones, and the server runs them."""

import concurrent.futures
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import broken_rotators
import harness
from rotation_target import ROTATOR_PASSWORD, Target

MODULE = os.environ.get("ROTUNDA_TEST_MODULE")

# What each broken rotator has to be caught at, and a word of the reason.
CAUGHT = {
    "lying-probe": ("other-rejected", "nobody ever set"),
    "leaky-message": ("no-leak", "in base64"),
    "leaky-hex": ("no-leak", "in hex"),
    "ignores-fence": ("fence", "smaller fence"),
    "hangs": ("works", "doesn't answer in time"),
    "prints-garbage": ("handshake", "hello"),
    "chatters": ("handshake", "hello"),
    "forgets": ("works", "rejected"),
    "half-written": ("killed", "neither"),
    "argument": ("no-leak", "arguments"),
    "lacks-probe": ("handshake", "probe"),
    "plan-changes": ("plan", "after plan"),
    "creates-twice": ("issues", "2 more"),
}


def folder(mode=0o777):
    path = tempfile.mkdtemp(prefix="rotunda-conformance.")
    os.chmod(path, mode)
    return path


def copy(path, programs):
    """Where everybody may read it and its owner alone may change it, wherever the tree is and however it got there."""
    made = shutil.copy(path, programs)
    os.chmod(made, 0o755)
    return made


class ConformanceTest(unittest.TestCase):
    def setUp(self):
        self.state = folder()
        self.programs = folder(0o755)
        self.addCleanup(shutil.rmtree, self.state)
        self.addCleanup(shutil.rmtree, self.programs)

    def run_raw(self, *arguments):
        return subprocess.run(
            [harness.PROGRAM, "rotation", "conformance", *arguments], capture_output=True, text=True, check=False
        )

    def test_what_is_no_rotator_is_told_with_those_that_there_are(self):
        for name in ("nosuch", "../mock", "", "x" * 5000, "Mock"):
            done = self.run_raw(name)
            self.assertEqual((2, ""), (done.returncode, done.stdout), name[:20])
            self.assertIn("no such rotator", done.stderr)
            self.assertIn("postgresql", done.stderr)

    def test_what_the_server_starts_says_so_when_it_is_run_by_hand(self):
        for command in (["rotator-launcher"], ["rotator-launcher", "0", "0"], ["rotator-host"]):
            done = subprocess.run([harness.PROGRAM, *command], capture_output=True, text=True, check=False)
            self.assertEqual(1, done.returncode, command)
            self.assertIn(f"rotunda: {command[0]} ", done.stderr)

    def conform(self, *arguments):
        """(exit code, {check: row})"""
        done = self.run_raw("-format=json", *arguments)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["conforms"], done.returncode == 0)
        return done.returncode, {row["check"]: row for row in report["checks"]}

    def assertConforms(self, at_least, *arguments):
        code, rows = self.conform(*arguments)
        failed = [row for row in rows.values() if row["outcome"] == "failed"]
        self.assertEqual((0, []), (code, failed))
        for name in at_least:
            self.assertEqual("passed", rows[name]["outcome"], rows[name])

    def at_once(self, run, cases):
        """They wait for most of the time."""
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for case, done in [(case, pool.submit(run, *case)) for case in cases]:
                with self.subTest(case[0]):
                    done.result()

    def mock_conforms(self, name, asked):
        with tempfile.TemporaryDirectory() as state:
            os.chmod(state, 0o777)
            self.assertConforms(asked, "-target", f"state_dir={state}", name)

    def test_the_mock_of_each_kind_conforms(self):
        kinds = {
            "mock": ["old-ends", "fence", "killed"],
            "mock-slots": ["slots", "killed"],
            "mock-keys": ["key-pair", "key-slots", "killed"],
            "mock-issuer": ["issues", "turned-off", "ends", "cap", "killed"],
            "mock-rolled": ["rolled", "killed"],
            "mock-mint": ["mint", "killed"],
        }
        self.at_once(self.mock_conforms, kinds.items())

    def test_what_is_rolled_by_showing_it_gets_the_present_value_from_a_file(self):
        present = os.path.join(self.programs, "present")
        with open(present, "w", encoding="ascii") as f:
            f.write("the-value-before")
        with open(os.path.join(self.state, "state"), "w", encoding="ascii") as f:
            f.write(f"conformance - - 0 {b'the-value-before'.hex()} on 0 0 0\n")
        os.chmod(f.name, 0o666)
        settings = ["-target", f"state_dir={self.state}", "-present", f"@{present}"]
        self.assertConforms(["rolled"], *settings, "mock-rolled-shown")

    def test_the_example_conforms(self):
        self.assertConforms(["killed", "revoke"], "-target", f"folder={self.state}", copy(broken_rotators.EXAMPLE, self.programs))

    @unittest.skipUnless(MODULE, "ROTUNDA_TEST_MODULE names no loadable module")
    def test_a_loadable_module_conforms(self):
        self.assertConforms(["killed"], "-target", f"state_dir={self.state}", copy(MODULE, self.programs))

    def test_an_issuer_in_python_conforms(self):
        issuer = broken_rotators.write("issuer", self.programs)
        self.assertConforms(["issues", "cap", "killed"], "-target", f"folder={self.state}", issuer)

    def is_caught(self, name, check, reason):
        with tempfile.TemporaryDirectory() as state:
            os.chmod(state, 0o777)
            path = broken_rotators.write(name, self.programs)
            code, rows = self.conform("-time=3s", "-target", f"folder={state}", path)
            self.assertEqual(1, code)
            self.assertEqual("failed", rows[check]["outcome"], rows[check])
            self.assertIn(reason, rows[check]["detail"])
            self.assertTrue(rows[check]["fix"])

    def test_each_broken_one_is_caught_at_what_it_does_wrong(self):
        self.at_once(self.is_caught, [(name, *expected) for name, expected in CAUGHT.items()])

    def test_what_is_missing_fails_although_its_text_can_not_be_shown(self):
        path, secret = broken_rotators.write("leaky-check", self.programs), os.path.join(self.programs, "secret")
        with open(secret, "w", encoding="ascii") as f:
            f.write("hunter2-hunter2")
        _, rows = self.conform("-target", f"folder={self.state}", "-username=u", f"-secret=@{secret}", path)
        self.assertEqual("failed", rows["check"]["outcome"], rows["check"])
        self.assertIn("something is missing", rows["check"]["detail"])
        self.assertEqual("failed", rows["no-leak"]["outcome"], rows["no-leak"])
        self.assertNotIn("aHVudGVyMi1odW50ZXIy", str(rows))

    def test_postgresql_conforms_on_a_real_server(self):
        target = Target()
        self.addCleanup(target.destroy)
        target.sql("CREATE ROLE conformance LOGIN; GRANT conformance TO rotator WITH ADMIN OPTION")
        secret = os.path.join(self.programs, "secret")
        with open(secret, "w", encoding="ascii") as f:
            f.write(ROTATOR_PASSWORD)
        settings = [f"-target={k}={v}" for k, v in target.settings.items() if k in ("host", "port", "ca_file")]
        asked = ["check", "works", "other-rejected", "fence", "old-ends", "killed", "wrong-secret"]
        asked += ["closed-port", "silent-host", "no-leak"]
        self.assertConforms(asked, *settings, "-username=rotator", f"-secret=@{secret}", "postgresql")

    def test_what_can_not_be_tried_is_told_apart_from_what_fails(self):
        example = broken_rotators.EXAMPLE
        for arguments, reason in [
            ([], "expected one operand"),
            (["/no/such/program"], "can't be run"),
            (["-secret=hunter2", example], "expected @FILE"),
            (["-target=folder", example], "KEY=VALUE"),
            (["-target=folder=/a", "-target=folder=/b", example], "twice"),
            (["-time=1h", example], "1s to 20s"),
            (["-format=xml", example], "table or json"),
        ]:
            with self.subTest(arguments):
                done = self.run_raw(*arguments)
                self.assertEqual(2, done.returncode)
                self.assertIn(reason, done.stderr)
                self.assertNotIn("hunter2", done.stderr)


class ServerTest(harness.VaultTest):
    """A rotator that isn't linked in, named by the configuration."""

    @classmethod
    def setUpClass(cls):
        cls.state = folder()
        cls.programs = folder(0o755)
        example = copy(broken_rotators.EXAMPLE, cls.programs)
        cls.late = os.path.join(cls.programs, "late.py")
        with open(cls.late, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\nexit 1\n")
        os.chmod(cls.late, 0o755)
        cls.config = (
            f'rotation {{\n  min_interval_s = 1\n  rotator "passwords" {{ program = "{example}" }}\n'
            f'  rotator "late" {{ program = "{cls.late}" }}\n'
            + (f'  rotator "disk" {{ module = "{copy(MODULE, cls.programs)}" }}\n' if MODULE else "")
            + "}\n"
        )
        super().setUpClass()
        assert cls.vault.post("sys/mounts/rotation", {"type": "rotation"}).status == 204

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.state)
        shutil.rmtree(cls.programs)

    def put_target(self, rotator, **more):
        body = {"rotator": rotator, "username": "admin", "password": "unused-by-it", **more}
        return self.vault.post(f"rotation/targets/{rotator}", body)

    def wait_for_target(self, rotator, **more):
        for _ in range(100):
            reply = self.put_target(rotator, **more)
            if reply.status != 503:
                break
            time.sleep(0.1)
        return reply

    def serve(self, name):
        for _ in range(150):
            reply = self.vault.get(f"rotation/creds/{name}")
            if reply.status == 200:
                return reply.data["password"]
            time.sleep(0.1)
        self.fail(f"nothing is served: {reply} {self.vault.node.read_log()[-2000:]}")

    def test_a_program_rotates_from_its_settings_to_a_served_value(self):
        self.assertStatus(204, self.wait_for_target("passwords", folder=self.state))
        refused = self.vault.post(
            "rotation/targets/other", {"rotator": "passwords", "username": "a", "password": "b", "host": "x"}
        )
        self.assertStatus(400, refused)
        missing = self.vault.post("rotation/targets/other", {"rotator": "passwords", "username": "a", "password": "b"})
        self.assertStatus(400, missing)
        self.assertIn("folder", missing.text)
        self.assertStatus(200, self.vault.post("rotation/targets/passwords/check", {}))
        body = {"target": "passwords", "account": "app", "interval": "1h", "owner": "team", "purpose": "tests"}
        self.assertStatus(204, self.vault.post("rotation/credentials/app", body))
        first = self.serve("app")
        with open(os.path.join(self.state, "passwords"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn("app ", text)
        self.assertNotIn(first, text)
        self.vault.post("rotation/credentials/app/rotate", {})
        for _ in range(100):
            if self.serve("app") != first:
                return
            time.sleep(0.1)
        self.fail("it doesn't rotate again")

    @unittest.skipUnless(MODULE, "ROTUNDA_TEST_MODULE names no loadable module")
    def test_a_loadable_module_rotates(self):
        self.assertStatus(204, self.wait_for_target("disk", state_dir=self.state))
        body = {"target": "disk", "account": "app2", "interval": "1h", "owner": "team", "purpose": "tests"}
        self.assertStatus(204, self.vault.post("rotation/credentials/app2", body))
        self.serve("app2")
        with open(os.path.join(self.state, "state"), encoding="utf-8") as f:
            self.assertIn("app2 ", f.read())

    def test_one_that_does_not_start_is_logged_and_its_targets_say_so(self):
        reply = self.put_target("late", folder=self.state)
        self.assertStatus(503, reply)
        self.assertIn("doesn't start", reply.text)
        self.assertIn("rotation.rotator_unusable", self.vault.node.read_log())

    def check_config(self, text):
        path = os.path.join(self.programs, "check.hcl")
        with open(self.vault.node.config, encoding="utf-8") as f:
            before = f.read().split("rotation {")[0]
        with open(path, "w", encoding="utf-8") as f:
            f.write(before + text)
        done = subprocess.run(
            [harness.PROGRAM, "server", "-check", "-config", path], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    def test_a_rotator_of_the_configuration_that_others_could_change_is_refused(self):
        open_file = os.path.join(self.programs, "open.py")
        shutil.copy(self.late, open_file)
        os.chmod(open_file, 0o777)
        in_open_folder = shutil.copy(self.late, self.state)
        for text, reason in [
            (f'"x" {{ program = "{open_file}" }}', "can be changed by others"),
            (f'"x" {{ program = "{in_open_folder}" }}', "can be changed by others"),
            ('"x" { program = "late.py" }', "absolute path"),
            ('"x" { program = "/no/such" }', "can't be used"),
            ('"x" {}', "either program or module"),
            (f'"x" {{ program = "{self.late}" module = "{self.late}" }}', "either program or module"),
            (f'"mock" {{ program = "{self.late}" }}', "has one of this name itself"),
            (f'"No Good" {{ program = "{self.late}" }}', "lower-case letters"),
            (f'"x" {{ program = "{self.late}" }}\n rotator "x" {{ program = "{self.late}" }}', "given twice"),
            (f'"x" {{ programme = "{self.late}" }}', "did you mean program"),
        ]:
            with self.subTest(text):
                code, said = self.check_config("rotation {\n rotator " + text + "\n}\n")
                self.assertEqual(1, code)
                self.assertIn(reason, said)
        code, said = self.check_config(f'rotation {{\n rotator "x" {{ program = "{self.late}" }}\n}}\n')
        self.assertEqual((0, ""), (code, said))


if __name__ == "__main__":
    unittest.main()
