# SPDX-License-Identifier: ISC
"""sys/metrics as a monitoring system reads it: strictly well-formed, named by convention, documented, and
telling what happened."""

import os
import re
import threading
import unittest

import harness
import prometheus
from postgres import TREE, wait_until


class MetricsTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vault.post("sys/mounts/secret", {"type": "kv"})
        cls.vault.post("sys/audit/main", {"type": "file", "options": {"file_path": "main.jsonl"}})
        cls.vault.post("secret/data/a", {"data": {"k": "v"}})
        wait_until(lambda: "rotunda_audit_checkpoint_age_seconds" in cls.scrape(cls), 10, "a checkpoint was made")

    def scrape(self):
        reply = self.vault.get("sys/metrics")
        assert reply.status == 200, reply
        return prometheus.parse(reply.text)

    def value(self, name, **labels):
        """Summed over the workers."""
        wanted = set(labels.items())
        return sum(v for (_, found), v in self.scrape()[name].samples.items() if wanted <= set(found))

    def test_is_well_formed_under_load(self):
        ending = threading.Event()

        def ask():
            while not ending.is_set():
                self.vault.get("secret/data/a")

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            for _ in range(20):
                self.scrape()
        finally:
            ending.set()
            for client in clients:
                client.join()

    def test_a_label_can_hold_what_its_owner_likes(self):
        name = 'odd"name\\here'
        path = "sys/audit/odd%22name%5Chere"
        reply = self.vault.post(path, {"type": "file", "options": {"file_path": "odd.jsonl"}})
        if reply.status == 204:
            self.addCleanup(self.vault.delete, path)
            sinks = {dict(labels)["sink"] for _, labels in self.scrape()["rotunda_audit_sink_failing"].samples}
            self.assertIn(name.replace("\\", "\\\\").replace('"', '\\"') + "/", sinks)

    def test_every_metric_is_documented_and_nothing_else(self):
        with open(os.path.join(TREE, "docs", "monitoring.md"), encoding="utf-8") as f:
            documented = set(re.findall(r"`((?:rotunda|process)_[a-z_]+)(?:\{[^`]*\})?`", f.read()))
        found = set(self.scrape())
        self.assertEqual(set(), found - documented, "not in docs/monitoring.md")
        without_tls = {"rotunda_tls_certificate_expiry_seconds"}  # tlsreload_test.py has it
        self.assertEqual(without_tls, documented - found, "only in docs/monitoring.md")

    def test_requests_are_told_apart(self):
        before = self.value("rotunda_requests_total", operation="read", code="403")
        durations = self.value("rotunda_request_duration_seconds", operation="read")
        token = self.vault.token_with('path "sys/none" { capabilities = ["read"] }', "metricsdenied")
        self.assertStatus(403, self.vault.get("secret/data/a", token=token))
        self.assertEqual(before + 1, self.value("rotunda_requests_total", operation="read", code="403"))
        self.assertGreater(self.value("rotunda_request_duration_seconds", operation="read"), durations)

    def test_what_cannot_be_read_counts_as_what_it_would_have_been(self):
        before = self.value("rotunda_requests_total", operation="update", code="400")
        other = self.value("rotunda_requests_total", operation="other")
        self.assertStatus(400, self.vault.post("secret/data/a", b"{broken"))
        self.assertEqual(before + 1, self.value("rotunda_requests_total", operation="update", code="400"))
        self.assertEqual(other, self.value("rotunda_requests_total", operation="other"))
        self.assertStatus(200, self.vault.get("sys/seal-status"))
        self.assertEqual(other + 1, self.value("rotunda_requests_total", operation="other"))

    def test_failures_of_nobody_are_counted(self):
        before = self.value("rotunda_unauthenticated_failures_total")
        summed = self.value("rotunda_unauthenticated_failures_summed_total")
        for _ in range(200):
            self.assertStatus(403, self.vault.get("secret/data/a", token="hvs.nobody"))
        self.assertEqual(before + 200, self.value("rotunda_unauthenticated_failures_total"))
        # A burst of 60 for each worker, then one a second, is recorded one by one.
        self.assertGreater(self.value("rotunda_unauthenticated_failures_summed_total"), summed)

    def test_tokens_are_counted(self):
        before = self.value("rotunda_tokens")
        made = self.vault.post("auth/token/create", {"policies": ["default"]}).json["auth"]
        self.assertEqual(before + 1, self.value("rotunda_tokens"))
        self.vault.post("auth/token/revoke-accessor", {"accessor": made["accessor"]})
        self.assertEqual(before, self.value("rotunda_tokens"))

    def test_the_node_is_described(self):
        self.assertEqual(1, self.value("rotunda_unsealed"))
        self.assertEqual(1, self.value("rotunda_database_figures"))
        self.assertEqual(self.workers, self.value("rotunda_batch_connected"))
        self.assertEqual(self.workers, self.value("rotunda_audit_open_chains"))
        self.assertGreater(self.value("rotunda_sessions", state="idle"), 0)
        self.assertEqual(0, self.value("rotunda_alarm"))
        self.assertLess(self.value("rotunda_audit_checkpoint_age_seconds"), 300)
        self.assertGreater(self.value("rotunda_audit_sink_written_lines_total", sink="main/"), 0)

    def test_the_figures_of_the_database_are_left_out_rather_than_waited_for(self):
        query = self.vault.database.query
        query("ALTER TABLE rotation_credential RENAME TO elsewhere")
        try:
            families = self.scrape()
        finally:
            query("ALTER TABLE elsewhere RENAME TO rotation_credential")
        self.assertEqual([0], list(families["rotunda_database_figures"].samples.values()))
        self.assertNotIn("rotunda_tokens", families)
        self.assertIn("rotunda_requests_total", families)


if __name__ == "__main__":
    unittest.main()
