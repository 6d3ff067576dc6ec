# SPDX-License-Identifier: ISC
"""docs/rotation-matrix.md: what the tests found, as they found it. Written where ROTUNDA_TEST_MATRIX names the page."""

import fcntl
import json
import os
import subprocess
import time

import harness

PAGE = os.environ.get("ROTUNDA_TEST_MATRIX")
COLLECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "rotation-matrix.json")
STATES = "planned staged applying applied verified promoted draining retired reconcile".split()
COMMAND = """\
    # ROTUNDA_TEST_MATRIX_SECONDS=900: for each of the first two parts
    export ROTUNDA_TEST_SCALE=full ROTUNDA_TEST_MATRIX=docs/rotation-matrix.md
    export ROTUNDA_PROGRAM=build/dev/api/rotunda ROTUNDA_TEST_CLOCK_LIBRARY=build/dev/tests/e2e/libclock_shifted.so
    for part in matrix proof; do
        sh tests/support/with-postgres.sh python3 tests/e2e/rotation_${part}_test.py
    done"""


def read():
    try:
        with open(COLLECTED, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def add(part, found):
    """What one test found; the page is made of what all of them found last."""
    change(lambda collected: collected.update({part: found}))


def change(how):
    if not PAGE or not harness.FULL:
        return
    with open(PAGE, "a+", encoding="utf-8") as page:
        fcntl.flock(page, fcntl.LOCK_EX)  # several of the tests may run side by side
        collected = read()
        how(collected)
        with open(COLLECTED, "w", encoding="utf-8") as f:
            json.dump(collected, f)
        page.truncate(0)
        page.write(render(collected))


def add_tally(part, tally, **more):
    runs = [[*key, count] for key, count in sorted(tally.runs.items())]
    sums = {"persons": dict(tally.persons), "failed": len(tally.failed), "left_out": tally.left_out}
    add(part, {"runs": runs, **sums, **more})


def count_passwords(count):
    change(lambda collected: collected.update(passwords=collected.get("passwords", 0) + count))


def table(heads, rows):
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1)] + rows
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def matrix(found):
    faults = sorted({fault for _, _, fault, _ in found["runs"]})
    counts = {}
    for label, state, fault, count in found["runs"]:
        counts.setdefault((label, state), {})[fault] = count
    order = lambda key: (key[0], STATES.index(key[1]))  # noqa: E731
    rows = [[*key, *(counts[key].get(fault, "") for fault in faults)] for key in sorted(counts, key=order)]
    total = sum(count for *_, count in found["runs"])
    sums = [sum(count for _, _, f, count in found["runs"] if f == fault) for fault in faults]
    return total, table(["rotator", "state", *faults], rows + [["all", "", *sums]])


def by_rotator(found):
    counts = {}
    for label, _, _, count in found["runs"]:
        counts[label] = counts.get(label, 0) + count
    return table(["rotator", "runs"], [[label, count] for label, count in sorted(counts.items())])


def persons(found):
    named = [f"{label}: {count}" for label, count in sorted(found["persons"].items()) if count]
    return "; ".join(named) if named else "none"


def render(all_of_it):
    version = subprocess.run([harness.PROGRAM, "version"], capture_output=True, text=True, check=False).stdout.strip()
    parts = [
        "# Rotation under faults\n",
        "Made by `tests/e2e/rotation_matrix_test.py` and `rotation_proof_test.py` on "
        f"{time.strftime('%Y-%m-%d', time.gmtime())} with {version}; not edited by hand. What it is about: "
        "[rotation](rotation.md). To repeat it:\n",
        COMMAND + "\n",
    ]
    for name, section in SECTIONS:
        if name in all_of_it:
            parts.append(section(all_of_it[name]))
    return "\n".join(parts)


