# SPDX-License-Identifier: ISC
"""What the tests of a database whose owner edits rows share."""

import harness

REFUSED = ["stored data failed its integrity check"]


class TamperTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for path in ("secret", "other"):
            reply = cls.vault.post(f"sys/mounts/{path}", {"type": "kv", "options": {"version": "2"}})
            assert reply.status == 204, reply

    def setUp(self):
        for path in ("secret/data/a", "secret/data/b", "other/data/a"):
            self.assertStatus(200, self.vault.post(path, {"data": {"at": path}}))

    def sql(self, text):
        return self.vault.database.query(text)

    def keep(self, table, where="true"):
        """Puts these rows back as they are now when the test ends."""
        rows = self.sql(f"SELECT to_jsonb(t) FROM {table} t WHERE {where}")
        self.addCleanup(self.put_back, table, where, [row[0] for row in rows])

    def put_back(self, table, where, rows):
        columns = ", ".join(c[0] for c in self.sql(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"))
        sql = f"BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM {table} WHERE {where};"
        for row in rows:
            quoted = row.replace("'", "''")
            sql += f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, '{quoted}');"
        self.sql(sql + "COMMIT")

    def log_since(self, mark):
        return self.vault.node.read_log()[mark:]

    def mark(self):
        return len(self.vault.node.read_log())

    def records(self, path):
        """result and detail of the newest audit record about the path"""
        return self.sql(f"SELECT result, detail FROM audit_record WHERE path = '{path}' ORDER BY time DESC, seq DESC LIMIT 1")[0]

    def assertUnbelieved(self, reply):
        self.assertStatus(500, reply)
        self.assertEqual(REFUSED, reply.errors)

    def assertGoesOn(self):
        reply = self.assertStatus(200, self.vault.get("other/data/a"))
        self.assertEqual("other/data/a", reply.data["data"]["at"])
