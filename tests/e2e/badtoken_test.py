# SPDX-License-Identifier: ISC
"""Tokens and unseal shares that are missing, wrong, old, or of another vault."""

import subprocess
import time
import unittest

import harness
from badinput import BadInputTest

MIB = 1024 * 1024


class TokenTest(BadInputTest):
    def refuse(self, token):
        for method, target, body in (
            ("GET", "/v1/sys/mounts", b""),
            ("POST", "/v1/secret/data/refused", b'{"data":{"a":1}}'),
            ("GET", "/v1/secret/data/refused", b""),
            ("GET", "/v1/no/such/path", b""),
        ):
            reply = self.raw(method, target, body, token=token)
            self.assertError(403, "permission denied", reply)

    def test_missing_and_malformed_tokens_are_refused(self):
        root = self.vault.token
        for token in ("", "x", "hvs.", "hvs." + "A" * 24, root[:-1], root + "x", root.upper(), "\u00ff", "a\tb", "a" * 7000):
            self.refuse(token)
        self.assertStatus(404, self.vault.get("secret/data/refused"))

    def test_a_token_of_a_mebibyte_is_refused_without_an_effect(self):
        reply = self.raw("GET", "/v1/sys/mounts", token="a" * MIB)
        if reply is not None:
            self.assertIn(reply.status, (400, 431), reply)
        self.assertServes()

    def test_two_tokens_are_refused_unless_they_are_one(self):
        root = self.vault.token
        for headers in (
            (f"X-Vault-Token: {root}",),
            ("X-Vault-Token: x",),
            ("Authorization: Bearer x",),
        ):
            self.assertStatus(400, self.raw("GET", "/v1/sys/mounts", headers=headers))
        self.assertStatus(200, self.raw("GET", "/v1/sys/mounts", headers=(f"Authorization: Bearer {root}",)))
        basic = (f"Authorization: Basic {root}",)
        self.assertStatus(403, self.raw("GET", "/v1/sys/mounts", token="", headers=basic))

    def test_expired_and_revoked_tokens_are_refused_and_said_so_in_the_audit(self):
        short = self.vault.post("auth/token/create", {"policies": ["root"], "ttl": "1s"})
        gone = self.vault.post("auth/token/create", {"policies": ["root"], "ttl": "1h"})
        tokens = [self.assertStatus(200, r).json["auth"]["client_token"] for r in (short, gone)]
        self.assertStatus(204, self.vault.post("auth/token/revoke", {"token": tokens[1]}))
        time.sleep(1.1)
        for token in tokens:
            self.refuse(token)
        rows = self.vault.database.query(
            "SELECT DISTINCT result, accessor, actor, detail FROM audit_record "
            "WHERE path = 'secret/data/refused' ORDER BY detail"
        )
        self.assertTrue(any("unknown, expired or revoked token" in row[3] for row in rows), rows)
        self.assertEqual({("403", "", "")}, {tuple(row[:3]) for row in rows})

    def test_a_token_of_another_vault_is_refused(self):
        other = harness.Vault()
        try:
            other.start()
            self.refuse(other.token)
            self.assertStatus(403, other.get("sys/mounts", token=self.vault.token))
            self.assertStatus(200, other.get("sys/mounts"))
        finally:
            other.stop()

    def test_no_token_is_ever_in_log_or_audit(self):
        marker = "hvs.tobefoundnowhere000000"
        self.refuse(marker)
        self.raw("GET", "/v1/sys/mounts", headers=(f"X-Vault-Token: {marker}",))
        self.assertNotIn(marker, self.vault.node.read_log())
        dump = subprocess.run(
            ["pg_dump", "--data-only", "-d", self.vault.database.conninfo], capture_output=True, text=True, check=True
        )
        self.assertNotIn(marker, dump.stdout)
        self.assertNotIn(self.vault.token, dump.stdout)


class UnsealTest(BadInputTest):
    def setUp(self):
        self.assertStatus(204, self.vault.put("sys/seal"))

    def tearDown(self):
        self.vault.put("sys/unseal", {"reset": True})
        self.vault.unseal(self.vault.node)

    def unseal(self, key):
        return self.vault.put("sys/unseal", {"key": key}, token="")

    def test_wrong_shares_are_refused_one_by_one_and_progress_kept(self):
        keys = self.vault.keys
        self.assertEqual(1, self.assertStatus(200, self.unseal(keys[0])).json["progress"])
        flipped = keys[1][:10] + ("0" if keys[1][10] != "0" else "1") + keys[1][11:]
        for wrong in ("", "x", "00", keys[1][:-2], keys[1] + "00", flipped, "0" * len(keys[1]), keys[0], "a" * 100000, "\0"):
            reply = self.assertStatus(400, self.unseal(wrong))
            self.assertEqual(1, len(reply.errors))
            self.assertNotIn(keys[1][:8], reply.text)
        for wrong in (None, 7, [keys[1]], {"key": keys[1]}):
            self.assertStatus(400, self.unseal(wrong))
        self.assertStatus(400, self.vault.put("sys/unseal", {"reset": "perhaps"}, token=""))
        status = self.vault.get("sys/seal-status", token="").json
        self.assertEqual((True, 1), (status["sealed"], status["progress"]))
        self.assertFalse(self.assertStatus(200, self.unseal(keys[1])).json["sealed"])

    def test_shares_of_another_vault_do_not_count(self):
        other = harness.Vault()
        try:
            other.start()
            for key in other.keys:
                self.assertStatus(400, self.unseal(key))
        finally:
            other.stop()
        self.assertEqual(0, self.vault.get("sys/seal-status", token="").json["progress"])

    def test_shares_given_to_an_open_vault_change_nothing(self):
        self.vault.unseal(self.vault.node)
        for key in (self.vault.keys[2], "nonsense"):
            self.unseal(key)
            self.assertServes()

    def test_hole_13_cve_2026_5807_nobody_else_can_end_the_recovery(self):
        """There is no rekey or generate-root to cancel; resetting unseal progress only starts it over."""
        for path in ("sys/generate-root/attempt", "sys/rekey/init", "sys/rekey-recovery-key/init"):
            self.assertIn(self.vault.delete(path, token="").status, (403, 404, 503))

    def test_sealed_tells_nothing_about_tokens_or_paths(self):
        for method, target in (("GET", "/v1/sys/mounts"), ("GET", "/v1/no/such"), ("DELETE", "/v1/sys/mounts/x"), ("POST", "/v1/secret/data/a")):
            for token in ("", "x", self.vault.token):
                reply = self.raw(method, target, token=token)
                self.assertError(503, "Vault is sealed", reply)

    def test_bad_input_while_sealed_is_bad_input(self):
        self.assertStatus(400, self.raw("POST", "/v1/sys/unseal", b"{"))
        self.assertStatus(400, self.raw("POST", "/v1/sys/unseal", b"[" * 100000))
        self.assertStatus(413, self.raw("POST", "/v1/sys/unseal", b" " * (MIB + 1)))
        self.assertStatus(400, self.raw("GET", "/v1/sys/../sys/mounts"))


if __name__ == "__main__":
    unittest.main()
