# SPDX-License-Identifier: ISC
"""The database's owner edits rows: what was edited is never honoured, log and audit say so, and all
else goes on. He can destroy and hold up, but not grant, redirect or forge."""

import json
import unittest

from tamper import REFUSED, TamperTest

READER = 'path "secret/data/a" { capabilities = ["read"] }'


class TokenRowTest(TamperTest):
    def setUp(self):
        super().setUp()
        self.low = self.vault.token_with(READER, "reader")
        lookup = self.vault.post("auth/token/lookup", {"token": self.low})
        self.accessor = self.assertStatus(200, lookup).data["accessor"]
        self.where = f"accessor = '{self.accessor}'"
        self.assertStatus(200, self.vault.get("secret/data/a", token=self.low))

    def edit(self, change):
        self.sql(f"UPDATE token SET {change} WHERE {self.where}")

    def test_no_edited_field_is_honoured(self):
        for change in (
            "policies = '{root}'",
            "policies = '{reader,root}'",
            "policies = '{}'",
            "expires_at = 'infinity'",
            "expires_at = expires_at + interval '1 s'",
            "explicit_max_ttl_s = 9999999",
            "period_s = 60",
            "ttl_s = ttl_s + 1",
            "created_at = created_at - interval '1 day'",
            "display_name = 'root'",
            "meta = '{\"team\":\"admins\"}'",
            "path = 'auth/token/root'",
            "orphan = NOT orphan",
            "renewable = NOT renewable",
            "bound_cidrs = '{0.0.0.0/0}'",
            "num_uses = 5, uses_left = 5",
            "row_version = row_version + 1",
            "type = 'batch'",
            "role = 'r'",
            "parent_id = NULL",
            "id = gen_random_uuid()",
            "accessor = 'another'",
            "mac = set_byte(mac, 0, get_byte(mac, 0) # 1)",
            "mac = ''",
        ):
            with self.subTest(change):
                row = self.sql(f"SELECT to_jsonb(t) FROM token t WHERE {self.where}")[0][0]
                mark = self.mark()
                self.edit(change)
                for path in ("secret/data/a", "sys/mounts"):
                    self.assertUnbelieved(self.vault.get(path, token=self.low))
                self.assertUnbelieved(self.vault.post("secret/data/a", {"data": {"a": 2}}, token=self.low))
                self.assertIn("token.altered", self.log_since(mark))
                result, detail = self.records("sys/mounts")
                self.assertEqual("500", result)
                self.assertIn("token row altered", detail)
                self.put_back("token", f"hash = '{json.loads(row)['hash']}'", [row])
        self.assertGoesOn()
        self.assertStatus(200, self.vault.get("secret/data/a", token=self.low))

    def test_a_low_tokens_hash_in_roots_row_is_refused(self):
        root = self.vault.get("auth/token/lookup-self").data["accessor"]
        self.keep("token", f"accessor IN ('{root}', '{self.accessor}')")
        self.sql(
            "BEGIN; CREATE TEMP TABLE x AS SELECT accessor, hash FROM token;"
            f"UPDATE token SET hash = 'gone' WHERE {self.where};"
            f"UPDATE token SET hash = (SELECT hash FROM x WHERE {self.where}) WHERE accessor = '{root}'; COMMIT"
        )
        self.assertUnbelieved(self.vault.get("sys/mounts", token=self.low))
        self.assertUnbelieved(self.vault.post("secret/data/a", {"data": {"a": 2}}, token=self.low))

    def test_a_made_up_token_is_refused(self):
        self.sql(
            "INSERT INTO token SELECT gen_random_uuid(), namespace_id, decode(repeat('ab', 32), 'hex'), 'forged', parent_id, "
            "type, '{root}', path, display_name, meta, role, bound_cidrs, orphan, renewable, created_at, ttl_s, period_s, "
            f"explicit_max_ttl_s, expires_at, num_uses, row_version, mac, uses_left FROM token WHERE {self.where}"
        )
        self.addCleanup(self.sql, "DELETE FROM token WHERE accessor = 'forged'")
        reply = self.vault.post("auth/token/lookup-accessor", {"accessor": "forged"})
        self.assertUnbelieved(reply)
        self.assertStatus(500, self.vault.post("auth/token/renew-accessor", {"accessor": "forged"}))
        self.assertGoesOn()

    def test_a_revoked_row_put_back_is_what_security_md_says_it_is(self):
        """A deleted token's row that comes back whole can't be told from one that stayed."""
        row = self.sql(f"SELECT to_jsonb(t) FROM token t WHERE {self.where}")[0][0]
        self.assertStatus(204, self.vault.post("auth/token/revoke-accessor", {"accessor": self.accessor}))
        self.assertStatus(403, self.vault.get("secret/data/a", token=self.low))
        self.put_back("token", self.where, [row])
        reply = self.vault.get("secret/data/a", token=self.low)
        self.assertIn(reply.status, (200, 403, 500))
        self.sql(f"DELETE FROM token WHERE {self.where}")


