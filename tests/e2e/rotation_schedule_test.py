# SPDX-License-Identifier: ISC
"""Schedules, rules and verbs of credentials in care, on a real PostgreSQL."""

import contextlib
import datetime
import os
import socket
import subprocess
import time
import unittest

import harness
import rotation_test

CREDENTIAL = "rotation/credentials/"
UTC = datetime.timezone.utc


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def hours_from_now(hours):
    return (datetime.datetime.now(UTC) + datetime.timedelta(hours=hours)).strftime("%H:00")


# Not now, and not soon: both ends are hours away.
CLOSED = f"{hours_from_now(6)}-{hours_from_now(8)}"
# Now: both ends are hours away.
OPEN = f"{hours_from_now(-6)}-{hours_from_now(6)}"


class Verbs(rotation_test.RotationTest):
    lease_ms = 1500

    def verb(self, name, verb, body=None, status=200):
        return self.assertStatus(status, self.vault.post(f"{CREDENTIAL}{name}/{verb}", body))

    def refused(self, reply, status, expected):
        self.assertStatus(status, reply)
        self.assertIn(expected, reply.errors[0])

    def put_known(self, name, **more):
        """A single role whose password was set before, so that nothing is due."""
        self.target.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'known-{name}'")
        body = {"target": "db", "account": name, "interval": "1h", "owner": "team", "purpose": "tests"}
        if "cron" in more:
            del body["interval"]
        body.update(password=f"known-{name}", **more)
        self.assertStatus(204, self.vault.post(CREDENTIAL + name, body))
        return name

    @contextlib.contextmanager
    def session(self, account, password):
        """One that stays open at the target."""
        environment = dict(os.environ, PGPASSWORD=password)
        conninfo = f"host=127.0.0.1 port={self.target.port} dbname=rotunda user={account}"
        command = ["psql", "-X", "-q", "-d", conninfo, "-c", "SELECT pg_sleep(60)"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            count = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{account}'"
            self.wait_for(lambda: self.target.sql(count) == [["1"]])
            yield
        finally:
            process.kill()
            process.wait()
            self.target.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{account}'")

    def dates(self, name, count=10):
        reply = self.assertStatus(200, self.vault.get(f"{CREDENTIAL}{name}/schedule?next={count}"))
        return reply.data["dates"]


class ScheduleTests:
    def test_a_cron_in_a_time_zone_gives_local_times_through_summer_and_winter(self):
        self.put_known("nightly", cron="30 2 * * *", time_zone="europe/berlin")
        data = self.credential("nightly")
        self.assertEqual(("30 2 * * *", "Europe/Berlin", None), (data["cron"], data["time_zone"], data["interval"]))
        dates = self.dates("nightly", 100)
        self.assertEqual(100, len(dates))
        self.assertEqual(data["next_rotation"], dates[0]["at"])
        self.assertEqual([True] + [False] * 99, [d["stored"] for d in dates])
        local = self.vault.database.query(
            "SELECT DISTINCT to_char(t AT TIME ZONE 'Europe/Berlin', 'HH24:MI') FROM unnest(ARRAY["
            + ",".join(f"'{d['at']}'::timestamptz" for d in dates)
            + "]) AS t ORDER BY 1"
        )
        self.assertLessEqual(local, [["02:30"], ["03:30"]])
        self.assertEqual(100, len({moment(d["at"]).date() for d in dates}))

    def test_what_is_rotated_by_cron_is_due_at_its_next_date(self):
        self.put_known("monthly", cron="@monthly")
        self.rotate("monthly")
        due = moment(self.credential("monthly")["next_rotation"])
        self.assertEqual((1, 0, 0), (due.day, due.hour, due.minute))
        self.assertStatus(204, self.vault.post(CREDENTIAL + "monthly", {"interval": "2h"}))
        data = self.credential("monthly")
        self.assertEqual((7200, None), (data["interval"], data["cron"]))
        self.assertStatus(204, self.vault.post(CREDENTIAL + "monthly", {"cron": "0 0 29 feb *"}))
        due = moment(self.credential("monthly")["next_rotation"])
        self.assertEqual((2, 29), (due.month, due.day))

    def test_a_cron_rotates_when_its_minute_comes(self):
        """At most a minute."""
        if not harness.FULL:
            self.skipTest("waits for the clock")
        self.put_known("minutely", cron="* * * * *")
        self.wait_for(lambda: self.read("minutely").data["version"] == 2, 90)
        self.slow_down("minutely")

    def test_outside_of_its_windows_nothing_is_rotated_but_by_hand(self):
        self.put_known("windowed", interval="1s", windows=[CLOSED], time_zone="UTC")
        data = self.credential("windowed")
        self.assertEqual("window", data["next_rotation_moved_by"])
        self.assertEqual(CLOSED[:5], data["next_rotation"][11:16])
        self.assertLess(moment(data["next_rotation_planned"]), moment(data["next_rotation"]))
        first = self.dates("windowed", 2)[0]
        self.assertEqual("window", first["moved_by"])
        self.assertIn("outside of the windows", first["why"])
        reply = self.verb("windowed", "rotate")
        self.assertEqual(["rotated outside of the credential's windows"], reply.json["warnings"])
        self.assertEqual(2, self.read("windowed").data["version"])
        # Still closed: what follows is put off as well.
        self.assertEqual("window", self.credential("windowed")["next_rotation_moved_by"])

    def test_an_open_window_is_none_that_anybody_notices(self):
        self.put_known("opened", interval="1s", windows=OPEN)
        self.assertEqual([OPEN], self.credential("opened")["windows"])
        self.wait_for(lambda: self.read("opened").data["version"] >= 3)
        self.slow_down("opened")

    def test_a_blackout_takes_force(self):
        today = datetime.datetime.now(UTC).date()
        days = f"{today - datetime.timedelta(days=1)}/{today + datetime.timedelta(days=1)}"
        self.put_known("dark", interval="1s", blackouts=[days, "Mon 00:00-00:01"])
        data = self.credential("dark")
        self.assertEqual("blackout", data["next_rotation_moved_by"])
        self.assertEqual(str(today + datetime.timedelta(days=2)), data["next_rotation"][:10])
        self.refused(self.vault.post(CREDENTIAL + "dark/rotate"), 409, "a blackout of the credential holds now")
        self.refused(self.vault.post(CREDENTIAL + "dark/rotate", {"force": "perhaps"}), 400, "force: ")
        reply = self.verb("dark", "rotate", {"force": True})
        self.assertIn("by force in a blackout", reply.json["warnings"][0])
        self.assertEqual(2, reply.data["version"])

    def test_a_window_that_was_missed_is_waited_for_again(self):
        """No node was there while it was open: what is due now comes when it opens again."""
        self.put_known("missed", interval="1h", windows=CLOSED)
        body = {"target": "db", "account": self.role("missed_first"), "interval": "1h", "windows": CLOSED}
        body.update(owner="o", purpose="p")
        self.assertStatus(204, self.vault.post(CREDENTIAL + "missed_first", body))
        self.refused(self.read("missed_first"), 503, "no rotation is under way")
        self.assertEqual("window", self.credential("missed_first")["next_rotation_moved_by"])
        self.assertEqual([], self.states("missed_first"))

    def test_what_waits_is_put_off_when_its_window_closes(self):
        """Planned by the schedule, held up by a session, then outside of its window."""
        name = self.put_pair("late", grace="0s")
        self.first_version(name)
        self.wait_idle(name)
        self.target.sql("ALTER ROLE late_b PASSWORD 'by-hand'")
        with self.session("late_b", "by-hand"):
            self.assertStatus(204, self.vault.post(CREDENTIAL + name, {"interval": "1s"}))
            self.wait_for(lambda: self.credential(name)["error_class"] == "in_use")
            self.assertStatus(204, self.vault.post(CREDENTIAL + name, {"windows": CLOSED}))
            self.wait_idle(name)
        events = self.vault.get(f"{CREDENTIAL}{name}/history").data["events"]
        self.assertEqual("rolled_back", events[-1]["state"])
        self.assertIn("the window closed before the target was changed", events[-1]["detail"])
        self.assertEqual("window", self.credential(name)["next_rotation_moved_by"])
        self.assertEqual(1, self.read(name).data["version"])

    def test_a_schedule_that_makes_no_sense_is_refused_when_it_is_written(self):
        self.put_known("strict")
        cases = [
            ({"cron": "0 0 * *"}, "cron: expected five fields"),
            ({"cron": "61 0 * * *"}, "cron: a number is out of range"),
            ({"cron": "0 0 30 feb *"}, "cron: no such day comes within"),
            ({"cron": "@reboot"}, "cron: expected @hourly"),
            ({"cron": 5}, "cron: "),
            ({"cron": ["@daily"]}, "cron: "),
            ({"cron": "@daily\0"}, "cron: "),
            ({"cron": "*" * 300}, "cron: longer than 256"),
            ({"cron": "@daily", "interval": "1h"}, "cron: give interval or cron, not both"),
            ({"cron": ""}, None),
            ({"cron": "@hourly", "grace": "1h"}, "grace: must be shorter than the interval"),
            ({"cron": "@hourly", "jitter": "1h"}, "jitter: must not be longer"),
            ({"interval": "10s", "jitter": "11s"}, "jitter: must not be longer"),
            ({"time_zone": "Europe/Atlantis"}, "time_zone: PostgreSQL knows no such time zone"),
            ({"time_zone": "CEST-2"}, "time_zone: PostgreSQL knows no such time zone"),
            ({"time_zone": "../etc/passwd"}, "time_zone: PostgreSQL knows no such time zone"),
            ({"time_zone": ""}, "time_zone: expected a name"),
            ({"time_zone": "x" * 300}, "time_zone: expected a name"),
            ({"windows": "whenever"}, 'windows: "whenever": expected days and times'),
            ({"windows": ["Mon 25:00-26:00"]}, 'windows: "Mon 25:00-26:00": expected days'),
            ({"windows": "2026-12-24/2026-12-27"}, "a single period belongs in blackouts"),
            ({"windows": 7}, "windows: expected a list of texts"),
            ({"windows": [7]}, "windows: expected a list of texts"),
            ({"windows": [["Mon"]]}, "windows: expected a list of texts"),
            ({"windows": {"a": "Mon"}}, "windows: expected a list of texts"),
            ({"windows": ["Mon"] * 33}, "windows: more than 32 entries"),
            ({"windows": ["Mon", ""]}, "windows: "),
            ({"blackouts": "2026-12-27/2026-12-24"}, "a period ends before it begins"),
            ({"blackouts": "2026-13-01/2026-13-02"}, "blackouts: "),
            ({"blackouts": "x/y"}, "expected two days"),
            ({"windows": "Mon", "blackouts": "Mon,Tue"}, "windows: windows and blackouts leave no moment"),
            ({"blackouts": "Mon-Sun"}, "blackouts: windows and blackouts leave no moment"),
        ]
        for body, expected in cases:
            with self.subTest(body=str(body)[:80]):
                reply = self.vault.post(CREDENTIAL + "strict", body)
                if expected is None:
                    self.assertStatus(204, reply)
                else:
                    self.refused(reply, 400, expected)
        data = self.credential("strict")
        self.assertEqual((3600, None, [], []), (data["interval"], data["cron"], data["windows"], data["blackouts"]))
        self.assertEqual((None, "UTC"), (data["next_rotation_moved_by"], data["time_zone"]))

    def test_the_number_of_dates_is_bounded(self):
        self.put_known("counted")
        for query in ("0", "101", "x", "-1", "1.5", "99999999999999999999"):
            self.refused(self.vault.get(f"{CREDENTIAL}counted/schedule?next={query}"), 400, "next: expected 1 to 100")
        self.assertEqual(10, len(self.vault.get(f"{CREDENTIAL}counted/schedule").data["dates"]))
        self.assertStatus(404, self.vault.get(f"{CREDENTIAL}absent/schedule"))

    def test_jitter_is_part_of_every_date(self):
        self.put_known("jittered", cron="@daily", jitter="6h")
        spread = {moment(d["at"]) - moment(d["planned"]) for d in self.dates("jittered", 5)[1:]}
        self.assertEqual(1, len(spread))
        self.assertLessEqual(spread.pop(), datetime.timedelta(hours=6))


class ValueTests:
    def test_values_keep_the_rules_that_were_given(self):
        rules = {"value_length": 30, "value_require": ["lower", "upper", "digit", "symbol"]}
        rules.update(value_forbidden="0O1lI", value_first="upper", value_alphabet="")
        self.put_known("ruled", **rules)
        data = self.credential("ruled")
        self.assertEqual((30, 30, None), (data["value_length"], data["value_characters"], data["value_bits"]))
        self.assertGreater(data["value_entropy"], 160)
        self.assertEqual((["lower", "upper", "digit", "symbol"], ["upper"]), (data["value_require"], data["value_first"]))
        for _ in range(2):
            self.rotate("ruled")
            password = self.read("ruled").data["password"]
            self.assertRegex(password, r"^[A-Z][A-Za-z0-9_-]{29}$")
            self.assertRegex(password, r"[2-9]")
            self.assertRegex(password, r"[_-]")
            self.assertNotRegex(password, r"[0O1lI]")
            self.assertWorks(self.read("ruled").data)
        self.assertStatus(204, self.vault.post(CREDENTIAL + "ruled", {"value_bits": 256, "value_require": []}))
        self.assertEqual((256, None), (self.credential("ruled")["value_bits"], self.credential("ruled")["value_length"]))

    def test_odd_characters_reach_the_target_unharmed(self):
        self.put_known("odd", value_alphabet="\"'\\$%;:@/?#[]{}()<>|&*+,.=~^`!aB3", value_require="symbol")
        self.rotate("odd")
        self.assertWorks(self.read("odd").data)

    def test_rules_that_are_too_weak_are_refused_when_they_are_written(self):
        self.put_known("weak")
        cases = [
            ({"value_bits": 127}, "value_bits: expected 128 to 1024"),
            ({"value_bits": 2000}, "value_bits: expected 128 to 1024"),
            ({"value_bits": "many"}, "value_bits: "),
            ({"value_length": 21}, "value: such values have less than 128 bits"),
            ({"value_length": 0}, "value_length: expected 1 to 256"),
            ({"value_length": 257}, "value_length: expected 1 to 256"),
            ({"value_length": 30, "value_bits": 160}, "value_bits: give value_bits or value_length"),
            ({"value_alphabet": "a"}, "value: an alphabet is 2 to 94"),
            ({"value_alphabet": "aab"}, "value: an alphabet is 2 to 94"),
            ({"value_alphabet": "ab\u00e4"}, "value: an alphabet is 2 to 94"),
            ({"value_alphabet": "a b"}, "value: an alphabet is 2 to 94"),
            ({"value_alphabet": "ab" * 90}, "value_alphabet: an alphabet is 2 to 94"),
            ({"value_alphabet": "01", "value_bits": 300}, "value: a value of so many bits has more than 256"),
            ({"value_alphabet": "abc", "value_require": "digit"}, "value: a class is required of which"),
            ({"value_alphabet": "abc", "value_first": "digit"}, "value: the alphabet has no character that"),
            ({"value_require": "letters"}, "value_require: expected a list of lower"),
            ({"value_require": [1]}, "value_require: expected a list of lower"),
            ({"value_first": "x" * 100}, "value_first: expected a list of lower"),
            ({"value_alphabet": "abc", "value_forbidden": "bc"}, "beside those that are forbidden"),
        ]
        for body, expected in cases:
            with self.subTest(body=str(body)[:80]):
                self.refused(self.vault.post(CREDENTIAL + "weak", body), 400, expected)


class VerbTests:
    def test_a_plan_tells_steps_account_and_who_would_notice(self):
        name = self.put_pair("planned")
        creds = self.first_version(name)
        self.wait_idle(name)
        token = self.vault.token_with('path "rotation/creds/*" { capabilities = ["read"] }')
        for _ in range(3):
            self.assertStatus(200, self.vault.get(f"rotation/creds/{name}", token=token))
        data = self.verb(name, "plan").data
        self.assertEqual(("planned_a", "planned_b", 2), (data["current_account"], data["account"], data["version"]))
        self.assertEqual(("db", False, False), (data["target"], data["readers_wait"], data["due_now"]))
        self.assertTrue(any('ALTER ROLE "planned_b"' in step for step in data["steps"]), data["steps"])
        self.assertNotIn(creds["password"], str(data))
        self.assertIn(3, [c["reads"] for c in data["consumers"]])
        self.assertEqual(
            {"accessor", "display_name", "remote", "reads", "last_read"}, set(data["consumers"][0])
        )
        self.assertEqual(creds["version"], self.read(name).data["version"])
        self.refused(self.vault.post(f"{CREDENTIAL}{name}/plan", {"account": "x"}), 400, "account: there is no such field here")
        self.assertStatus(404, self.vault.post(CREDENTIAL + "absent/plan"))

    def assert_nothing_is_late(self, owner):
        """Also not when its only credential would be overdue by now."""
        time.sleep(1.2)
        data = self.assertStatus(200, self.vault.get("rotation/status")).data
        counts = next(o for o in data["owners"] if o["owner"] == owner)
        self.assertEqual((1, 0, 0), (counts["credentials"], counts["due"], counts["overdue"]))
        self.assertNotIn(owner, [entry["owner"] for entry in data["attention"]])
        for what in ("due", "overdue"):
            self.wait_for(lambda what=what: self.metric(f"rotunda_rotation_credentials_{what}") == 0)

    def test_a_paused_credential_rests_until_it_is_resumed(self):
        self.put_known("paused", owner="resting")
        data = self.verb("paused", "pause").data
        self.assertEqual((True, False, "idle"), (data["paused"], data["due_now"], data["state"]))
        self.assertStatus(204, self.vault.post(CREDENTIAL + "paused", {"interval": "1s"}))
        self.assertEqual("paused", self.credential("paused")["next_rotation_moved_by"])
        self.wait_for(lambda: self.verb("paused", "plan").data["at"] < datetime.datetime.now(UTC).isoformat())
        self.assertEqual(1, self.read("paused").data["version"])
        self.assert_nothing_is_late("resting")
        reply = self.verb("paused", "rotate")
        self.assertIn("only its schedule rests", reply.json["warnings"][0])
        self.wait_idle("paused")
        self.wait_for(lambda: self.verb("paused", "pause").data["next_rotation"] < datetime.datetime.now(UTC).isoformat())
        self.assertEqual(2, self.read("paused").data["version"])
        data = self.verb("paused", "resume").data
        self.assertEqual((False, True), (data["paused"], data["due_now"]))
        self.wait_for(lambda: self.read("paused").data["version"] > 2)
        self.slow_down("paused")
        self.assertEqual(1, self.states("paused").count("paused"))
        self.assertEqual(1, self.states("paused").count("resumed"))
        self.refused(self.vault.post(CREDENTIAL + "paused/pause", {"for": "1h"}), 400, "for: there is no such field here")

    def test_a_pair_goes_back_to_the_account_that_still_works(self):
        name = self.put_pair("back", grace="30m")
        old = self.first_version(name)
        self.wait_idle(name)
        self.rotate(name)
        new = self.read(name).data
        reply = self.verb(name, "rollback")
        self.assertIn(reply.data["state"], ("promoted", "draining"))
        again = self.read(name).data
        self.assertEqual((old["username"], old["password"], 3), (again["username"], again["password"], again["version"]))
        self.assertWorks(again)
        # What was rolled back is the previous one now, valid through its grace, and can come back.
        previous = self.assertStatus(200, self.read(name, "?version=previous")).data
        self.assertEqual(new["password"], previous["password"])
        self.assertWorks(new)
        self.verb(name, "rollback")
        self.assertEqual(new["password"], self.read(name).data["password"])
        self.assertEqual(4, self.read(name).data["version"])

    def test_a_previous_password_that_was_changed_meanwhile_is_set_again(self):
        name = self.put_pair("reset", grace="30m")
        old = self.first_version(name)
        self.wait_idle(name)
        self.rotate(name)
        self.target.sql("ALTER ROLE reset_a PASSWORD 'by-hand'")
        self.assertRefused(old)
        self.verb(name, "rollback", {"timeout": "1s"})
        self.wait_for(lambda: self.first_version(name)["version"] == 3)
        self.assertEqual(old["password"], self.read(name).data["password"])
        self.assertWorks(old)

    def test_a_single_role_goes_back_as_long_as_its_grace_keeps_the_old_value(self):
        self.put_known("single_back", grace="30m")
        self.rotate("single_back")
        new = self.read("single_back").data
        self.assertStatus(404, self.read("single_back", "?version=previous"))
        data = self.credential("single_back")
        self.assertIsNone(data["previous_valid_until"])
        self.assertIsNotNone(data["rollback_until"])
        reply = self.verb("single_back", "rollback")
        self.assertIn(reply.data["state"], ("promoted", "draining"), reply)
        old = self.read("single_back").data
        self.assertEqual(("known-single_back", 3), (old["password"], old["version"]))
        self.assertWorks(old)
        self.assertRefused(new)
        self.assertEqual(4, self.rotate("single_back")["version"])
        rows = self.vault.database.query(
            "SELECT count(DISTINCT v.ciphertext) FROM rotation_value v JOIN rotation_credential c"
            " ON c.id = v.credential_id WHERE c.name = 'single_back' AND v.ciphertext IS NOT NULL"
        )
        self.assertEqual([["2"]], rows)

    def test_the_kept_value_of_a_single_role_ends_with_its_grace(self):
        self.put_known("forgotten", grace="1s")
        self.rotate("forgotten")
        self.wait_idle("forgotten")
        self.refused(self.vault.post(CREDENTIAL + "forgotten/rollback"), 409, "it is kept until its grace has passed")
        self.assertWorks(self.read("forgotten").data)

    def test_a_rollback_needs_a_previous_value(self):
        self.put_known("nothing_before")
        self.refused(self.vault.post(CREDENTIAL + "nothing_before/rollback"), 409, "of a single account none is kept")
        self.refused(
            self.vault.post(CREDENTIAL + "nothing_before/rollback", {"version": 1}), 400, "version: there is no such field here"
        )
        name = self.put_pair("pair_before")
        self.first_version(name)
        self.wait_idle(name)
        self.refused(self.vault.post(f"{CREDENTIAL}{name}/rollback"), 409, "there is no previous value")
        self.assertStatus(404, self.vault.post(CREDENTIAL + "absent/rollback"))

    def test_an_import_takes_over_what_somebody_set_at_the_target(self):
        self.put_known("taken")
        self.target.sql("ALTER ROLE taken PASSWORD 'set-by-a-person'")
        self.refused(self.vault.post(CREDENTIAL + "taken/import", {"password": "other"}), 400, "refuses this password")
        self.assertEqual("known-taken", self.read("taken").data["password"])
        before = self.credential("taken")["next_rotation"]
        self.assertEqual(2, self.verb("taken", "import", {"password": "set-by-a-person"}).data["version"])
        self.assertEqual("set-by-a-person", self.read("taken").data["password"])
        self.assertWorks(self.read("taken").data)
        self.assertEqual(before, self.credential("taken")["next_rotation"])
        self.assertEqual("imported", self.states("taken")[-1])
        self.assertEqual(3, self.rotate("taken")["version"])
        for body in (None, {}, {"password": ""}, {"password": "x" * 4097}):
            self.refused(self.vault.post(CREDENTIAL + "taken/import", body), 400, "password: required")
        self.refused(self.vault.post(CREDENTIAL + "taken/import", {"password": ["x"]}), 400, "password: ")
        self.refused(self.vault.post(CREDENTIAL + "taken/import", {"secret": "x"}), 400, "secret: there is no such field here")
        self.assertStatus(404, self.vault.post(CREDENTIAL + "absent/import", {"password": "x"}))

    def test_an_import_settles_a_rotation_that_is_blocked(self):
        self.put_known("blocked")
        self.target.sql("ALTER ROLE blocked SUPERUSER")
        reply = self.verb("blocked", "rotate")
        self.assertEqual("blocked", reply.data["state"], reply)
        self.refused(self.vault.post(CREDENTIAL + "blocked/rollback"), 409, "is blocked")
        self.target.sql("ALTER ROLE blocked NOSUPERUSER PASSWORD 'set-by-a-person'")
        self.verb("blocked", "import", {"password": "set-by-a-person"})
        self.assertEqual("idle", self.credential("blocked")["state"])
        self.assertWorks(self.read("blocked").data)
        self.assertGreater(self.rotate("blocked")["version"], 1)

    def test_of_a_pair_the_account_that_is_served_is_imported(self):
        name = self.put_pair("pair_taken")
        old = self.first_version(name)
        self.wait_idle(name)
        self.target.sql(f"ALTER ROLE {old['username']} PASSWORD 'set-by-a-person'")
        self.verb(name, "import", {"password": "set-by-a-person"})
        self.assertEqual((old["username"], "set-by-a-person"), (self.read(name).data["username"], self.read(name).data["password"]))

    def test_paths_decide_who_may_do_what(self):
        self.put_known("guarded")
        token = self.vault.token_with('path "rotation/credentials/guarded/pause" { capabilities = ["update"] }')
        self.assertStatus(200, self.vault.post(CREDENTIAL + "guarded/pause", token=token))
        for verb in ("resume", "rollback", "import", "plan", "rotate"):
            self.assertStatus(403, self.vault.post(f"{CREDENTIAL}guarded/{verb}", {"password": "x"}, token=token))
        self.assertStatus(403, self.vault.get(f"{CREDENTIAL}guarded/schedule", token=token))

    def test_the_audit_log_holds_no_imported_password(self):
        self.put_known("hidden")
        self.target.sql("ALTER ROLE hidden PASSWORD 'never-to-be-logged-7b1e'")
        self.verb("hidden", "import", {"password": "never-to-be-logged-7b1e"})
        rows = self.vault.database.query(
            "SELECT count(*), count(*) FILTER (WHERE detail LIKE '%never-to-be%') FROM audit_record"
            " WHERE path = 'rotation/credentials/hidden/import'"
        )
        self.assertEqual([["1", "0"]], rows)
        self.assertNotIn("never-to-be-logged", self.vault.node.read_log())


class RetireTests:
    def test_by_use_the_previous_value_ends_when_nobody_uses_it_any_more(self):
        name = self.put_pair("used", grace="1s", retire="use", retire_quiet="3s", retire_max="30m")
        old = self.first_version(name)
        self.wait_idle(name)
        self.rotate(name)
        self.assertStatus(200, self.read(name, "?version=previous"))

        def waits():
            data = self.credential(name)
            return data if data["error_class"] == "in_use" else None

        data = self.wait_for(waits)
        self.assertEqual("draining", data["state"])
        self.assertIn("read it last at", data["error"])
        self.assertIn(data["previous_readers"][0]["accessor"], data["error"])
        self.assertWorks(old)
        self.wait_idle(name, 60)
        self.assertRefused(old)

    def test_by_use_open_sessions_are_waited_for_up_to_a_limit(self):
        name = self.put_pair("sessions", grace="0s", retire="use", retire_quiet="1s", retire_max="5s")
        old = self.first_version(name)
        self.wait_idle(name)
        with self.session(old["username"], old["password"]):
            self.assertIn(self.verb(name, "rotate").data["state"], ("promoted", "draining"))
            self.wait_for(lambda: "1 open sessions" in (self.credential(name)["error"] or ""))
            self.assertWorks(old)
            self.wait_idle(name, 60)  # after retire_max whatever is in use
            self.assertRefused(old)

    def test_rules_of_retirement_are_checked(self):
        name = self.put_pair("retired")
        path = CREDENTIAL + name
        for body, expected in (
            ({"retire": "never"}, "retire: expected time or use"),
            ({"retire": "use", "retire_max": "1h"}, "retire_max: must not be shorter than the grace, and"),
            ({"retire": "use", "grace": "10m", "retire_max": "9m"}, "retire_max: must not be shorter"),
            ({"retire": "use", "retire_quiet": "0s"}, "retire_quiet: expected 1s to 366d"),
            ({"retire_max": "10m"}, "retire: retire_quiet and retire_max belong to use"),
            ({"retire": 1}, "retire: "),
        ):
            with self.subTest(body=body):
                self.refused(self.vault.post(path, body), 400, expected)
        self.assertStatus(204, self.vault.post(path, {"retire": "use", "grace": "10m"}))
        data = self.credential(name)
        self.assertEqual(("use", 601, 2100), (data["retire"], data["retire_quiet"], data["retire_max"]))
        self.assertStatus(204, self.vault.post(path, {"retire": "time"}))
        self.assertEqual(("time", None), (self.credential(name)["retire"], self.credential(name)["retire_max"]))
        self.put_known("alone")
        self.refused(self.vault.post(CREDENTIAL + "alone", {"retire": "use"}), 400, "retire: a single account")


class CommandTests:
    """The same from the command line."""

    def run_command(self, *words, status=0, stdin=""):
        address = f"http://127.0.0.1:{self.vault.node.port}"
        done = subprocess.run(
            [harness.PROGRAM, "rotation", *words],
            env={**os.environ, "ROTUNDA_ADDR": address, "ROTUNDA_TOKEN": self.vault.token},
            capture_output=True,
            input=stdin,
            text=True,
            check=False,
        )
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done

    def test_every_verb_has_a_command(self):
        self.put_known("typed", cron="@daily", grace="30m")
        plan = self.run_command("plan", "typed").stdout
        self.assertIn("Version 2, for account typed at db", plan)
        self.assertIn('ALTER ROLE "typed"', plan)
        self.assertIn("Nobody has read it", plan)
        self.read("typed")
        self.assertRegex(self.run_command("plan", "typed").stdout, r"\(.+\) at 127.0.0.1:[0-9]+, last .+, reads: 1")
        self.assertIn('"steps"', self.run_command("plan", "-format=json", "typed").stdout)
        self.assertIn("as planned", self.run_command("schedule", "-next=3", "typed").stdout)
        self.assertIn("true", self.run_command("pause", "-field=paused", "typed").stdout)
        self.assertIn("false", self.run_command("resume", "-field=due_now", "typed").stdout)
        self.assertIn("expected 1 to 100", self.run_command("schedule", "-next=0", "typed", status=2).stderr)
        self.assertIn("ok", self.run_command("target", "check", "-account=typed", "db").stdout)
        missing = self.run_command("target", "check", "-account=nobody", "db", status=2)
        self.assertIn('CREATE ROLE "nobody"', missing.stdout)
        self.assertIn("isn't blocked", self.run_command("acknowledge", "typed", status=2).stderr)
        self.target.sql("ALTER ROLE typed PASSWORD 'by-hand'")
        imported = self.run_command("import", "typed", "password=-", stdin="by-hand")
        self.assertIn("wasn't changed", imported.stdout)
        self.assertEqual("by-hand", self.read("typed").data["password"])

    def test_the_client_waits_as_long_as_it_lets_the_server_wait(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            settings = {**self.target.settings, "port": mute.getsockname()[1]}
            self.assertStatus(204, self.vault.post("rotation/targets/mute", settings))
            body = {"target": "mute", "account": "patient", "interval": "1h", "windows": CLOSED}
            body.update(owner="team", purpose="tests")
            self.assertStatus(204, self.vault.post(CREDENTIAL + "patient", body))
            done = self.run_command("rotate", "-timeout=1s", "-wait=3s", "patient", status=3)
        self.assertIn("isn't done yet", done.stderr)
        self.wait_for(lambda: self.vault.delete(CREDENTIAL + "patient?force=true").status in (200, 204))

    def test_progress_is_told_state_by_state(self):
        self.put_known("followed", grace="30m")
        done = self.run_command("rotate", "-progress", "followed")
        states = [line.split("  ")[1].split(";")[0] for line in done.stderr.splitlines()]
        self.assertEqual("planned staged applying applied verified promoted".split(), states[:6])
        self.assertIn("Rotated: version 2 of followed is current", done.stdout)
        self.assertEqual("", self.run_command("rotate", "followed").stderr)
        done = self.run_command("rollback", "-progress", "followed")
        self.assertIn("Rolled back: version 4 of followed is current", done.stdout)
        self.assertIn("verified", done.stderr)
        self.target.sql("ALTER ROLE followed SUPERUSER")
        done = self.run_command("rotate", "-progress", "followed", status=2)
        self.assertIn("waits for a person", done.stderr)

    def test_help_and_completion_know_every_command(self):
        script = subprocess.run([harness.PROGRAM, "completion", "bash"], capture_output=True, text=True, check=False)
        self.assertIn("rollback", script.stdout)
        for verb in "plan schedule pause resume rollback import acknowledge rotate".split():
            self.assertIn("Example: rotunda rotation " + verb, self.run_command(verb, "-h").stdout)


class LifeTest(ScheduleTests, ValueTests, VerbTests, RetireTests, CommandTests, Verbs):
    """All of them on one target."""


class RollbackCrashTest(Verbs):
    """The node is killed at every state of a rollback."""

    crash_at = rotation_test.CrashTest.crash_at
    wait_for_death = rotation_test.CrashTest.wait_for_death

    def roll_back_with_crash(self, name, place):
        self.crash_at(place)
        try:
            self.vault.post(f"{CREDENTIAL}{name}/rollback")
        except OSError:
            pass
        self.wait_for_death()
        self.vault.restart(self.vault.node)

    def run_places(self, name, states):
        self.first_version(name)
        self.wait_idle(name)
        self.rotate(name)
        before, last = None, self.read(name).data
        for state in states:
            for when in ("before", "after"):
                with self.subTest(f"{state}:{when}"):
                    version = last["version"]
                    self.roll_back_with_crash(name, f"{state}:{when}")
                    last = self.wait_for(lambda least=version: self.newer(name, least), 30)
                    self.assertEqual(version + 1, last["version"])
                    self.assertWorks(last)
                    if before is not None:
                        self.assertEqual(before["password"], last["password"])
                    before = self.read(name, "?version=previous").data if "single" not in name else None
                    self.wait_for(lambda: self.credential(name)["state"] == "draining", 30)

    def newer(self, name, least):
        reply = self.read(name)
        return reply.data if reply.status == 200 and reply.data["version"] > least else None

    def test_a_pair_survives_a_kill_at_every_state(self):
        name = self.put_pair("cutback", grace="30m")
        self.run_places(name, "verified promoted draining".split() if harness.FULL else ["promoted"])

    def test_a_single_role_survives_a_kill_at_every_state(self):
        name = self.put_known("cutback_single", grace="30m")
        states = "applying apply applied verified promoted".split()
        self.run_places(name, states if harness.FULL else ["apply"])


if __name__ == "__main__":
    unittest.main()
