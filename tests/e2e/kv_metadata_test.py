# SPDX-License-Identifier: ISC
"""Key-value secrets: what is kept beside the values, folders and search."""

import unittest
import urllib.parse

import harness

PATCH = {"Content-Type": "application/merge-patch+json"}


class KvTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})

    @classmethod
    def write(cls, name):
        return cls.vault.post(f"secret/data/{name}", {"data": {"k": "v"}})

    def set(self, name, **settings):
        return self.vault.post(f"secret/metadata/{name}", settings)

    def get(self, name):
        return self.vault.get(f"secret/metadata/{name}").data

    def patch(self, name, **settings):
        return self.vault.request("PATCH", f"secret/metadata/{name}", settings, headers=PATCH)


class MetadataTest(KvTest):
    def test_it_shows_every_version(self):
        self.write("shown")
        self.write("shown")
        self.vault.post("secret/destroy/shown", {"versions": [1]})
        meta = self.get("shown")
        self.assertEqual((2, 0, 0, False), (meta["current_version"], meta["oldest_version"], meta["max_versions"], meta["cas_required"]))
        self.assertEqual("0s", meta["delete_version_after"])
        self.assertIsNone(meta["custom_metadata"])
        self.assertEqual({"1": True, "2": False}, {n: v["destroyed"] for n, v in meta["versions"].items()})

    def test_it_can_come_before_the_first_value(self):
        self.assertStatus(204, self.set("early", max_versions=3))
        self.assertEqual((0, {}), (self.get("early")["current_version"], self.get("early")["versions"]))
        self.assertStatus(404, self.vault.get("secret/data/early"))
        self.assertEqual(1, self.vault.post("secret/data/early", {"data": {}, "options": {"cas": 0}}).data["version"])

    def test_saying_nothing_makes_nothing(self):
        self.assertStatus(204, self.set("nothing"))
        self.assertStatus(404, self.vault.get("secret/metadata/nothing"))

    def test_owner_description_and_expiry_are_kept(self):
        self.set("owned", owner="team-a", description="for the shop", expires_at="2030-05-01T10:00:00+02:00")
        self.write("owned")
        meta = self.get("owned")
        self.assertEqual(("team-a", "for the shop", "2030-05-01T08:00:00Z"), (meta["owner"], meta["description"], meta["expires_at"]))
        self.assertStatus(204, self.set("owned", expires_at=""))
        self.assertEqual("", self.get("owned")["expires_at"])
        self.assertStatus(400, self.set("owned", expires_at="tomorrow"))
        self.assertStatus(400, self.set("owned", owner="a\nb"))
        self.assertStatus(400, self.set("owned", owner="a" * 257))

    def test_writing_replaces_custom_metadata_and_patching_merges_it(self):
        self.set("custom", custom_metadata={"a": "1", "b": "2"})
        self.assertStatus(204, self.patch("custom", custom_metadata={"a": None, "c": "3"}))
        self.assertEqual({"b": "2", "c": "3"}, self.get("custom")["custom_metadata"])
        self.set("custom", custom_metadata={"d": 4})
        self.assertEqual({"d": "4"}, self.get("custom")["custom_metadata"])
        self.set("custom", max_versions=1)
        self.assertEqual({"d": "4"}, self.get("custom")["custom_metadata"])
        self.write("custom")
        self.assertEqual({"d": "4"}, self.vault.get("secret/data/custom").data["metadata"]["custom_metadata"])

    def test_custom_metadata_is_bounded(self):
        for custom in ({str(n): "x" for n in range(65)}, {"k" * 129: "v"}, {"k": "v" * 513}, {"": "v"}, {"k": ""}, {"k": {}}, {"k": "a\tb"}):
            reply = self.assertStatus(400, self.set("bounded", custom_metadata=custom))
            self.assertIn("custom_metadata", reply.errors[0])
        self.assertStatus(204, self.set("bounded", custom_metadata={str(n): "x" for n in range(64)}))
        self.assertStatus(400, self.patch("bounded", custom_metadata={"one": "more"}))

    def test_a_patch_needs_a_key_and_sets_back_what_is_null(self):
        self.assertStatus(404, self.patch("absent", max_versions=1))
        self.set("patched", max_versions=4, cas_required=True, owner="me")
        self.assertStatus(204, self.patch("patched", max_versions=None, cas_required=None))
        meta = self.get("patched")
        self.assertEqual((0, False, "me"), (meta["max_versions"], meta["cas_required"], meta["owner"]))
        self.assertStatus(415, self.vault.request("PATCH", "secret/metadata/patched", {"max_versions": 1}))

    def test_wrong_types_are_named(self):
        for name, value in (("max_versions", "x"), ("cas_required", 7), ("delete_version_after", "-1s"), ("owner", 5), ("custom_metadata", "x")):
            reply = self.assertStatus(400, self.set("wrong", **{name: value}))
            self.assertIn(name, reply.errors[0])

    def test_deleting_removes_every_version(self):
        self.write("removed")
        self.write("removed")
        self.assertStatus(204, self.vault.delete("secret/metadata/removed"))
        self.assertStatus(404, self.vault.get("secret/data/removed"))
        self.assertStatus(404, self.vault.get("secret/metadata/removed"))
        self.assertEqual(1, self.write("removed").data["version"])
        self.assertStatus(204, self.vault.delete("secret/metadata/never-there"))


