# SPDX-License-Identifier: ISC
"""Each kind of credential at a mock target, through each fault: afterwards exactly one value is current, it
works, nothing unknown is left at the target, and nothing was made twice where once was enough."""

import concurrent.futures
import contextlib
import fcntl
import json
import os
import signal
import time
import traceback
import unittest

import harness

CONFIG = "rotation {\n  min_interval_s = 1\n}\n"
OVERLAPPING = ("mock-slots", "mock-keys", "mock-issuer")
BEFORE = "die_before_commit crash hang garbage flood other_attempt".split()
AFTER = "die_after_commit lose_reply land_late".split()
REFUSED = "unreachable throttled".split()


class Entry:
    """A line of the mock's state that has a value."""

    def __init__(self, line):
        words = line.split()
        self.id, self.attempt = words[1], words[2]
        self.value = bytes.fromhex(words[4]).decode()
        self.enabled = words[5] == "on"
        valid_until_us = int(words[6])
        self.expired = 0 < valid_until_us <= time.time() * 1e6


class Case:
    """A credential and a target of its own."""

    def __init__(self, test, name, rotator, target=None, **fields):
        self.test, self.name, self.rotator = test, name, rotator
        self.folder = harness.tempfile.mkdtemp(prefix="rotunda-kinds.")
        os.chmod(self.folder, 0o777)
        test.addCleanup(harness.shutil.rmtree, self.folder, True)
        self.seed()
        body = {"rotator": rotator, "state_dir": self.folder, "username": "u", "password": "p", "timeout": "1s"}
        self.post(204, f"rotation/targets/{name}", {**body, **(target or {})})
        body = {"target": name, "account": "app", "interval": "1h", "owner": "o", "purpose": "p"}
        if rotator in OVERLAPPING:
            body["grace"] = "1s"
        if rotator == "mock-mint":
            del body["interval"]
        if rotator == "mock-rolled-shown":
            body["password"] = "from-before"
        body.update(fields)
        self.post(204, f"rotation/credentials/{name}", body)

    def seed(self):
        path = os.path.join(self.folder, "state")
        if self.rotator == "mock-rolled-shown":
            with open(path, "w", encoding="ascii") as f:
                f.write(f"app - - 0 {b'from-before'.hex()} on 0 0 0\n")
            os.chmod(path, 0o666)

    def post(self, expected, path, body=None):
        return self.test.assertStatus(expected, self.test.vault.post(path, body))

    def break_(self, **settings):
        self.post(204, f"rotation/targets/{self.name}", {**settings, "password": "p"})

    def rotate(self, timeout="0s"):
        return self.post(200, f"rotation/credentials/{self.name}/rotate", {"timeout": timeout}).data

    def acknowledge(self, expected=204, **body):
        return self.post(expected, f"rotation/credentials/{self.name}/acknowledge", body)

    def info(self):
        return self.test.assertStatus(200, self.test.vault.get(f"rotation/credentials/{self.name}")).data

    def creds(self, query=""):
        return self.test.vault.get(f"rotation/creds/{self.name}{query}")

    def events(self):
        reply = self.test.vault.get(f"rotation/credentials/{self.name}/history")
        return self.test.assertStatus(200, reply).data["events"]

    def wait(self, state, seconds=40):
        self.test.wait_for(lambda: self.info()["state"] == state, seconds, lambda: (self.name, self.events()[-6:]))

    def served(self):
        self.test.wait_for(lambda: self.creds().status == 200, 40, lambda: (self.name, self.events()[-6:]))
        return self.creds().data

    def entries(self):
        with open(os.path.join(self.folder, "state"), encoding="ascii") as f:
            fcntl.flock(f, fcntl.LOCK_SH)  # the mock writes it under its lock
            entries = [Entry(line) for line in f if line.split()[4] != "-"]
        return [e for e in entries if not e.expired]

    def calls(self, operation):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.folder, "calls"), encoding="ascii") as f:
            return sum(line.split()[0] == operation for line in f)
        return 0

    def remove_entry(self, name):
        """Somebody ended it there."""
        with open(os.path.join(self.folder, "state"), "r+", encoding="ascii") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            lines = [line for line in f if line.split()[1] != name]
            f.seek(0)
            f.writelines(lines)
            f.truncate()

    def add_entry(self, name, attempt="-"):
        """Something that somebody else made there."""
        with open(os.path.join(self.folder, "state"), "a", encoding="ascii") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.write(f"app {name} {attempt} 0 {b'of-a-stranger'.hex()} on 0 0 0\n")