class CatalogRowTest(TamperTest):
    """Policies and mounts. Nothing on a node changes until it loads them anew; then the manifest tells."""

    def setUp(self):
        super().setUp()
        self.low = self.vault.token_with(READER, "reader")
        self.keep("vault_epoch")
        self.keep("vault_manifest")
        self.keep("policy")
        self.addCleanup(self.vault.restart, self.vault.node)
        self.addCleanup(self.vault.node.stop)

    def restart(self):
        self.vault.node.stop()
        self.vault.node.start()
        for key in self.vault.keys[:2]:
            self.vault.node.request("PUT", "sys/unseal", {"key": key})

    def assertNeverHonoured(self, path="sys/mounts"):
        """Not from memory, not after a restart, and no change of something else makes it right."""
        mark = self.mark()
        self.assertIn(self.vault.get(path, token=self.low).status, (403, 500))
        changed = self.vault.put("sys/policies/acl/tick", {"policy": READER})
        reply = self.vault.get(path, token=self.low)
        self.assertIn(reply.status, (403, 500), f"honoured after a change of another policy ({changed.status})")
        self.restart()
        reply = self.vault.get(path, token=self.low)
        self.assertStatus(500, reply)
        self.assertEqual(REFUSED, reply.errors)
        self.assertIn("catalog.", self.log_since(mark))
        self.assertStatus(200, self.vault.get("sys/health"))
        self.assertEqual("500", self.records(path)[0])

    def test_an_edited_policy_is_refused(self):
        self.sql("UPDATE policy SET text = 'path \"*\" { capabilities = [\"read\", \"sudo\"] }' WHERE name = 'reader'")
        self.assertNeverHonoured()

    def test_a_policy_under_another_name_is_refused(self):
        self.assertStatus(204, self.vault.put("sys/policies/acl/admin", {"policy": 'path "*" { capabilities = ["read"] }'}))
        self.keep("policy")
        self.sql("DELETE FROM policy WHERE name = 'reader'; UPDATE policy SET name = 'reader' WHERE name = 'admin'")
        self.assertNeverHonoured()

    def test_an_old_policy_put_back_is_refused(self):
        wide = 'path "*" { capabilities = ["read"] }'
        self.assertStatus(204, self.vault.put("sys/policies/acl/reader", {"policy": wide}))
        old = self.sql("SELECT to_jsonb(p) FROM policy p WHERE name = 'reader'")[0][0]
        self.assertStatus(200, self.vault.get("sys/mounts", token=self.low))
        self.assertStatus(204, self.vault.put("sys/policies/acl/reader", {"policy": READER}))
        self.assertStatus(403, self.vault.get("sys/mounts", token=self.low))
        for table in ("policy", "vault_epoch", "vault_manifest"):
            self.keep(table)
        self.put_back("policy", "name = 'reader'", [old])
        self.assertNeverHonoured()

    def test_a_removed_deny_is_refused(self):
        self.assertStatus(
            204, self.vault.put("sys/policies/acl/wall", {"policy": 'path "sys/mounts" { capabilities = ["deny"] }'})
        )
        self.assertStatus(
            204, self.vault.put("sys/policies/acl/wide", {"policy": 'path "*" { capabilities = ["read"] }'})
        )
        reply = self.vault.post("auth/token/create", {"policies": ["wall", "wide"], "no_default_policy": True})
        self.low = self.assertStatus(200, reply).json["auth"]["client_token"]
        self.assertStatus(403, self.vault.get("sys/mounts", token=self.low))
        for table in ("policy", "vault_epoch", "vault_manifest"):
            self.keep(table)
        self.sql("DELETE FROM policy WHERE name = 'wall'")
        self.assertNeverHonoured()

    def test_a_made_up_policy_is_refused(self):
        self.assertStatus(200, self.vault.post("auth/token/create", {"policies": ["ghost"]}))
        self.sql(
            "INSERT INTO policy SELECT gen_random_uuid(), namespace_id, 'ghost', text, row_version, mac FROM policy LIMIT 1"
        )
        self.assertNeverHonoured()

    def test_edited_token_roles_are_refused(self):
        self.keep("token_role")
        self.assertStatus(204, self.vault.post("auth/token/roles/r", {"allowed_policies": ["reader"]}))
        self.keep("vault_epoch")
        self.keep("vault_manifest")
        row = self.sql("SELECT to_jsonb(r) FROM token_role r WHERE name = 'r'")[0][0]
        for change in (
            "name = 's'", "allowed_policies = '{admin}'", "disallowed_policies = '{reader}'",
            "allowed_policies_glob = '{*}'", "disallowed_policies_glob = '{*}'", "bound_cidrs = '{0.0.0.0/0}'",
            "path_suffix = 'x'", "token_type = 'service'", "orphan = true", "renewable = false",
            "no_default_policy = true", "period_s = 60", "explicit_max_ttl_s = 60", "num_uses = 1",
        ):
            with self.subTest(change):
                self.sql(f"UPDATE token_role SET {change}")
                self.restart()
                self.assertUnbelieved(self.vault.post("auth/token/create/r", {}))
                self.put_back("token_role", "true", [row])
        self.restart()
        self.assertGoesOn()

    def test_an_old_token_role_put_back_is_refused(self):
        self.keep("token_role")
        self.assertStatus(204, self.vault.post("auth/token/roles/r", {"allowed_policies_glob": ["*"]}))
        row = self.sql("SELECT to_jsonb(r) FROM token_role r WHERE name = 'r'")[0][0]
        self.assertStatus(204, self.vault.post("auth/token/roles/r", {"allowed_policies_glob": [], "allowed_policies": ["reader"]}))
        self.keep("vault_epoch")
        self.keep("vault_manifest")
        self.put_back("token_role", "name = 'r'", [row])
        self.assertNeverHonoured()

    def test_edited_mounts_are_refused(self):
        self.keep("mount")
        for change in ("path = 'elsewhere/'", "type = 'cubbyhole'", "options = '{}'", "id = gen_random_uuid()", "config = '{}'"):
            with self.subTest(change):
                row = self.sql("SELECT to_jsonb(m) FROM mount m WHERE path = 'secret/'")[0][0]
                identity = json.loads(row)["accessor"]
                self.sql(f"SET session_replication_role = replica; UPDATE mount SET {change} WHERE accessor = '{identity}'")
                self.restart()
                self.assertUnbelieved(self.vault.get("secret/data/a"))
                self.assertUnbelieved(self.vault.get("elsewhere/data/a"))
                self.put_back("mount", f"accessor = '{identity}'", [row])
                self.assertGoesOn()

    def test_a_removed_mount_is_refused_rather_than_forgotten(self):
        self.keep("mount")
        self.sql("SET session_replication_role = replica; DELETE FROM mount WHERE path = 'other/'")
        self.restart()
        self.assertUnbelieved(self.vault.get("secret/data/a"))
        self.assertIn(self.vault.post("sys/mounts/other", {"type": "kv"}).status, (400, 500))

    def test_an_epoch_set_back_is_refused_until_it_is_right_again(self):
        self.sql("UPDATE vault_epoch SET epoch = epoch - 1")
        self.assertUnbelieved(self.vault.get("secret/data/a"))
        self.assertUnbelieved(self.vault.post("secret/data/a", {"data": {"a": 2}}))
        self.sql("UPDATE vault_epoch SET epoch = epoch + 1")
        self.assertGoesOn()

    def test_an_epoch_set_forward_is_refused_until_it_is_right_again(self):
        self.sql("UPDATE vault_epoch SET epoch = epoch + 1")
        self.assertUnbelieved(self.vault.get("secret/data/a"))
        self.sql("UPDATE vault_epoch SET epoch = epoch - 1")
        self.assertGoesOn()

    def test_a_removed_epoch_or_manifest_is_refused_until_it_is_back(self):
        for table in ("vault_epoch", "vault_manifest"):
            row = self.sql(f"SELECT to_jsonb(t) FROM {table} t")[0][0]
            self.sql(f"DELETE FROM {table}")
            self.restart()
            self.assertUnbelieved(self.vault.get("secret/data/a"))
            self.put_back(table, "true", [row])
            self.assertGoesOn()

    def test_the_whole_catalog_put_back_is_refused_by_nodes_that_have_seen_newer(self):
        wide = 'path "*" { capabilities = ["read"] }'
        self.assertStatus(204, self.vault.put("sys/policies/acl/reader", {"policy": wide}))
        old = {t: [r[0] for r in self.sql(f"SELECT to_jsonb(t) FROM {t} t")] for t in ("policy", "vault_epoch", "vault_manifest")}
        self.assertStatus(204, self.vault.put("sys/policies/acl/reader", {"policy": READER}))
        self.assertStatus(403, self.vault.get("sys/mounts", token=self.low))
        for table in old:
            self.keep(table)
        for table, rows in old.items():
            self.put_back(table, "true", rows)
        for _ in range(8):
            self.assertUnbelieved(self.vault.get("sys/mounts", token=self.low))


