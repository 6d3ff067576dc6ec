# SPDX-License-Identifier: ISC
"""The database's owner edits the seal, the keys, or the audit log."""

import subprocess
import unittest

import harness
from tamper import TamperTest


class SealRowTest(TamperTest):
    """Unsealing with edited rows fails, says so, and works once they are as they were."""

    def refuse(self, sql, tables):
        kept = {t: [r[0] for r in self.sql(f"SELECT to_jsonb(t) FROM {t} t")] for t in tables}
        self.vault.node.stop()
        self.sql(f"SET session_replication_role = replica; {sql}")
        try:
            try:
                self.vault.node.start()
                for key in self.vault.keys:
                    reply = self.vault.node.request("PUT", "sys/unseal", {"key": key})
                    self.assertTrue(reply.status >= 400 or reply.json["sealed"], reply)
                self.assertStatus(503, self.vault.get("secret/data/a"))
            except AssertionError as problem:
                self.assertIn("the server ended", str(problem))
        finally:
            self.vault.node.stop()
            for table, rows in kept.items():
                self.put_back(table, "true", rows)
            self.vault.restart(self.vault.node)
        self.assertGoesOn()

    def test_edited_seals_do_not_open(self):
        for change in (
            "threshold = 1",
            "threshold = 3",
            "set_id = set_byte(set_id, 0, get_byte(set_id, 0) # 1)",
            "share_digests = set_byte(share_digests, 0, get_byte(share_digests, 0) # 1)"
            ", wrapped_root_key = set_byte(wrapped_root_key, 9, get_byte(wrapped_root_key, 9) # 1)",
            "wrapped_root_key = set_byte(wrapped_root_key, 30, get_byte(wrapped_root_key, 30) # 1)",
            "type = 7",
        ):
            with self.subTest(change):
                self.refuse(f"UPDATE seal_config SET {change}", ["seal_config"])

    def test_edited_keys_do_not_open(self):
        for change in (
            "UPDATE wrapped_key SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)",
            "UPDATE wrapped_key SET epoch = epoch + 5",
            "UPDATE wrapped_key SET namespace_id = namespace_id + 5",
            "DELETE FROM wrapped_key",
        ):
            with self.subTest(change):
                self.refuse(change, ["wrapped_key"])


class AuditRowTest(TamperTest):
    """`rotunda audit verify` finds it and says where."""

    def verify(self):
        return subprocess.run(
            [harness.PROGRAM, "audit", "verify", "-database", self.vault.database.conninfo, "-format", "json"],
            capture_output=True,
            text=True,
            check=False,
        )

    def find(self, change):
        with self.subTest(change):
            done = self.verify()
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            self.keep("audit_record")
            self.keep("audit_batch")
            self.sql(f"SET session_replication_role = replica; {change}")
            done = self.verify()
            self.assertEqual(3, done.returncode, done.stdout + done.stderr)
            self.assertNotEqual("", done.stdout + done.stderr)
            self.doCleanups()
            self.assertEqual(0, self.verify().returncode)

    def test_each_kind_of_edit_is_found(self):
        for i in range(20):
            self.assertStatus(200, self.vault.post(f"secret/data/n{i}", {"data": {"a": i}}))
        chain = self.sql("SELECT chain_id FROM audit_record GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")[0][0]
        middle = f"chain_id = {chain} AND seq = (SELECT max(seq) / 2 FROM audit_record WHERE chain_id = {chain})"
        for change in (
            f"UPDATE audit_record SET result = 403 WHERE {middle}",
            f"UPDATE audit_record SET actor = 'mallory' WHERE {middle}",
            f"UPDATE audit_record SET path = 'secret/data/z' WHERE {middle}",
            f"UPDATE audit_record SET detail = '{{}}', hash = hash WHERE {middle}",
            f"UPDATE audit_record SET time = time + interval '1 s' WHERE {middle}",
            f"DELETE FROM audit_record WHERE {middle}",
            f"DELETE FROM audit_batch WHERE chain_id = {chain}",
        ):
            self.find(change)

    def test_a_removed_chain_is_found(self):
        self.vault.node.stop()
        self.vault.restart(self.vault.node)  # a checkpoint lists all chains
        chain = self.sql("SELECT min(chain_id) FROM audit_record")[0][0]
        self.keep("audit_chain")
        self.find(
            f"DELETE FROM audit_record WHERE chain_id = {chain}; DELETE FROM audit_batch WHERE chain_id = {chain};"
            f"DELETE FROM audit_chain WHERE id = {chain}"
        )


if __name__ == "__main__":
    unittest.main()