class KindsTest(harness.VaultTest):
    config = CONFIG
    lease_ms = 4000

    @classmethod
    def setUpClass(cls):
        os.environ["ROTUNDA_TEST_ROTATION_LEASE_MS"] = str(cls.lease_ms * harness.SLOWNESS)
        super().setUpClass()
        reply = cls.vault.post("sys/mounts/rotation", {"type": "rotation"})
        assert reply.status == 204, reply

    def wait_for(self, what, seconds, why):
        deadline = time.monotonic() + seconds * harness.SLOWNESS
        while not (found := what()):
            if time.monotonic() > deadline:
                self.fail(f"waited in vain: {why()}")
            time.sleep(0.1)
        return found

    def assertWhole(self, case, unknown=()):
        """What is served is the only value that the target has, but for what others have there."""
        creds = case.served()
        left = [e for e in case.entries() if e.id not in unknown]
        where = (case.name, [vars(e) for e in left], case.events()[-8:])
        self.assertEqual(1, len(left), where)
        self.assertTrue(left[0].enabled, where)
        if case.rotator == "mock-keys":
            self.assertEqual(creds["public_part"], left[0].value, where)
        else:
            self.assertEqual(creds["password"], left[0].value, where)
        if left[0].id != "-":
            self.assertEqual(creds["external_id"], left[0].id, where)

    def begin(self, prefix, rotators, faults, **more):
        """One credential for each rotator and fault, rotated once without the fault."""
        # At the small scale each rotator gets every third fault, the issuer of keys all of them.
        every = 1 if harness.FULL or len(faults) < 4 else 3
        pairs = [(r, f) for i, r in enumerate(rotators) for f in self.some(faults, r, i, every)]
        cases = [(Case(self, f"{prefix}_{r}_{f}", r, **more), f) for r, f in pairs]
        for case, _ in cases:
            case.first = case.served()
        for case, _ in cases:
            case.wait("idle")
        return cases

    @staticmethod
    def some(faults, rotator, at, every):
        return faults if rotator == "mock-issuer" else faults[at % every :: every]

    def run_with_faults(self, cases):
        """Rotates all of them with their faults, which happen once; returns when all is over."""
        for case, fault in cases:
            case.applies = case.calls("apply")
            case.break_(fault=fault, fault_once="true")
            case.rotate()
        for case, _ in cases:
            case.wait("idle")


