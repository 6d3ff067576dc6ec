# SPDX-License-Identifier: ISC
"""A configuration that can't be used: `rotunda server` says what is wrong and where, and doesn't start."""

import os
import re
import subprocess
import tempfile
import unittest

import harness


class ConfigTest(unittest.TestCase):
    """`rotunda server` says what is wrong with a configuration, and where, and doesn't start."""

    GOOD = 'listener "tcp" {\n  address = "127.0.0.1:0"\n}\ndatabase {\n  host = "/nowhere"\n  name = "n"\n  user = "u"\n}\n'

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rotunda-config.")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = os.path.join(self.folder, "rotunda.hcl")

    def run_server(self, *arguments):
        return subprocess.run(
            [harness.PROGRAM, "server", *arguments], capture_output=True, text=True, timeout=20, check=False
        )

    def refuse(self, text, expected):
        """Both by -check and by the server itself."""
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(text)
        for arguments in (("-check",), ()):
            done = self.run_server("-config", self.file, *arguments)
            self.assertEqual(1, done.returncode, done)
            self.assertIn(expected.replace("FILE", self.file), done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def test_a_good_one_passes(self):
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(self.GOOD + 'seal "shamir" {}\n')
        done = self.run_server("-check", "-config", self.file)
        self.assertEqual((0, f"{self.file}: ok\n"), (done.returncode, done.stdout))

    def stand_in(self, sample):
        """The sample with a file or folder of the test's own for each one that it names."""

        def replace(match):
            path = self.folder + match["path"]
            os.makedirs(path if match["key"].endswith("_dir") else os.path.dirname(path), exist_ok=True)
            if not os.path.exists(path):
                with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
                    f.write("x" * 32)
            return match["before"] + path + '"'

        return re.sub(r'(?P<before>"?(?P<key>\w+)"?\s*[=:]\s*")(?P<path>/[^"]+)"', replace, sample)

    def test_samples_of_the_documentation_pass(self):
        docs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
        checked = []
        for name in sorted(os.listdir(docs)):
            with open(os.path.join(docs, name), encoding="utf-8") as f:
                blocks = re.findall(r"^```(?:hcl|json)\n(.*?)^```", f.read(), re.DOTALL | re.MULTILINE)
            for sample in blocks:
                if "listener" not in sample or "database" not in sample:
                    continue  # a policy, or a part
                with open(self.file, "w", encoding="utf-8") as f:
                    f.write(self.stand_in(sample))
                done = self.run_server("-check", "-config", self.file)
                self.assertEqual((0, ""), (done.returncode, done.stderr), name)
                checked.append(name)
        self.assertEqual(["configuration.md", "configuration.md", "production.md"], checked)

    def test_a_wrong_type_is_named_with_its_place(self):
        self.refuse(self.GOOD + 'seal "shamir" {}\nworkers = "many"\n', "FILE:10:1: workers: ")
        self.refuse(self.GOOD + 'seal "shamir" {}\nmax_lease_ttl = [1]\n', "FILE:10:1: max_lease_ttl: ")
        self.refuse(self.GOOD + 'seal "shamir" {}\nworkers = 65\n', "FILE:10:1: workers: ")

    def test_an_unknown_key_is_named_with_the_nearest(self):
        self.refuse(self.GOOD + 'seal "shamir" {}\nworker = 2\n', "FILE:10:1: ")
        self.refuse(self.GOOD + 'seal "shamir" {}\nworker = 2\n', "workers")
        self.refuse('listener "tcp" {\n  adress = "x"\n}\n', "FILE:2:3: ")
        self.refuse(self.GOOD + 'seal "enigma" {}\n', "FILE:9:")

    def test_a_syntax_error_is_named_with_its_place(self):
        self.refuse('listener "tcp" {\n  address = \n}\n', "FILE:")
        self.refuse("workers = 1 }", "FILE:1:13")
        self.refuse("\0", "FILE:1:1")
        self.refuse("[" * 100000, "FILE:1:")

    def test_a_missing_file_is_named(self):
        done = self.run_server("-config", os.path.join(self.folder, "absent.hcl"))
        self.assertEqual(1, done.returncode)
        self.assertIn(os.path.join(self.folder, "absent.hcl"), done.stderr)
        self.assertIn("No such file", done.stderr)
        self.refuse(self.GOOD + f'seal "static" {{\n  key_file = "{self.folder}/absent"\n}}\n', "FILE:10:3: key_file: ")
        self.assertEqual(1, self.run_server().returncode)
        self.assertEqual(1, self.run_server("-config").returncode)
        self.assertEqual(1, self.run_server("-config", self.folder).returncode)

    def test_a_key_that_others_can_read_is_refused(self):
        key = os.path.join(self.folder, "key")
        with open(key, "w", encoding="ascii") as f:
            f.write("k" * 64)
        for mode in (0o644, 0o604, 0o660):
            os.chmod(key, mode)
            text = self.GOOD + f'seal "static" {{\n  key_file = "{key}"\n}}\n'
            self.refuse(text, f"it is open to others (mode {mode:04o})")
            self.refuse(text, "FILE:10:3: key_file: ")

    def test_a_key_of_the_wrong_length_stops_the_start(self):
        key = os.path.join(self.folder, "key")
        with open(key, "w", encoding="ascii") as f:
            f.write("short")
        os.chmod(key, 0o600)
        vault = harness.Vault()
        self.addCleanup(vault.stop)
        node = harness.Node(vault.database, vault.folder, "static", seal=f'seal "static" {{ key_file = "{key}" }}')
        try:
            node.start()
            reply = node.request("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            self.assertGreaterEqual(reply.status, 400, reply)
            self.assertNotIn("short", reply.text)
            self.assertFalse(node.request("GET", "sys/init").json["initialized"])
        except AssertionError as problem:
            self.assertIn("the server ended", str(problem))
        finally:
            node.kill()


class InitTest(unittest.TestCase):
    def test_wrong_numbers_of_shares_make_nothing(self):
        vault = harness.Vault()
        self.addCleanup(vault.stop)
        vault.node.start()
        for shares, threshold in ((0, 0), (2, 1), (2, 3), (256, 2), (-1, 1), (1, 0), ("x", 1), (1.5, 1), (3, None)):
            reply = vault.node.request("PUT", "sys/init", {"secret_shares": shares, "secret_threshold": threshold})
            self.assertEqual(400, reply.status, (shares, threshold, reply))
        self.assertFalse(vault.node.request("GET", "sys/init").json["initialized"])
        self.assertEqual([["0"]], vault.database.query("SELECT count(*) FROM wrapped_key"))
        self.assertEqual(503, vault.node.request("GET", "sys/mounts").status)
        reply = vault.node.request("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.assertEqual(200, reply.status)


if __name__ == "__main__":
    unittest.main()