class ListTest(KvTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("a", "a/x", "a/y/z", "a-b", "b/c", "b/d", "é"):
            cls.write("list/" + urllib.parse.quote(name))

    def keys(self, path, method="LIST"):
        return self.vault.request(method, path).data["keys"]

    def test_sub_folders_appear_once(self):
        self.assertEqual(["a", "a-b", "a/", "b/", "é"], self.keys("secret/metadata/list"))
        self.assertEqual(self.keys("secret/metadata/list"), self.keys("secret/metadata/list/?list=true", "GET"))
        self.assertEqual(["x", "y/"], self.keys("secret/metadata/list/a/"))
        self.assertIn("list/", self.keys("secret/metadata"))

    def test_an_empty_folder_is_not_found(self):
        self.assertEqual({"errors": []}, self.assertStatus(404, self.vault.list("secret/metadata/list/a-b")).json)

    def test_pages_join_to_the_whole(self):
        whole = self.keys("secret/metadata/list")
        for size in (1, 2, 3):
            got, after = [], ""
            while True:
                reply = self.vault.list(f"secret/metadata/list?limit={size}&after={after}")
                if reply.status == 404:
                    break
                self.assertLessEqual(len(reply.data["keys"]), size)
                got += reply.data["keys"]
                after = urllib.parse.quote(got[-1])
            self.assertEqual(whole, got)

    def test_after_need_not_exist(self):
        self.assertEqual(["a/", "b/", "é"], self.keys("secret/metadata/list?after=a-c"))
        self.assertEqual(["b/", "é"], self.keys("secret/metadata/list?after=a/nothing"))

    def test_wrong_limits_are_refused(self):
        for limit in ("-1", "x", "100001"):
            self.assertStatus(400, self.vault.list(f"secret/metadata/list?limit={limit}"))
        self.assertEqual(5, len(self.keys("secret/metadata/list?limit=0")))

    def test_scan_walks_all_below(self):
        self.assertEqual(["a", "a-b", "a/x", "a/y/z", "b/c", "b/d", "é"], self.keys("secret/metadata/list", "SCAN"))
        self.assertEqual(["a/y/z", "b/c"], self.keys("secret/metadata/list?after=a/x&limit=2", "SCAN"))
        self.assertIn("list/a/x", self.keys("secret/metadata", "SCAN"))

    def test_details_come_with_the_keys(self):
        data = self.vault.list("secret/detailed-metadata/list").data
        self.assertEqual(["a", "a-b", "a/", "b/", "é"], data["keys"])
        self.assertEqual({"a", "a-b", "é"}, set(data["key_info"]))
        self.assertEqual(self.get("list/a"), data["key_info"]["a"])
        data = self.vault.request("SCAN", "secret/detailed-metadata/list/b").data
        self.assertEqual(["c", "d"], list(data["key_info"]))


class SearchTest(KvTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("shop/db/password", "shop/api/key", "web/db/password", "web/plain"):
            cls.write(name)
        cls.vault.post("secret/metadata/shop/db/password", {"owner": "anna", "expires_at": "2030-01-01T00:00:00Z"})
        cls.vault.post("secret/metadata/web/db/password", {"owner": "anna", "expires_at": "2031-01-01T00:00:00Z"})

    def found(self, query, **more):
        return self.assertStatus(200, self.vault.get("secret/search?" + query, **more)).data["keys"]

    def test_each_condition_narrows_it(self):
        self.assertEqual(4, len(self.found("")))
        self.assertEqual(["shop/api/key", "shop/db/password"], self.found("prefix=shop/"))
        self.assertEqual(["shop/db/password", "web/db/password"], self.found("owner=anna"))
        self.assertEqual(["shop/db/password", "web/db/password"], self.found("key=password"))
        self.assertEqual(["shop/db/password"], self.found("expires_before=2030-06-01T00:00:00Z"))
        self.assertEqual(["web/db/password"], self.found("owner=anna&key=password&prefix=web"))
        self.assertEqual([], self.found("owner=nobody"))

    def test_pages_go_on_after_the_last_key(self):
        first = self.found("limit=3")
        self.assertEqual(3, len(first))
        self.assertEqual(["web/plain"], self.found(f"limit=3&after={first[-1]}"))

    def test_wrong_parameters_are_refused(self):
        for query in ("limit=0", "limit=-1", "limit=x", "expires_before=soon"):
            self.assertStatus(400, self.vault.get("secret/search?" + query))

    def test_what_may_not_be_read_is_not_found(self):
        token = self.vault.token_with(
            'path "secret/search" { capabilities = ["read"] }\n'
            'path "secret/data/shop/*" { capabilities = ["read"] }\n'
            'path "secret/data/shop/api/*" { capabilities = ["deny"] }\n'
        )
        self.assertEqual(["shop/db/password"], self.found("", token=token))
        self.assertEqual(["shop/db/password"], self.found("limit=1", token=token))
        self.assertEqual([], self.found("prefix=web", token=token))


class PolicyTest(KvTest):
    def test_creating_and_updating_are_told_apart(self):
        create = self.vault.token_with('path "secret/data/c/*" { capabilities = ["create"] }', "creator")
        update = self.vault.token_with('path "secret/data/c/*" { capabilities = ["update"] }', "updater")
        body = {"data": {"a": 1}}
        self.assertStatus(403, self.vault.post("secret/data/c/x", body, token=update))
        self.assertStatus(200, self.vault.post("secret/data/c/x", body, token=create))
        self.assertStatus(403, self.vault.post("secret/data/c/x", body, token=create))
        self.assertStatus(200, self.vault.post("secret/data/c/x", body, token=update))
        self.assertStatus(403, self.vault.get("secret/data/c/x", token=update))

    def test_reading_elsewhere_tells_nothing(self):
        token = self.vault.token_with('path "secret/data/mine/*" { capabilities = ["read"] }', "reader")
        self.write("theirs/a")
        there = self.assertStatus(403, self.vault.get("secret/data/theirs/a", token=token))
        absent = self.assertStatus(403, self.vault.get("secret/data/theirs/b", token=token))
        self.assertEqual(there.json, absent.json)
        self.assertStatus(403, self.vault.get("secret/data/theirs/a", token=""))
        self.assertStatus(403, self.vault.get("secret/data/theirs/a", token="hvs.wrong"))

    def test_a_limit_of_zero_does_not_pass_the_pagination_limit(self):
        token = self.vault.token_with(
            'path "secret/metadata/paged/*" { capabilities = ["list"] pagination_limit = 2 }', "paged"
        )
        for name in "abc":
            self.write("paged/" + name)
        for query in ("", "?limit=0", "?limit=1"):
            reply = self.vault.list("secret/metadata/paged/" + query, token=token)
            if reply.status == 200:
                self.assertLessEqual(len(reply.data["keys"]), 2)
            else:
                self.assertStatus(403, reply)
        self.assertStatus(403, self.vault.list("secret/metadata/paged/?limit=3", token=token))


class TamperTest(KvTest):
    """Who can write to the database can destroy secrets, but not exchange them."""

    def setUp(self):
        self.vault.post("secret/data/one", {"data": {"k": "one"}})
        self.vault.post("secret/data/two", {"data": {"k": "two"}})

    def tearDown(self):
        self.vault.database.query("TRUNCATE kv_head CASCADE")

    def refuse_after(self, sql):
        self.vault.database.query(sql)
        self.assertStatus(500, self.vault.get("secret/data/one"))
        self.assertIn("kv.altered", self.vault.node.read_log())

    def test_an_exchanged_value_does_not_open(self):
        self.refuse_after(
            "UPDATE kv_version v SET ciphertext = o.ciphertext FROM kv_version o JOIN kv_head h ON h.id = o.head_id "
            "WHERE h.path = 'two' AND v.head_id = (SELECT id FROM kv_head WHERE path = 'one')"
        )

    def test_another_row_behind_a_path_is_noticed(self):
        self.refuse_after(
            "BEGIN; CREATE TEMP TABLE was ON COMMIT DROP AS SELECT path_hash FROM kv_head WHERE path = 'one';"
            "DELETE FROM kv_head WHERE path = 'one';"
            "UPDATE kv_head SET path_hash = (SELECT path_hash FROM was) WHERE path = 'two'; COMMIT"
        )

    def test_each_field_is_covered(self):
        for change in (
            "kv_head SET path = 'two'",
            "kv_head SET owner = 'x'",
            "kv_head SET cas_required = true",
            "kv_head SET custom_metadata = '{}'",
            "kv_head SET row_version = 2",
            "kv_head SET expires_at = now()",
            "kv_version SET deleted_at = now()",
            "kv_version SET destroyed = true",
            "kv_version SET created_at = now()",
        ):
            with self.subTest(change):
                self.tearDown()
                self.setUp()
                self.refuse_after("UPDATE " + change)


if __name__ == "__main__":
    unittest.main()