class LifeScenarios(KindsTest):
    def scenario_every_kind_is_rotated_and_leaves_nothing_behind(self):
        rotators = (*OVERLAPPING, "mock", "mock-rolled", "mock-rolled-shown", "mock-mint")
        cases = self.begin("plain", rotators, [None])
        for case, _ in cases:
            case.applies = case.calls("apply")
            self.assertIsNone(case.rotate("20s")["error_class"], case.name)
        for case, _ in cases:
            if case.rotator == "mock-mint":
                self.assertIsNotNone(case.served()["valid_until"])
                continue
            case.wait("idle")
            self.assertWhole(case)
            self.assertNotEqual(case.first["password"], case.served()["password"])
            self.assertEqual(case.applies + 1, case.calls("apply"))

    def scenario_an_issued_value_is_disabled_and_observed_before_it_is_ended(self):
        case = Case(self, "observed", "mock-issuer", grace="3s")
        first = case.served()
        case.wait("idle")
        self.assertIsNone(case.rotate("20s")["error_class"])
        self.assertEqual(first["password"], case.creds("?version=previous").data["password"])
        old = lambda: [e for e in case.entries() if e.id == first["external_id"]]  # noqa: E731
        self.assertTrue(old()[0].enabled)
        self.wait_for(lambda: old() and not old()[0].enabled, 20, case.events)
        self.assertStatus(404, case.creds("?version=previous"))
        case.wait("idle")
        self.assertEqual([], old())
        self.assertWhole(case)

    def scenario_what_is_short_lived_is_minted_anew_before_it_ends(self):
        case = Case(self, "minted", "mock-mint", {"life_s": "6"})
        seen = set()

        def minted():
            reply = self.assertStatus(200, case.creds())
            seen.add(reply.data["password"])
            self.assertIn(reply.data["password"], [e.value for e in case.entries()])
            return len(seen) > 2

        case.served()
        self.wait_for(minted, 30, case.events)

    def scenario_a_pause_lets_a_short_lived_value_expire_and_says_so(self):
        case = Case(self, "resting", "mock-mint", {"life_s": "6"})
        until = case.served()["valid_until"]
        reply = case.post(200, "rotation/credentials/resting/pause")
        until = case.creds().data["valid_until"]
        by_hand = "until the credential is resumed or rotated by hand"
        self.assertIn(f"expires at {until}: no other one is made {by_hand}", reply.json["warnings"][0])
        env = {**os.environ, "ROTUNDA_ADDR": f"http://127.0.0.1:{self.vault.node.port}", "ROTUNDA_TOKEN": self.vault.token}
        command = [harness.PROGRAM, "rotation", "pause", "resting"]
        done = harness.subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn(f"expires at {until}", done.stderr)
        reply = self.wait_for(lambda: case.creds().status == 503 and case.creds(), 20, case.events)
        paused = [e["time"] for e in case.events() if e["state"] == "paused"]
        self.assertEqual(1, len(paused))
        self.assertIn(f"it is paused since {paused[0]}", reply.errors[0])
        self.assertIn("until it is resumed (", reply.errors[0])
        self.assertIn("or rotated by hand", reply.errors[0])
        reply = case.post(200, "rotation/credentials/resting/pause")
        self.assertIn(f"has expired at {until}: no other one is made {by_hand}", reply.json["warnings"][0])
        reply = case.post(200, "rotation/credentials/resting/resume")
        self.assertIsNone(reply.json["warnings"])
        self.assertTrue(reply.data["due_now"])
        case.served()

    def scenario_what_has_expired_is_not_served(self):
        case = Case(self, "expired", "mock-mint", {"life_s": "3"})
        case.served()
        case.break_(fault="unreachable")
        reply = self.wait_for(lambda: case.creds().status == 503 and case.creds(), 20, case.events)
        self.assertIn("expired", reply.errors[0])
        self.assertGreaterEqual(int(reply.headers["Retry-After"]), 1)
        case.break_(fault=None)
        case.served()

    def scenario_a_value_that_is_accepted_late_is_waited_for(self):
        cases = self.begin("slow", OVERLAPPING + ("mock",), [None], target={"accept_after_ms": "800"})
        for case, _ in cases:
            case.rotate()
        for case, _ in cases:
            case.wait("idle")
            self.assertWhole(case)
            self.assertEqual(2, case.calls("apply"), case.name)
            self.assertNotIn("reconcile", [e["state"] for e in case.events()])