def tell_matrix(found):
    total, text = matrix(found)
    left = f" {found['left_out']} more were left out for lack of time." if found["left_out"] else ""
    return f"""\
## Rotator, state, fault

{total} runs, {found["failed"]} failures.{left} Each has a credential of its own, which is hurt once or twice while it is rotated.
After each: exactly one value is current; it works at the target (a login, or the mock's state); the one before doesn't; the target
has as many values as the vault knows; no attempt is open; nothing was written under a smaller fence after a larger one; an issuer
was asked for at most one more value per fault, and what was lost is ended. A person was needed, where an answer that nobody can have again was lost
(`lost` in [rotation](rotation.md)): {persons(found)}. At the end the audit log of each vault is verified.

The state is the one that the database had when it happened; of the rotator's own password `promoted` stands for done.

| fault | what is done |
|---|---|
| node killed | SIGKILL, right before or right after a step or a call; in `reconcile` the second time |
| node late | SIGSTOP at such a place; another node finishes; SIGCONT |
| host killed | SIGKILL of the rotator's process: at such a place, in the middle of a conversation, before or after the target's commit |
| target killed | SIGKILL of all of PostgreSQL's processes, then a restart with recovery |
| connection cut | reset at every single piece that goes either way through a proxy, before or after it was handed on |
| host lies or hangs | no answer, nonsense, a gigabyte, the answer of another attempt, a lost reply |
| target refuses | unreachable, throttled, a value against its rules |

{text}"""


def tell_late(found):
    total = sum(count for *_, count in found["runs"])
    return f"""\
## A node that goes on late

Two nodes rotate {found["credentials"]} credentials at once; one is stopped at any moment, and continued when the other one has finished what it
held. {found["rounds"]} stops; {total} rotations were held by the stopped node and finished by the other one; {found["failed"]} failures, no double effect.
With leases of 1.5 s all was done {found["median_s"]:.1f} s after the stop in the median, {found["longest_s"]:.1f} s at most: rows that the stopped node had locked
are free when the database ends its transaction, after 10 s. A person was needed: {persons(found)}.

{by_rotator(found)}"""


def tell_service(found):
    return f"""\
## A service

A pair was rotated {found["rotations"]} times (grace 1 s) while its service read the credential and logged in {found["logins"] / found["seconds"]:.0f} times a second:
{found["logins"]} logins, 0 failures. {found["late"]} logins were refused that came later than the grace after the read.
"""


def tell_clock(found):
    shifts = "; ".join(f"{int(shift):+d} s: {count} rotations" for shift, count in found.items())
    return f"""\
## A clock that is wrong

The wall's clock of one of two nodes is off ({shifts}), the monotonic one isn't. Both rotate, tell the same dates, serve the previous value
through its grace, and nothing is rotated earlier or later; so too when the node that is wrong is the only one.
"""


def tell_synchronous(found):
    return f"""\
## Fail-over of the vault's own database

To a synchronous replica, {found["fail_overs"]} times in the middle of rotations of {found["credentials"]} credentials by two nodes ({found["rotations"]} rotations): no version that was
served was lost or changed, all go on by themselves.
"""


def tell_refused(found):
    return f"""\
To an asynchronous one: {found["credentials"]} of {found["credentials"]} rotations were refused beforehand (`not_durable`), nothing was touched, and after the fail-over they went on.
"""


def tell_forgotten(found):
    return f"""\
Where that is allowed, and the database comes back without rotations that are done at the target: {found["credentials"]} of {found["credentials"]} credentials were right again
after the next rotation, {found["fenced"]} of them after a person's `apply` (`fenced`). Until then the vault serves what it remembers. A key that an issuer made and the
database forgot bears the tag of an unknown attempt: it is left alone, like a stranger's.
"""


def tell_passwords(count):
    return f"""\
## No password in logs

Searched at the end for each of {count} passwords that were served, and for the rotator's own: the targets' logs at `log_statement=all`,
`pg_stat_statements`, the nodes' logs. None was found, and in the logs no verifier either.
"""


SECTIONS = (
    ("matrix", tell_matrix),
    ("late", tell_late),
    ("service", tell_service),
    ("clock", tell_clock),
    ("synchronous", tell_synchronous),
    ("refused", tell_refused),
    ("forgotten", tell_forgotten),
    ("passwords", tell_passwords),
)
