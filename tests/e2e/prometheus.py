# SPDX-License-Identifier: ISC
"""A strict reader of Prometheus' text format 0.0.4: what promtool would complain about fails, and so does
what its naming conventions say."""

import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)$|NaN$")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
# Base units only: seconds, bytes.
WRONG_UNITS = re.compile(r"_(ms|milliseconds|us|microseconds|minutes|hours|days|kb|kilobytes|mb|megabytes)(_|$)")


class Family:
    def __init__(self, name, text):
        self.name = name
        self.help = text
        self.type = None
        self.samples = {}  # (name, labels in order of their names) -> value


def fail(number, line, why):
    raise AssertionError(f"line {number}: {why}: {line}")


def read_labels(number, line, text):
    labels = {}
    at = 0
    while at < len(text):
        found = LABEL.match(text, at)
        if found is None or found[1] in labels:
            fail(number, line, "labels")
        labels[found[1]] = found[2]
        at = found.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                fail(number, line, "separator of labels")
            at += 1
    return labels


def read_sample(number, line):
    name = NAME.match(line)
    if name is None:
        fail(number, line, "name")
    rest = line[name.end() :]
    labels = {}
    if rest.startswith("{"):
        end = rest.rindex("}")
        labels = read_labels(number, line, rest[1:end])
        rest = rest[end + 1 :]
    if not rest.startswith(" ") or not VALUE.match(rest[1:]):
        fail(number, line, "value")
    return name[0], labels, float(rest[1:])


def belongs(family, name):
    if family.type == "histogram":
        return name in (f"{family.name}_bucket", f"{family.name}_sum", f"{family.name}_count")
    return name == family.name


def parse(text):
    """Families by name. A family is HELP, TYPE and all of its samples, in this order and in one piece."""
    assert text.endswith("\n"), "the last line must end"
    families = {}
    family = None
    for number, line in enumerate(text[:-1].split("\n"), 1):
        if line.startswith("# HELP "):
            _, _, name, explanation = line.split(" ", 3)
            if name in families or not NAME.fullmatch(name) or not explanation.strip():
                fail(number, line, "HELP")
            family = families[name] = Family(name, explanation)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if family is None or family.name != name or family.type or kind not in TYPES:
                fail(number, line, "TYPE")
            family.type = kind
        else:
            name, labels, value = read_sample(number, line)
            key = (name, tuple(sorted(labels.items())))
            if family is None or not family.type or not belongs(family, name) or key in family.samples:
                fail(number, line, "sample")
            family.samples[key] = value
    for family in families.values():
        check(family)
    return families


def check(family):
    assert family.samples, f"{family.name} has no samples"
    assert not WRONG_UNITS.search(family.name), family.name
    assert family.name.endswith("_total") == (family.type == "counter"), family.name
    assert family.type == "gauge" or not any(v < 0 for v in family.samples.values()), family.name
    assert family.help.endswith("."), f"{family.name}: {family.help}"
    assert "le" not in {k for (n, ls) in family.samples for k, _ in ls} or family.type == "histogram", family.name
    if family.type == "histogram":
        check_histogram(family)


def check_histogram(family):
    series = {}
    for (name, labels), value in family.samples.items():
        if name.endswith("_bucket"):
            rest = tuple((k, v) for k, v in labels if k != "le")
            series.setdefault(rest, []).append((float(dict(labels)["le"].replace("+Inf", "inf")), value))
    assert series, family.name
    for labels, buckets in series.items():
        assert buckets == sorted(buckets), f"{family.name}: buckets out of order"
        counts = [count for _, count in buckets]
        assert counts == sorted(counts), f"{family.name}: buckets aren't cumulative"
        assert buckets[-1][0] == float("inf"), f"{family.name}: no last bucket"
        assert family.samples[(f"{family.name}_count", labels)] == counts[-1], family.name
        assert (f"{family.name}_sum", labels) in family.samples, family.name