class FaultScenarios(LifeScenarios):
    def scenario_before_the_commit_nothing_has_changed(self):
        cases = self.begin("before", (*OVERLAPPING, "mock-rolled", "mock-rolled-shown"), BEFORE + REFUSED)
        self.run_with_faults(cases)
        for case, fault in cases:
            self.assertWhole(case)
            self.assertEqual(case.applies + 2, case.calls("apply"))

    def scenario_a_lost_reply_leaves_no_orphan(self):
        cases = self.begin("after", (*OVERLAPPING, "mock", "mock-rolled"), AFTER)
        self.run_with_faults(cases)
        for case, fault in cases:
            self.assertWhole(case)
            made = case.calls("apply") - case.applies
            self.assertLessEqual(made, 2, case.events()[-12:])

    def scenario_a_lying_probe_decides_nothing_for_long(self):
        cases = self.begin("lie", OVERLAPPING, ["lie_rejected"])
        for case, fault in cases:
            case.break_(fault=fault, fault_op="probe", fault_once="true")
            case.rotate()
        for case, _ in cases:
            case.wait("idle")
            self.assertWhole(case)

    def scenario_what_is_not_tagged_is_disabled_at_most_and_named(self):
        case = Case(self, "untagged", "mock-issuer", {"tags": "false", "cap": "5"})
        case.served()
        case.wait("idle")
        case.add_entry("old-key")
        case.break_(fault="lose_reply", fault_once="true")
        case.rotate()
        case.wait("idle")
        unknown = [e for e in case.entries() if not e.enabled]
        self.assertEqual(1, len(unknown))
        self.assertTrue(any(unknown[0].id in e["detail"] for e in case.events()), case.events())
        self.assertWhole(case, (unknown[0].id, "old-key"))
        self.assertTrue(next(e for e in case.entries() if e.id == "old-key").enabled)

    def scenario_keys_of_strangers_are_never_touched(self):
        case = Case(self, "strange", "mock-issuer", {"cap": "5"})
        case.served()
        case.wait("idle")
        case.add_entry("before")
        case.add_entry("tagged", "0197a2b4-0000-7000-8000-000000000000")
        case.break_(fault="lose_reply", fault_once="true")
        case.rotate()
        self.wait_for(lambda: case.info()["state"] == "reconcile", 20, case.events)
        case.add_entry("meanwhile")
        case.wait("idle")
        strangers = ("before", "tagged", "meanwhile")
        self.assertWhole(case, strangers)
        self.assertEqual([True] * 3, [e.enabled for e in case.entries() if e.id in strangers])

    def scenario_a_full_account_names_what_takes_its_slots(self):
        case = Case(self, "full", "mock-issuer")
        case.served()
        case.wait("idle")
        case.add_entry("taken-1")
        case.add_entry("taken-2")
        reply = case.rotate("20s")
        self.assertEqual(("blocked", "cap_reached"), (reply["state"], reply["error_class"]))
        self.assertIn("taken-1", reply["error"])
        self.assertEqual(200, case.creds().status)
        case.break_(cap="4")
        case.acknowledge(action="retry")
        case.wait("idle")
        self.assertWhole(case, ("taken-1", "taken-2"))

    def scenario_what_is_not_permitted_waits_for_a_person(self):
        cases = self.begin("forbidden", (*OVERLAPPING, "mock-rolled", "mock-mint"), ["not_permitted"])
        for case, fault in cases:
            case.break_(fault=fault)
            case.rotate()
        for case, _ in cases:
            case.wait("blocked")
            self.assertEqual("not_permitted", case.info()["error_class"])
            self.assertEqual(case.first["password"], case.served()["password"])
            case.break_(fault=None)
            case.acknowledge(action="retry")
        for case, _ in cases:
            case.wait("idle" if case.rotator != "mock-mint" else "draining")
            self.assertEqual(case.first["version"] + 1, case.served()["version"])

    def scenario_a_value_that_was_rolled_and_lost_is_imported_by_a_person(self):
        case = Case(self, "lost", "mock-rolled-shown")
        case.break_(fault="lose_reply", fault_once="true")
        case.rotate()
        case.wait("blocked")
        self.assertEqual("lost", case.info()["error_class"])
        self.assertStatus(503, case.creds())
        case.acknowledge(400, action="import")
        case.acknowledge(action="import", password="not it")
        case.wait("blocked")
        case.acknowledge(action="import", password=case.entries()[0].value, external_id=case.entries()[0].id)
        case.wait("idle")
        self.assertWhole(case)

    def scenario_a_retirement_is_tried_until_it_is_done(self):
        cases = self.begin("stuck", OVERLAPPING[1:], ["not_permitted"])
        for case, fault in cases:
            case.break_(fault=fault, fault_op="retire")
            case.rotate()
        for case, _ in cases:
            self.wait_for(lambda c=case: c.info()["error_class"] == "not_permitted", 30, case.events)
            self.assertEqual("draining", case.info()["state"])
            attention = self.vault.get("rotation/status").data["attention"]
            self.assertIn(case.name, [c["name"] for c in attention])
            case.break_(fault=None)
        for case, _ in cases:
            case.wait("idle")
            self.assertWhole(case)


