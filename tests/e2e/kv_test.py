# SPDX-License-Identifier: ISC
"""Key-value secrets: values and their versions."""

import time
import unittest

import harness

PATCH = {"Content-Type": "application/merge-patch+json"}


class KvTest(harness.VaultTest):
    counter = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})

    def setUp(self):
        KvTest.counter += 1
        self.name = f"test{KvTest.counter}/key"

    def write(self, data, name=None, **options):
        body = {"data": data}
        if options:
            body["options"] = options
        return self.vault.post(f"secret/data/{name or self.name}", body)

    def read(self, query=""):
        return self.vault.get(f"secret/data/{self.name}{query}")

    def patch(self, body):
        return self.vault.request("PATCH", f"secret/data/{self.name}", body, headers=PATCH)

    def change(self, what, *versions):
        return self.vault.post(f"secret/{what}/{self.name}", {"versions": list(versions)})


class ValueTest(KvTest):
    def test_what_was_written_is_read_with_its_metadata(self):
        written = self.assertStatus(200, self.write({"user": "anna", "deep": {"a": [1, None]}}))
        self.assertEqual(
            {"created_time", "custom_metadata", "deletion_time", "destroyed", "version"},
            set(written.data),
        )
        reply = self.assertStatus(200, self.read())
        self.assertEqual({"user": "anna", "deep": {"a": [1, None]}}, reply.data["data"])
        self.assertEqual(written.data, reply.data["metadata"])
        self.assertEqual(1, reply.data["metadata"]["version"])
        self.assertEqual("", reply.data["metadata"]["deletion_time"])
        self.assertEqual("application/json", reply.headers["Content-Type"])

    def test_numbers_and_strings_come_back_as_they_were_sent(self):
        sent = b'{"a":1.10,"b":12345678901234567890,"c":1e5,"d":"\\u00e9\\/","e":-0.0}'
        self.vault.post(f"secret/data/{self.name}", b'{"data": ' + sent + b"}")
        self.assertIn(sent, self.read().raw)

    def test_values_may_be_298_levels_deep(self):
        sent = b'{"a":' * 298 + b"1" + b"}" * 298
        self.assertStatus(200, self.vault.post(f"secret/data/{self.name}", b'{"data":' + sent + b"}"))
        self.assertIn(sent, self.read().raw)
        too_deep = b'{"a":' * 400 + b"1" + b"}" * 400
        self.assertStatus(400, self.vault.post(f"secret/data/{self.name}", b'{"data":' + too_deep + b"}"))

    def test_put_means_post(self):
        self.assertStatus(200, self.vault.put(f"secret/data/{self.name}", {"data": {"k": "v"}}))

    def test_a_write_without_an_object_is_refused(self):
        for body in ({}, {"data": None}):
            reply = self.assertStatus(400, self.vault.post(f"secret/data/{self.name}", body))
            self.assertEqual(["no data provided"], reply.errors)
        self.assertStatus(400, self.vault.post(f"secret/data/{self.name}", {"data": [1]}))
        self.assertStatus(400, self.vault.post("secret/data/folder/", {"data": {"a": 1}}))
        self.assertStatus(404, self.read())

    def test_what_was_never_written_is_not_found(self):
        reply = self.assertStatus(404, self.read())
        self.assertEqual({"errors": []}, reply.json)
        self.write({"k": "v"})
        self.assertEqual({"errors": []}, self.assertStatus(404, self.read("?version=7")).json)
        self.assertStatus(400, self.read("?version=x"))
        self.assertStatus(400, self.read("?version=-1"))

    def test_older_versions_stay_readable(self):
        for n in (1, 2, 3):
            self.assertEqual(n, self.write({"n": n}).data["version"])
        for n in (1, 2, 3):
            self.assertEqual({"n": n}, self.read(f"?version={n}").data["data"])
        self.assertEqual({"n": 3}, self.read().data["data"])
        self.assertEqual({"n": 3}, self.read("?version=0").data["data"])

    def test_the_value_stands_nowhere_in_the_database(self):
        self.write({"k": "marker-a7f3e1"})
        rows = self.vault.database.query(
            "SELECT count(*) FROM kv_version WHERE position('marker'::bytea IN ciphertext) > 0"
        )
        self.assertEqual([["0"]], rows)
        self.assertEqual([], [r for r in self.vault.database.query("TABLE audit_record") if "marker" in str(r)])


