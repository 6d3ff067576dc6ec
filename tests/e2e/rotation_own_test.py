# SPDX-License-Identifier: ISC
"""The password that a target's rotator logs in with itself: replaced by nodes that are late, while others rotate there,
and when somebody else has changed it."""

import json
import unittest

import harness
import rotation_bench
import rotation_matrix
import rotation_target
from rotation_bench import Own, Roles

LATE_AT = ["own_apply:after", "own_promoted:before"]
ROUNDS = 10 if harness.FULL else 2


class OwnTest(unittest.TestCase):
    def bench(self, nodes=1):
        bench = rotation_bench.Bench(nodes, True)
        self.addCleanup(bench.close)
        return bench

    def test_a_node_that_goes_on_late_leaves_one_password(self):
        bench = self.bench(2)
        tally = rotation_matrix.Tally()
        runs = rotation_matrix.own_late()
        if not harness.FULL:
            steps = [run for run in runs if run.arguments[0] in LATE_AT]
            pieces = [run for run in runs if run.arguments[0] in (16,)]
            runs = steps + pieces
        for run in runs:
            run(bench, tally)
        self.assertEqual([], tally.failed, "\n\n".join(tally.failed))
        self.assertGreater(sum(tally.runs.values()), 0)
        bench.assert_no_secrets()
        bench.verify_audit()

    def test_others_rotate_while_it_is_replaced(self):
        bench = self.bench()
        own = Own(bench)
        own.name = "db"  # of all of them
        own.begin()
        cases = [Roles(bench) for _ in range(4)] + [Roles(bench, pair=True) for _ in range(2)]
        for case in cases:
            case.begin()
        for round_number in range(1, ROUNDS + 1):
            for case in cases[:3]:
                case.ask()
            own.ask()
            for case in cases[3:]:
                case.ask()
            own.wait_settled()
            for case in cases:
                case.settle()
            bench.assertEqual(own.version + round_number, own.state()["password_version"])
            for case in cases:
                creds = case.served()
                bench.assertEqual(case.first["version"] + round_number, creds["version"], case.tell())
                bench.assertIsNone(case.login(creds), case.tell())
        for case in cases:
            case.judge(more=ROUNDS)
        bench.verify_audit()

    def test_somebody_changed_it_by_hand(self):
        bench = self.bench()
        own = Own(bench).begin()
        roles = [f"{own.name}_{name}" for name in ("a", "b", "c")]
        for role, owner in zip(roles, ("one", "one", "two")):
            bench.target.sql(f"CREATE ROLE {role} LOGIN")
            body = {"target": own.name, "account": role, "interval": "1h", "owner": owner, "purpose": "p"}
            own.post(204, f"rotation/credentials/{role}", body)
            bench.wait_for(lambda role=role: bench.vault.get(f"rotation/creds/{role}").status == 200, 20, own.tell)
        node = bench.vault.node
        bench.restart(node, CRASH="own_apply:after")
        own.ask()
        bench.wait_for_death(node, "own_apply:after")
        bench.target.sql(f"ALTER ROLE {own.name} PASSWORD 'by hand'")
        bench.restart(node)
        bench.wait_for(lambda: own.state()["rotation"]["state"] == "blocked", 40, own.tell)
        self.look_at_blocked(bench, own)
        own.post(200, f"rotation/credentials/{roles[0]}/rotate", {"timeout": "0s"})
        own.post(204, f"rotation/targets/{own.name}", {"password": "by hand"})
        status = bench.vault.get("rotation/status").data
        bench.assertEqual([], status["targets"])
        self.assertIn("rotunda_rotation_targets_blocked 0", self.metrics(bench))
        bench.assertEqual("abandoned", own.state()["rotation"]["state"])
        rotated = bench.vault.post(f"rotation/targets/{own.name}/rotate")
        bench.assertEqual("promoted", bench.assertStatus(200, rotated).data["state"])
        bench.wait_for(lambda: bench.vault.get(f"rotation/creds/{roles[0]}").data["version"] == 2, 40, own.tell)

    def test_two_names_of_one_server_are_noticed(self):
        bench = self.bench()
        own = Own(bench).begin()
        first = {**bench.target.settings, "username": own.name, "password": "begin", "timeout": "3s"}
        twin = {**first, "host": "127.0.0.1,127.0.0.1"}
        bench.assertStatus(204, bench.vault.post("rotation/targets/twin", twin))
        for name, other in ((own.name, "twin"), ("twin", own.name)):
            reply = bench.assertStatus(409, bench.vault.post(f"rotation/targets/{name}/rotate"))
            self.assertIn(f"target {other} logs in to the same system", reply.errors[0])
        away = {**twin, "host": "127.0.0.1,127.0.0.1", "port": harness.free_port()}
        bench.assertStatus(204, bench.vault.post("rotation/targets/twin", away))
        reply = bench.assertStatus(409, bench.vault.post(f"rotation/targets/{own.name}/rotate"))
        self.assertIn("could not be found", reply.errors[0])
        # Another server, where somebody began with the same name and password.
        server = rotation_target.Target()
        self.addCleanup(server.destroy)
        server.sql(f"CREATE ROLE {own.name} LOGIN CREATEROLE PASSWORD 'begin'")
        elsewhere = {**twin, "port": server.port, "ca_file": server.ca_file}
        bench.assertStatus(204, bench.vault.post("rotation/targets/twin", elsewhere))
        for name in (own.name, "twin"):
            reply = bench.assertStatus(200, bench.vault.post(f"rotation/targets/{name}/rotate"))
            bench.assertEqual("promoted", reply.data["state"])

    def metrics(self, bench):
        return bench.vault.get("sys/metrics").text

    def look_at_blocked(self, bench, own):
        (shown,) = bench.vault.get("rotation/status").data["targets"]
        found = (shown["name"], shown["state"], shown["error_class"])
        self.assertEqual((own.name, "blocked", "not_permitted"), found)
        self.assertIn("rotunda_rotation_targets_blocked 1", self.metrics(bench))
        reply = bench.assertStatus(409, bench.vault.post(f"rotation/targets/{own.name}/rotate"))
        self.assertIn("give the target the password that works", reply.errors[0])
        rows = bench.vault.database.query("SELECT owner, payload FROM rotation_notice WHERE event = 'blocked'")
        data = [json.loads(payload)["data"] for _, payload in rows]
        told = sorted((d["owner"], d["target"], d["error_class"]) for d in data)
        self.assertEqual([(owner, own.name, "own_password") for owner in ("one", "two")], told)


if __name__ == "__main__":
    unittest.main()