class SecretRowTest(TamperTest):
    """What was edited is refused; the neighbours are read and written as before."""

    HEAD = "path = 'a' AND mount_id = (SELECT id FROM mount WHERE path = 'secret/')"

    def refuse(self, change, table="kv_head", where=HEAD):
        row = self.sql(f"SELECT to_jsonb(t) FROM {table} t WHERE {where}")[0][0]
        with self.subTest(change):
            mark = self.mark()
            self.sql(f"SET session_replication_role = replica; UPDATE {table} SET {change} WHERE {where}")
            self.assertUnbelieved(self.vault.get("secret/data/a"))
            result, detail = self.records("secret/data/a")
            self.assertEqual("500", result)
            self.assertNotEqual("", detail)
            self.assertUnbelieved(self.vault.post("secret/data/a", {"data": {"a": 2}}))
            self.assertIn("kv.altered", self.log_since(mark))
            self.assertGoesOn()
            self.assertStatus(200, self.vault.post("secret/data/b", {"data": {"a": 2}}))
        identity = "id" if table == "kv_head" else "head_id"
        self.put_back(table, f"{identity} = '{json.loads(row)[identity]}'", [row])
        self.assertStatus(200, self.vault.get("secret/data/a"))

    def test_a_head_set_back_is_refused(self):
        self.assertStatus(200, self.vault.post("secret/data/a", {"data": {"at": "newer"}}))
        for change in (
            "current_version = current_version - 1",
            "current_version = current_version + 1",
            "oldest_version = oldest_version + 1",
            "max_versions = 1",
            "cas_required = true",
            "owner = 'mallory'",
            "expires_at = now()",
            "description = 'x'",
            "custom_metadata = '{\"a\":\"b\"}'",
            "row_version = row_version + 1",
        ):
            self.refuse(change)

    def heads(self):
        """The heads of secret/a and secret/b, which have one version each."""
        for path in ("a", "b"):
            self.assertStatus(204, self.vault.delete(f"secret/metadata/{path}"))
            self.assertStatus(200, self.vault.post(f"secret/data/{path}", {"data": {"at": path}}))
        rows = self.sql(
            "SELECT h.id FROM kv_head h JOIN mount m ON m.id = h.mount_id WHERE m.path = 'secret/' "
            "AND h.path IN ('a', 'b') ORDER BY h.path"
        )
        a, b = (row[0] for row in rows)
        self.keep("kv_version", f"head_id IN ('{a}', '{b}')")
        return a, b

    def test_swapped_ciphertexts_do_not_open(self):
        a, b = self.heads()
        self.sql(
            "UPDATE kv_version v SET ciphertext = x.ciphertext FROM kv_version x "
            f"WHERE (v.head_id, x.head_id) IN (('{a}', '{b}'), ('{b}', '{a}'))"
        )
        self.assertUnbelieved(self.vault.get("secret/data/a"))
        self.assertUnbelieved(self.vault.get("secret/data/b"))
        self.assertGoesOn()

    def test_swapped_whole_versions_do_not_open(self):
        """Ciphertext, key and MAC of one secret in the row of another."""
        a, b = self.heads()
        self.sql(f"DELETE FROM kv_version WHERE head_id = '{a}'; UPDATE kv_version SET head_id = '{a}' WHERE head_id = '{b}'")
        self.assertUnbelieved(self.vault.get("secret/data/a"))
        self.assertGoesOn()

    def test_a_removed_version_is_noticed(self):
        a, _ = self.heads()
        self.sql(f"DELETE FROM kv_version WHERE head_id = '{a}'")
        self.assertIn(self.vault.get("secret/data/a").status, (404, 500))
        self.assertGoesOn()

    def test_an_older_value_under_a_newer_number_does_not_open(self):
        self.assertStatus(200, self.vault.post("secret/data/a", {"data": {"at": "newer"}}))
        head = self.sql(f"SELECT id, current_version FROM kv_head WHERE {self.HEAD}")[0]
        self.keep("kv_version", f"head_id = '{head[0]}'")
        self.sql(
            f"DELETE FROM kv_version WHERE head_id = '{head[0]}' AND version = {head[1]};"
            f"UPDATE kv_version SET version = {head[1]} WHERE head_id = '{head[0]}' AND version = {int(head[1]) - 1}"
        )
        reply = self.vault.get("secret/data/a")
        self.assertUnbelieved(reply)

    def test_a_deletion_undone_behind_its_back_is_refused(self):
        self.assertStatus(204, self.vault.delete("secret/data/a"))
        head = self.sql(f"SELECT id FROM kv_head WHERE {self.HEAD}")[0][0]
        self.keep("kv_version", f"head_id = '{head}'")
        self.sql(f"UPDATE kv_version SET deleted_at = 'infinity' WHERE head_id = '{head}'")
        self.assertUnbelieved(self.vault.get("secret/data/a"))

    def test_anothers_cubbyhole_does_not_open(self):
        self.assertStatus(204, self.vault.post("cubbyhole/mine", {"k": "roots own"}))
        low = self.vault.token_with('path "cubbyhole/*" { capabilities = ["read"] }', "cubby")
        accessor = self.vault.post("auth/token/lookup", {"token": low}).data["accessor"]
        self.sql(f"UPDATE cubbyhole SET token_id = (SELECT id FROM token WHERE accessor = '{accessor}')")
        reply = self.vault.get("cubbyhole/mine", token=low)
        self.assertIn(reply.status, (404, 500))
        self.assertNotIn("roots own", reply.text)


if __name__ == "__main__":
    unittest.main()