class CheckAndSetTest(KvTest):
    def test_zero_only_creates(self):
        self.assertStatus(200, self.write({"n": 1}, cas=0))
        reply = self.assertStatus(400, self.write({"n": 2}, cas=0))
        self.assertEqual(["check-and-set parameter did not match the current version"], reply.errors)

    def test_a_number_must_be_the_current_version(self):
        self.write({"n": 1})
        self.assertStatus(400, self.write({"n": 2}, cas=2))
        self.assertStatus(200, self.write({"n": 2}, cas=1))
        self.assertStatus(200, self.write({"n": 3}, cas="2"))
        self.assertStatus(400, self.write({"n": 4}, cas="three"))

    def test_a_key_can_require_it(self):
        self.vault.post(f"secret/metadata/{self.name}", {"cas_required": True})
        reply = self.assertStatus(400, self.write({"n": 1}))
        self.assertEqual(["check-and-set parameter required for this call"], reply.errors)
        self.assertStatus(200, self.write({"n": 1}, cas=0))
        self.assertStatus(400, self.patch({"data": {"n": 2}}))
        self.assertStatus(200, self.patch({"data": {"n": 2}, "options": {"cas": 1}}))


class PatchTest(KvTest):
    def test_only_what_it_names_changes(self):
        self.vault.post(f"secret/data/{self.name}", b'{"data":{"a":1.10,"b":{"x":1,"y":2},"c":"z"}}')
        reply = self.assertStatus(200, self.patch({"data": {"b": {"x": None, "w": 3}, "c": "q"}}))
        self.assertEqual(2, reply.data["version"])
        self.assertIn(b'"a":1.10', self.read().raw)
        self.assertEqual({"a": 1.1, "b": {"y": 2, "w": 3}, "c": "q"}, self.read().data["data"])

    def test_it_needs_its_content_type(self):
        self.write({"a": 1})
        path = f"secret/data/{self.name}"
        self.assertStatus(415, self.vault.request("PATCH", path, {"data": {"a": 2}}))
        wrong = {"Content-Type": "application/json"}
        self.assertStatus(415, self.vault.request("PATCH", path, {"data": {"a": 2}}, headers=wrong))
        right = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
        self.assertStatus(200, self.vault.request("PATCH", path, {"data": {"a": 2}}, headers=right))

    def test_there_must_be_something_to_patch(self):
        self.assertEqual({"errors": []}, self.assertStatus(404, self.patch({"data": {"a": 1}})).json)
        self.write({"a": 1})
        self.vault.delete(f"secret/data/{self.name}")
        reply = self.assertStatus(404, self.patch({"data": {"a": 2}}))
        self.assertNotEqual("", reply.data["deletion_time"])
        self.assertStatus(400, self.patch({"options": {}}))


class VersionTest(KvTest):
    def test_a_deleted_version_answers_404_with_its_metadata(self):
        self.write({"n": 1})
        self.assertStatus(204, self.vault.delete(f"secret/data/{self.name}"))
        reply = self.assertStatus(404, self.read())
        self.assertIsNone(reply.data["data"])
        self.assertNotEqual("", reply.data["metadata"]["deletion_time"])
        self.assertFalse(reply.data["metadata"]["destroyed"])

    def test_deleting_the_latest_leaves_the_others(self):
        self.write({"n": 1})
        self.write({"n": 2})
        self.vault.delete(f"secret/data/{self.name}")
        self.assertStatus(404, self.read())
        self.assertStatus(200, self.read("?version=1"))

    def test_undelete_brings_versions_back(self):
        for n in (1, 2, 3):
            self.write({"n": n})
        self.assertStatus(204, self.change("delete", 1, 2))
        self.assertStatus(404, self.read("?version=2"))
        self.assertStatus(204, self.change("undelete", 2, 9))
        self.assertEqual({"n": 2}, self.read("?version=2").data["data"])
        self.assertEqual("", self.read("?version=2").data["metadata"]["deletion_time"])
        self.assertStatus(404, self.read("?version=1"))

    def test_destroy_is_final(self):
        self.write({"n": 1})
        self.assertStatus(204, self.vault.put(f"secret/destroy/{self.name}", {"versions": "1"}))
        self.change("undelete", 1)
        reply = self.assertStatus(404, self.read())
        self.assertTrue(reply.data["metadata"]["destroyed"])
        rows = self.vault.database.query(
            f"SELECT v.ciphertext IS NULL FROM kv_version v JOIN kv_head h ON h.id = v.head_id "
            f"WHERE h.path = '{self.name}'"
        )
        self.assertEqual([["t"]], rows)

    def test_version_numbers_must_be_given(self):
        for body in ({}, {"versions": []}):
            reply = self.assertStatus(400, self.vault.post(f"secret/delete/{self.name}", body))
            self.assertEqual(["No version number provided"], reply.errors)
        self.assertStatus(400, self.vault.post(f"secret/destroy/{self.name}", {"versions": ["x"]}))
        self.assertStatus(204, self.change("delete", 1))

    def test_only_the_newest_are_kept(self):
        for n in range(12):
            self.write({"n": n})
        self.assertStatus(404, self.read("?version=2"))
        self.assertStatus(200, self.read("?version=3"))
        meta = self.vault.get(f"secret/metadata/{self.name}").data
        self.assertEqual(3, meta["oldest_version"])
        self.assertEqual(10, len(meta["versions"]))

    def test_a_key_keeps_as_many_as_it_says(self):
        self.vault.post(f"secret/metadata/{self.name}", {"max_versions": 2})
        for n in range(5):
            self.write({"n": n})
        self.assertEqual(["4", "5"], sorted(self.vault.get(f"secret/metadata/{self.name}").data["versions"]))
        self.vault.post(f"secret/metadata/{self.name}", {"max_versions": 1})
        self.write({"n": 6})
        self.assertEqual(["6"], list(self.vault.get(f"secret/metadata/{self.name}").data["versions"]))

    def test_a_version_can_have_its_end_set(self):
        self.vault.post(f"secret/metadata/{self.name}", {"delete_version_after": "1s"})
        written = self.write({"n": 1})
        self.assertNotEqual("", written.data["deletion_time"])
        self.assertStatus(200, self.read())
        time.sleep(1.1)
        self.assertStatus(404, self.read())