class ImportScenarios(KindsTest):
    def import_value(self, case, value, **fields):
        reply = self.vault.post(f"rotation/credentials/{case.name}/import", {"password": value, **fields})
        return " ".join(self.assertStatus(200, reply).json["warnings"] or [])

    def scenario_an_import_beside_another_value_ends_that_one_after_its_grace(self):
        for rotator in ("mock-slots", "mock-issuer"):
            case = Case(self, f"beside_{rotator}", rotator, grace="2s")
            first = case.served()
            case.wait("idle")
            issued = {"external_id": "by-hand"} if rotator == "mock-issuer" else {}
            case.add_entry(issued.get("external_id", "-"))
            warning = self.import_value(case, "of-a-stranger", **issued)
            self.assertRegex(warning, r"^version 1 of account app .*stays valid until 20.*ended at the target then$")
            self.assertIn(warning, [e["detail"].partition(": ")[2] for e in case.events() if e["state"] == "imported"])
            self.assertEqual("of-a-stranger", case.served()["password"])
            self.assertEqual(first["password"], case.creds("?version=previous").data["password"])
            self.assertIsNotNone(case.info()["previous_valid_until"])
            case.wait("idle")
            self.assertWhole(case)
            self.assertIsNone(case.rotate("20s")["error_class"])
            case.wait("idle")
            self.assertWhole(case)

    def scenario_an_import_of_what_is_known_already_ends_nothing(self):
        for rotator in ("mock", "mock-slots", "mock-issuer"):
            case = Case(self, f"known_{rotator}", rotator)
            first = case.served()
            case.wait("idle")
            issued = {"external_id": first["external_id"]} if rotator == "mock-issuer" else {}
            self.assertEqual("", self.import_value(case, first["password"], **issued))
            self.assertEqual("idle", case.info()["state"])
            self.assertWhole(case)

    def block_after_apply(self, case):
        """The target has the new value, and says that it accepts none."""
        case.served()
        case.wait("idle")
        case.break_(fault="lie_rejected", fault_op="probe")
        case.rotate()
        case.wait("blocked")
        case.break_(fault="")

    def scenario_an_import_ends_what_a_blocked_rotation_had_set(self):
        case = Case(self, "half_set", "mock-slots", grace="30m")
        first = case.served()["password"]
        self.block_after_apply(case)
        self.assertEqual(2, len(case.entries()))
        warning = self.import_value(case, first)
        self.assertIn("version 2 of account app may be valid at the target, where it is ended now", warning)
        case.wait("idle")
        self.assertWhole(case)
        self.assertEqual(first, case.served()["password"])

    def scenario_an_import_of_a_pair_names_what_the_next_rotation_ends(self):
        for rotator, rotations in (("mock", 1), ("mock-slots", 2)):
            case = Case(self, f"pair_{rotator}", rotator, account=None, accounts=["app", "other"], grace="1s")
            first = case.served()["password"]
            self.block_after_apply(case)
            warning = self.import_value(case, first)
            self.assertEqual("version 2 of account other may be valid at the target until the next rotation", warning)
            self.assertEqual(2, len(case.entries()))
            for _ in range(rotations):
                self.assertIsNone(case.rotate("20s")["error_class"])
                case.wait("idle")
            self.assertWhole(case)

    def scenario_an_import_of_a_pair_of_two_values_each_names_the_one_before(self):
        case = Case(self, "pair_beside", "mock-slots", account=None, accounts=["app", "other"], grace="1s")
        case.served()
        case.wait("idle")
        case.add_entry("-")
        warning = self.import_value(case, "of-a-stranger")
        self.assertIn("version 1 of account app may be valid at the target until the next rotation is done", warning)
        self.assertIsNone(case.rotate("20s")["error_class"])
        case.wait("idle")
        self.assertWhole(case)


class GivenUpScenarios(ImportScenarios):
    def scenario_what_a_person_gave_up_is_ended_by_the_next_rotation(self):
        for rotator in OVERLAPPING[:2]:
            case = Case(self, f"left_{rotator}", rotator)
            self.block_after_apply(case)
            case.acknowledge(action="abandon")
            self.assertEqual(2, len(case.entries()))
            reply = case.rotate("20s")
            self.assertIsNone(reply["error_class"], (rotator, reply))
            self.assertTrue(any("given up before, is ended" in e["detail"] for e in case.events()), case.events())
            case.wait("idle")
            self.assertWhole(case)

    def give_up_what_is_set(self, case, refusal):
        self.block_after_apply(case)
        case.acknowledge(action="abandon")
        case.break_(fault=refusal, fault_op="retire")

    def assertEndedLater(self, case):
        self.assertTrue(any("could not be ended" in e["detail"] for e in case.events()), case.events())
        case.break_(fault="")

    def scenario_what_cannot_be_ended_at_once_is_ended_later(self):
        case = Case(self, "left_later", "mock-keys")
        self.give_up_what_is_set(case, "not_permitted")
        self.assertIsNone(case.rotate("20s")["error_class"])
        self.wait_for(lambda: case.info()["error_class"] == "not_permitted", 30, case.events)
        self.assertEqual(3, len(case.entries()))
        self.assertEndedLater(case)
        case.wait("idle")
        self.assertWhole(case)

    def scenario_what_cannot_be_ended_takes_a_slot_until_it_is(self):
        case = Case(self, "left_slot", "mock-slots")
        self.give_up_what_is_set(case, "unreachable")
        self.assertEqual("cap_reached", case.rotate("20s")["error_class"])
        case.wait("blocked")
        self.assertEqual(2, len(case.entries()))
        self.assertEndedLater(case)
        case.acknowledge(action="retry")
        case.wait("idle")
        self.assertEqual(3, case.served()["version"])
        self.assertWhole(case)

    def scenario_a_key_whose_id_got_lost_is_not_left_when_the_window_closes(self):
        case = Case(self, "lost_id", "mock-keys", grace="0s")
        case.served()
        case.wait("idle")
        case.break_(fault="lose_reply")
        path, far = "rotation/credentials/lost_id", time.gmtime(time.time() + 12 * 3600).tm_hour
        case.post(204, path, {"interval": "1s"})
        lost = lambda: any("id that got lost" in e["detail"] for e in case.events())  # noqa: E731
        self.wait_for(lost, 20, case.events)
        case.post(204, path, {"interval": "1h", "windows": [f"{far:02}:00-{far:02}:30"]})
        count = len(case.events())
        self.wait_for(lambda: len(case.events()) > count + 3, 30, case.events)
        case.break_(fault="")
        case.wait("idle")
        self.assertNotIn("rolled_back", [e["state"] for e in case.events()])
        self.assertEqual(2, case.served()["version"])
        self.assertWhole(case)


