# SPDX-License-Identifier: ISC
"""Key-value secrets: many writers on several nodes at once, and folders of many keys."""

import threading
import time
import unittest

import harness

WRITERS = 16


class RaceTest(harness.VaultTest):
    node_count = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        cls.vault.post("secret/config", {"max_versions": 1000})

    def at_once(self, work):
        """Runs work(node, number) in WRITERS threads, spread over the nodes; their replies."""
        replies = [None] * WRITERS
        gate = threading.Barrier(WRITERS)

        def run(number):
            gate.wait()
            replies[number] = work(self.vault.nodes[number % 2], number)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(WRITERS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return replies

    def post(self, node, path, body):
        return node.request("POST", path, body, self.vault.token)

    def test_no_write_is_lost_and_each_has_a_version_of_its_own(self):
        replies = self.at_once(lambda node, n: self.post(node, "secret/data/busy", {"data": {"n": n}}))
        self.assertEqual([200] * WRITERS, [r.status for r in replies])
        self.assertEqual(list(range(1, WRITERS + 1)), sorted(r.data["version"] for r in replies))
        for n, reply in enumerate(replies):
            read = self.vault.get(f"secret/data/busy?version={reply.data['version']}")
            self.assertEqual({"n": n}, read.data["data"])

    def test_one_check_and_set_wins(self):
        body = {"data": {"a": 1}, "options": {"cas": 0}}
        replies = self.at_once(lambda node, n: self.post(node, "secret/data/once", body))
        self.assertEqual([200] + [400] * (WRITERS - 1), sorted(r.status for r in replies))

    def test_patches_of_different_members_all_take_effect(self):
        self.vault.post("secret/data/patched", {"data": {}})
        headers = {"Content-Type": "application/merge-patch+json"}

        def patch(node, n):
            return node.request("PATCH", "secret/data/patched", {"data": {f"m{n}": n}}, self.vault.token, headers)

        self.assertEqual([200] * WRITERS, [r.status for r in self.at_once(patch)])
        self.assertEqual(WRITERS, len(self.vault.get("secret/data/patched").data["data"]))

    def test_every_change_has_one_audit_record_and_no_effect_is_left(self):
        replies = self.at_once(lambda node, n: self.post(node, "secret/data/audited", {"data": {"n": n}}))
        ids = {r.json["request_id"] for r in replies}
        rows = self.vault.database.query(
            "SELECT request_id FROM audit_record WHERE path = 'secret/data/audited' AND effect AND result = 200"
        )
        self.assertEqual(ids, {r[0] for r in rows})
        self.assertEqual([["0"]], self.vault.database.query("SELECT count(*) FROM effect"))

    def test_a_change_on_one_node_holds_on_the_other_at_once(self):
        one, other = self.vault.nodes
        for n in range(20):
            self.post(one, "secret/data/seen", {"data": {"n": n}})
            reply = other.request("GET", "secret/data/seen", token=self.vault.token)
            self.assertEqual({"n": n}, reply.data["data"])

    def test_removing_and_writing_at_once_leaves_either(self):
        path = "secret/data/torn"

        def work(node, n):
            if n % 2:
                return node.request("DELETE", "secret/metadata/torn", token=self.vault.token)
            return self.post(node, path, {"data": {"n": n}})

        replies = self.at_once(work)
        self.assertTrue(all(r.status in (200, 204) for r in replies), replies)
        self.assertIn(self.vault.get(path).status, (200, 404))


class ManyKeysTest(harness.VaultTest):
    COUNT = 500000 if harness.FULL else 20000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        # LIST shows names without looking at the rows, so that these need no MAC.
        cls.vault.database.query(
            "INSERT INTO kv_head SELECT gen_random_uuid(), 1, m.id, sha256(n::text::bytea), "
            "'many/' || lpad((n / 50)::text, 6, '0') || '/k' || n, 0, 0, 0, false, 0, '', '', 'infinity', '', "
            "now(), now(), 1, '' FROM mount m, generate_series(1, " + str(cls.COUNT) + ") AS n WHERE m.path = 'secret/'"
        )
        cls.vault.database.query("VACUUM ANALYZE kv_head")

    def test_a_page_costs_what_it_holds_not_what_the_folder_does(self):
        self.check_page("many/", 100)
        self.check_page("many/000100/", 50)

    def check_page(self, folder, expected):
        mount = self.vault.database.query("SELECT id FROM mount WHERE path = 'secret/'")[0][0]
        plan = self.vault.database.query(
            f"SELECT count(*) FROM kv_list('{mount}', '{folder}', '', 100);"
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT * FROM kv_list('{mount}', '{folder}', '', 100)"
        )
        self.assertEqual([str(expected)], plan[0])
        read = [int(row[0].split("hit=")[1].split()[0]) for row in plan if "shared hit=" in row[0]]
        self.assertLess(read[0], 1000, "pages touched")

    def test_pages_walk_the_whole_folder(self):
        seen, after = 0, ""
        start = time.monotonic()
        while True:
            reply = self.vault.list(f"secret/metadata/many/?limit=100&after={after}")
            if reply.status == 404:
                break
            seen += len(reply.data["keys"])
            after = reply.data["keys"][-1]
        self.assertEqual(self.COUNT // 50 + 1, seen)
        self.assertLess(time.monotonic() - start, 60)


if __name__ == "__main__":
    unittest.main()
