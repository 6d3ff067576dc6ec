# SPDX-License-Identifier: ISC
"""The alarm before the disk is full: the size of the vault's database against a bound that is configured."""

import json
import unittest

import harness
from postgres import wait_until

BOUND = 40 * 1024 * 1024


class RoomTest(harness.VaultTest):
    # Measured every sixth round; a round is as long as the interval of checkpoints.
    config = f"""
audit {{
  checkpoint_interval_s = 1
  alarm_bytes = {10 * BOUND}
}}
"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        node = cls.vault.node
        assert node.stop() == 0
        with open(node.config, encoding="utf-8") as f:
            text = f.read()
        with open(node.config, "w", encoding="utf-8") as f:
            f.write(text.replace("database {", f"database {{\n  alarm_bytes = {BOUND}"))
        cls.vault.restart(node)

    def alarms(self):
        return self.assertStatus(200, self.vault.get("sys/health", token="")).json["alarms"]

    def metric(self, name):
        for line in self.assertStatus(200, self.vault.get("sys/metrics")).text.splitlines():
            if line.startswith(name + " "):
                return float(line.split(" ")[-1])
        raise AssertionError(name)

    def lines(self, event):
        found = [json.loads(line) for line in self.vault.node.read_log().splitlines()]
        return [line for line in found if line["event"] == event]

    def test_crossing_the_bound_is_told_and_going_back_too(self):
        wait_until(lambda: self.metric("rotunda_database_size_bytes") > 0, 20, "it was measured")
        self.assertGreater(self.metric("rotunda_audit_size_bytes"), 0)
        self.assertLess(self.metric("rotunda_database_size_bytes"), BOUND)
        self.assertEqual([], self.alarms())
        query = self.vault.database.query
        query(f"CREATE TABLE junk AS SELECT repeat(md5(i::text), 200) AS t FROM generate_series(1, {BOUND // 6000}) AS i")
        query("ALTER TABLE junk ALTER t SET STORAGE PLAIN")
        query(f"INSERT INTO junk SELECT repeat(md5(i::text), 200) FROM generate_series(1, {BOUND // 6000}) AS i")
        wait_until(lambda: self.alarms() == ["room_short"], 20, "the alarm is raised")
        self.assertGreaterEqual(self.metric("rotunda_database_size_bytes"), BOUND)
        self.assertEqual(1, self.metric('rotunda_alarm{alarm="room_short"}'))
        told = self.lines("audit.room_short")
        self.assertEqual(1, len(told))
        self.assertEqual((BOUND, 10 * BOUND), (told[0]["database_alarm_bytes"], told[0]["audit_alarm_bytes"]))
        self.assertGreaterEqual(told[0]["database_bytes"], BOUND)
        query("DROP TABLE junk")
        wait_until(lambda: self.alarms() == [], 20, "the alarm is over")
        self.assertEqual(1, len(self.lines("audit.room_enough")))


if __name__ == "__main__":
    unittest.main()