class Together:
    """All of them side by side at one vault: each has credentials and targets of its own."""

    def test_scenarios(self):
        names = [name for name in dir(self) if name.startswith("scenario_")]
        failed = []
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            runs = {pool.submit(getattr(self, name)): name for name in names}
            for run in concurrent.futures.as_completed(runs):
                if run.exception() is not None:
                    failed.append(runs[run] + "\n" + "".join(traceback.format_exception(run.exception())))
        self.assertEqual([], failed, "\n".join(failed))


class ScenariosTest(Together, FaultScenarios):
    """What a rotation does, and what goes wrong in it."""


class LeftTest(Together, GivenUpScenarios):
    """What an import, or a rotation that was given up, leaves at the target."""


class CrashTest(KindsTest):
    """The node dies between the create and the storing of what was made, all kinds being at work."""

    lease_ms = 1500

    def restart(self, crash_at):
        node = self.vault.node
        if node.process is not None:
            self.assertEqual(0, node.stop())
        os.environ["ROTUNDA_TEST_ROTATION_CRASH"] = crash_at
        try:
            self.vault.restart(node)
        finally:
            del os.environ["ROTUNDA_TEST_ROTATION_CRASH"]

    def crash(self, cases, place):
        self.restart(place)
        for case in cases:
            with contextlib.suppress(OSError, AssertionError):
                case.rotate()
        node = self.vault.node
        self.assertEqual(-signal.SIGKILL, node.process.wait(timeout=30 * harness.SLOWNESS))
        node.process = None
        self.restart("")

    def test_what_was_made_when_the_node_died_is_found(self):
        cases = [case for case, _ in self.begin("killed", (*OVERLAPPING, "mock", "mock-rolled"), [None])]
        places = ["apply:after", "applied:before", "applied:after", "disable:after", "retire:after"]
        for place in places if harness.FULL else places[1:2]:
            self.crash([c for c in cases if c.rotator == "mock-issuer"] if place == places[1] else cases, place)
            for case in cases:
                case.wait("idle")
                self.assertWhole(case)