class SubkeysTest(KvTest):
    def test_values_are_left_out(self):
        self.write({"a": "secret", "b": {"c": [1], "d": {}, "e": {"f": "x"}}})
        reply = self.assertStatus(200, self.vault.get(f"secret/subkeys/{self.name}"))
        self.assertEqual({"a": None, "b": {"c": None, "d": None, "e": {"f": None}}}, reply.data["subkeys"])
        self.assertEqual(1, reply.data["metadata"]["version"])

    def test_depth_and_version_bound_it(self):
        self.write({"b": {"e": {"f": "x"}}})
        self.write({"z": 1})
        path = f"secret/subkeys/{self.name}?version=1"
        self.assertEqual({"b": None}, self.vault.get(path + "&depth=1").data["subkeys"])
        self.assertEqual({"b": {"e": None}}, self.vault.get(path + "&depth=2").data["subkeys"])
        self.assertStatus(400, self.vault.get(path + "&depth=x"))

    def test_a_deleted_version_shows_none(self):
        self.write({"a": 1})
        self.vault.delete(f"secret/data/{self.name}")
        reply = self.assertStatus(404, self.vault.get(f"secret/subkeys/{self.name}"))
        self.assertIsNone(reply.data["subkeys"])


class ConfigTest(harness.VaultTest):
    def setUp(self):
        self.vault.delete("sys/mounts/conf")
        self.vault.post("sys/mounts/conf", {"type": "kv", "options": {"version": "2"}})

    def test_it_begins_with_the_defaults_and_keeps_what_is_set(self):
        defaults = {"cas_required": False, "delete_version_after": "0s", "max_versions": 0}
        self.assertEqual(defaults, self.vault.get("conf/config").data)
        self.assertStatus(204, self.vault.post("conf/config", {"max_versions": 5}))
        self.assertStatus(204, self.vault.post("conf/config", {"delete_version_after": "3h25m19s"}))
        expected = {"cas_required": False, "delete_version_after": "3h25m19s", "max_versions": 5}
        self.assertEqual(expected, self.vault.get("conf/config").data)

    def test_wrong_values_are_named_and_refused(self):
        for body in ({"max_versions": "x"}, {"max_versions": -1}, {"cas_required": "maybe"}, {"delete_version_after": "soon"}):
            reply = self.assertStatus(400, self.vault.post("conf/config", body))
            self.assertIn(next(iter(body)), reply.errors[0])

    def test_the_mount_can_require_check_and_set(self):
        self.vault.post("conf/config", {"cas_required": True})
        self.assertStatus(400, self.vault.post("conf/data/a", {"data": {"a": 1}}))
        self.assertStatus(200, self.vault.post("conf/data/a", {"data": {"a": 1}, "options": {"cas": 0}}))
        reply = self.assertStatus(200, self.vault.post("conf/metadata/a", {"cas_required": False}))
        self.assertIn("will be ignored", reply.json["warnings"][0])

    def test_the_shorter_life_of_mount_and_key_counts_unless_the_mount_has_it_off(self):
        self.vault.post("conf/metadata/a", {"delete_version_after": "2h"})
        self.vault.post("conf/config", {"delete_version_after": "1h"})
        written = self.vault.post("conf/data/a", {"data": {"a": 1}}).data
        self.assertEqual(3600, seconds_between(written["created_time"], written["deletion_time"]))
        self.vault.post("conf/config", {"delete_version_after": "-1s"})
        self.assertEqual("", self.vault.post("conf/data/a", {"data": {"a": 1}}).data["deletion_time"])

    def test_tuning_the_mount_keeps_it(self):
        self.vault.post("conf/config", {"max_versions": 7})
        self.vault.post("sys/mounts/conf/tune", {"max_lease_ttl": "1h"})
        self.assertEqual(7, self.vault.get("conf/config").data["max_versions"])


def seconds_between(earlier, later):
    def parse(text):
        return time.mktime(time.strptime(text.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S"))

    return parse(later) - parse(earlier)


if __name__ == "__main__":
    unittest.main()
