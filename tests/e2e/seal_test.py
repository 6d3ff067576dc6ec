# SPDX-License-Identifier: ISC
"""Initialising, unsealing, sealing, and what a sealed vault answers."""

import os
import tempfile
import unittest

import harness
import postgres


class SealTest(harness.VaultTest):
    def test_second_init_is_refused(self):
        reply = self.vault.put("sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.assertStatus(400, reply)
        self.assertEqual(["Vault is already initialized"], reply.errors)

    def test_health_tells_the_state_in_its_code(self):
        self.assertStatus(200, self.vault.get("sys/health", token=""))
        self.assertStatus(299, self.vault.get("sys/health?activecode=299", token=""))
        self.assertStatus(400, self.vault.get("sys/health?activecode=x", token=""))

    def test_sealing_needs_a_token_and_ends_service_until_unsealed(self):
        vault = self.vault
        self.assertStatus(403, vault.put("sys/seal", token=""))
        self.assertStatus(204, vault.put("sys/seal"))
        self.assertStatus(503, vault.get("sys/health", token=""))
        self.assertStatus(299, vault.get("sys/health?sealedcode=299", token=""))
        reply = self.assertStatus(503, vault.get("sys/mounts"))
        self.assertEqual(["Vault is sealed"], reply.errors)
        self.assertTrue(vault.get("sys/seal-status", token="").json["sealed"])
        vault.unseal(vault.node)
        self.assertStatus(404, vault.get("sys/nothing-here"))

    def test_a_wrong_share_is_refused_and_progress_kept(self):
        vault = self.vault
        vault.put("sys/seal")
        self.assertEqual(1, vault.put("sys/unseal", {"key": vault.keys[0]}).json["progress"])
        for wrong in ("00" * 46, "not a share", vault.keys[1][:-2] + "00", vault.keys[0]):
            self.assertStatus(400, vault.put("sys/unseal", {"key": wrong}))
        self.assertEqual(1, vault.get("sys/seal-status", token="").json["progress"])
        self.assertEqual(0, vault.put("sys/unseal", {"reset": True}).json["progress"])
        vault.unseal(vault.node)

    def test_paths_without_a_token_name_their_methods_to_everybody(self):
        for sealed in (False, True):
            if sealed:
                self.assertStatus(204, self.vault.put("sys/seal"))
            for method, path in (("POST", "sys/health"), ("GET", "sys/unseal"), ("DELETE", "sys/init"), ("POST", "sys/seal-status")):
                reply = self.assertStatus(405, self.vault.request(method, path, token=""))
                self.assertEqual(["unsupported operation"], reply.errors)
                self.assertIn("Allow", reply.headers)
            self.assertStatus(503 if sealed else 403, self.vault.get("sys/seal", token=""))
        self.vault.unseal(self.vault.node)

    def test_a_share_that_is_not_needed_is_not_kept(self):
        vault = self.vault
        for key in vault.keys:
            status = self.assertStatus(200, vault.put("sys/unseal", {"key": key})).json
            self.assertEqual((False, 0, ""), (status["sealed"], status["progress"], status["nonce"]))

    def test_a_restart_keeps_everything_but_the_keys(self):
        vault = self.vault
        self.assertEqual(0, vault.node.stop())
        vault.node.start()
        self.assertTrue(vault.get("sys/seal-status", token="").json["sealed"])
        vault.unseal(vault.node)
        self.assertStatus(404, vault.get("sys/nothing-here"))


class StaticSealTest(unittest.TestCase):
    def start(self, database, folder, name):
        key = os.path.join(folder, "seal-key")
        node = harness.Node(database, folder, name, seal=f'seal "static" {{ key_file = "{key}" }}')
        self.addCleanup(node.kill)
        node.start()
        return node

    def test_nodes_that_started_before_init_open_by_themselves(self):
        database = harness.Database()
        self.addCleanup(database.drop)
        with tempfile.TemporaryDirectory() as folder:
            descriptor = os.open(os.path.join(folder, "seal-key"), os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(descriptor, os.urandom(32))
            os.close(descriptor)
            first = self.start(database, folder, "first")
            second = self.start(database, folder, "second")
            reply = first.request("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
            self.assertEqual(200, reply.status, reply)

            token = reply.json["root_token"]

            def opened():
                return second.request("GET", "sys/mounts", token=token).status == 200

            postgres.wait_until(opened, 30, "the second node is unsealed")
            # Who is sealed by an operator stays so. Not all workers may have a connection yet.
            postgres.wait_until(
                lambda: second.request("PUT", "sys/seal", token=token).status == 204, 30, "it is sealed"
            )
            with self.assertRaises(AssertionError):
                postgres.wait_until(opened, 5, "nothing")


if __name__ == "__main__":
    unittest.main()