class AwayTest(KindsTest):
    """A node stops with what was made in its hands, and goes on when another one has made something else."""

    node_count = 2
    lease_ms = 1500

    def is_stopped(self, node):
        with open(f"/proc/{node.process.pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"

    def test_a_late_node_stores_nothing_and_leaves_nothing_behind(self):
        cases = [Case(self, f"away_{i}", "mock-issuer") for i in range(4)]
        for case in cases:
            case.served()
            case.wait("idle")
        first, other = self.vault.nodes
        self.assertEqual(0, first.stop())
        os.environ["ROTUNDA_TEST_ROTATION_STOP"] = "applied:before"
        try:
            self.vault.restart(first)
        finally:
            del os.environ["ROTUNDA_TEST_ROTATION_STOP"]
        self.vault.nodes.reverse()  # the rest is asked of the other one
        # One at a time: what else it had under way would be held up by its open transactions. The other
        # node may be faster, so there are some.
        for case in cases:
            path = f"rotation/credentials/{case.name}/rotate"
            with contextlib.suppress(OSError):
                first.request("POST", path, {"timeout": "0s"}, self.vault.token, timeout=1)
            self.wait_for(lambda c=case: self.is_stopped(first) or c.info()["state"] == "idle", 30, case.events)
            if self.is_stopped(first):
                break
        self.assertTrue(self.is_stopped(first))
        for case in cases:
            case.wait("idle")
        first.process.send_signal(signal.SIGCONT)
        self.wait_for(lambda: first.request("GET", "sys/health").status in (200, 429), 20, lambda: "it hangs")
        time.sleep(1)
        for case in cases:
            case.wait("idle")
            self.assertWhole(case)


class RulesTest(KindsTest):
    def refused(self, rotator, expected, **fields):
        with self.assertRaises(AssertionError) as caught:
            Case(self, f"refused_{rotator}_{len(expected)}", rotator, **fields)
        self.assertIn("<400", str(caught.exception))
        self.assertIn(expected, str(caught.exception))

    def test_what_makes_no_sense_for_a_kind_is_refused(self):
        for rotator in ("mock-keys", "mock-issuer", "mock-rolled", "mock-mint"):
            self.refused(rotator, "accounts: a pair makes no sense", account=None, accounts=["a", "b"])
        self.refused("mock-keys", "password: the rotator makes a key pair", password="x")
        self.refused("mock-mint", "password: what is short-lived", password="x")
        for field, entry in (("windows", "Mon-Fri 22:00-04:00"), ("blackouts", "Sat,Sun")):
            self.refused("mock-mint", f"{field}: what is short-lived is minted before it ends", **{field: [entry]})
        self.refused("mock-issuer", "external_id: required beside password", password="x")
        self.refused("mock", "external_id: only beside", external_id="x", password="x")
        self.refused("mock-rolled-shown", "password: required", password=None)

    def test_a_mount_with_credentials_in_its_care_stays(self):
        case = Case(self, "kept", "mock")
        password = case.served()["password"]
        reply = self.assertStatus(409, self.vault.delete("sys/mounts/rotation"))
        self.assertIn("has credentials in its care: delete them first", reply.errors[0])
        self.assertEqual(password, case.creds().data["password"])

    def notes(self, path, operation):
        query = {"path": path, "operation": operation, "result": "ok"}
        records = self.vault.get("sys/audit/records?" + "&".join(f"{k}={v}" for k, v in query.items()))
        return [json.loads(r["detail"])["note"] for r in self.assertStatus(200, records).data["records"]]

    def test_deleting_names_what_would_be_left_at_the_target(self):
        case = Case(self, "left", "mock-issuer", grace="10m")
        path, first = "rotation/credentials/left", case.served()
        case.wait("idle")
        self.assertIsNone(case.rotate("20s")["error_class"])
        case.wait("draining")
        left = f"version 1 of account app (external id {first['external_id']}) is valid at the target"
        reply = self.assertStatus(409, self.vault.delete(path))
        self.assertIn(left, reply.errors[0])
        self.assertIn("force=true", reply.errors[0])
        self.assertEqual(first["password"], case.creds("?version=previous").data["password"])
        self.assertStatus(400, self.vault.delete(f"{path}?force=maybe"))
        self.assertStatus(409, self.vault.delete(f"{path}?force=false"))
        reply = self.assertStatus(200, self.vault.delete(f"{path}?force=true"))
        self.assertIn(left, reply.json["warnings"][0])
        self.assertEqual([left], self.notes(path, "delete"))
        self.assertStatus(404, self.vault.get(path))
        self.assertIn(first["external_id"], [e.id for e in case.entries()])

    def run_command(self, status, *words):
        env = {"ROTUNDA_ADDR": f"http://127.0.0.1:{self.vault.node.port}", "ROTUNDA_TOKEN": self.vault.token}
        done = harness.subprocess.run(
            [harness.PROGRAM, *words], env={**os.environ, **env}, capture_output=True, text=True, check=False
        )
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done

    def test_the_command_that_deletes_names_what_is_left(self):
        case = Case(self, "typed", "mock-slots", grace="10m")
        case.served()
        case.wait("idle")
        self.assertIsNone(case.rotate("20s")["error_class"])
        case.wait("draining")
        command, left = ("rotation", "credential", "delete"), "version 1 of account app is valid at the target"
        refused = self.run_command(2, *command, "typed").stderr
        self.assertIn(left, refused)
        self.assertIn("force", refused)
        self.assertStatus(200, self.vault.get("rotation/credentials/typed"))
        done = self.run_command(0, *command, "-force", "typed")
        self.assertIn("Deleted: rotation/credentials/typed", done.stdout)
        self.assertIn(left, done.stderr)
        self.assertStatus(404, self.vault.get("rotation/credentials/typed"))
        self.assertIn("there is nothing at", self.run_command(2, *command, "-force", "typed").stderr)

    def test_deleting_a_blocked_one_names_what_may_be_there(self):
        case = Case(self, "stuck", "mock-rolled-shown")
        case.served()
        case.break_(fault="lose_reply", fault_once="true")
        case.rotate()
        case.wait("blocked")
        reply = self.assertStatus(409, self.vault.delete("rotation/credentials/stuck"))
        self.assertIn("version 2 of account app may be valid at the target", reply.errors[0])
        self.assertStatus(200, self.vault.delete("rotation/credentials/stuck?force=true"))

    def test_deleting_an_idle_one_or_a_copy_needs_no_force(self):
        case = Case(self, "copied", "mock", grace="10m")
        case.served()
        self.assertIsNone(case.rotate("20s")["error_class"])
        case.wait("draining")
        self.assertStatus(204, self.vault.delete("rotation/credentials/copied"))

    def test_what_a_dead_target_holds_up_can_be_deleted_by_force(self):
        case = Case(self, "dead", "mock-issuer")
        case.served()
        case.wait("idle")
        case.break_(fault="hang")
        case.rotate()
        case.wait("reconcile")
        self.assertStatus(409, self.vault.delete("rotation/credentials/dead"))
        delete = lambda: self.vault.delete("rotation/credentials/dead?force=true")  # noqa: E731
        reply = self.wait_for(lambda: (r := delete()).status != 409 and r, 20, case.events)
        self.assertIn("version 2 of account app may be valid", self.assertStatus(200, reply).json["warnings"][0])
        self.assertStatus(404, self.vault.get("rotation/credentials/dead"))

    def test_an_issued_value_is_imported_with_its_id(self):
        case = Case(self, "imported", "mock-issuer")
        case.served()
        case.wait("idle")
        case.add_entry("by-hand")
        self.assertStatus(204, self.vault.delete("rotation/credentials/imported"))
        body = {"target": "imported", "account": "app", "interval": "1h", "grace": "1s", "owner": "o", "purpose": "p"}
        body.update(password="of-a-stranger", external_id="by-hand")
        self.assertStatus(204, self.vault.post("rotation/credentials/imported", body))
        self.assertEqual("by-hand", case.served()["external_id"])
        case.rotate()
        case.wait("idle")
        self.assertNotIn("by-hand", [e.id for e in case.entries()])

    def test_what_strangers_made_is_left_alone_where_nothing_was_created(self):
        """Blocked before the first create: the retry has no baseline to compare with."""
        case = Case(self, "strangers", "mock-issuer", target={"tags": "false"})
        case.served()
        case.wait("idle")
        case.add_entry("a-strangers")
        case.break_(fault="not_permitted", fault_op="list_external")
        case.rotate()
        case.wait("blocked")
        case.break_(fault="")
        case.acknowledge(action="retry")
        case.wait("idle")
        self.assertTrue(next(e for e in case.entries() if e.id == "a-strangers").enabled, case.events()[-8:])
        self.assertWhole(case, unknown=["a-strangers"])

    def test_a_rollback_to_what_is_gone_touches_nobody_elses(self):
        case = Case(self, "gone", "mock-issuer", target={"tags": "false"}, grace="30m")
        gone = case.served()["external_id"]
        case.rotate("30s")
        case.remove_entry(gone)
        case.add_entry("a-strangers")
        self.assertStatus(200, self.vault.post("rotation/credentials/gone/rollback", {"timeout": "0s"}))
        case.wait("blocked")
        self.assertTrue(next(e for e in case.entries() if e.id == "a-strangers").enabled, case.events()[-8:])
        case.acknowledge(action="abandon")
        self.assertWhole(case, unknown=["a-strangers"])

    def test_a_rollback_that_is_given_up_still_ends_the_previous_value(self):
        for rotator in ("mock-slots", "mock-issuer"):
            case = Case(self, f"given_up_{rotator}", rotator, grace="6s")
            case.served()
            case.wait("idle")
            case.rotate("30s")
            case.break_(fault="lie_rejected", fault_op="probe")
            path = f"rotation/credentials/{case.name}/rollback"
            self.assertStatus(200, self.vault.post(path, {"timeout": "0s"}))
            case.wait("blocked")
            case.break_(fault="")
            case.acknowledge(action="abandon")
            self.assertIn(case.info()["state"], ("draining", "idle"))
            case.wait("idle")
            self.assertWhole(case)


if __name__ == "__main__":
    unittest.main()
