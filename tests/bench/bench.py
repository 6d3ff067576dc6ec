# SPDX-License-Identifier: ISC
"""Measures the vault and prints a table; see run.sh and docs/performance.md.

Vault and ceiling are measured in turns and the medians compared, because a shared machine changes
its speed from one moment to the next. Processor time per request hardly depends on that.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import rig

SCALES = {
    "default": {
        "rounds": 5,
        "seconds": 3,
        "connections": [16, 64, 256, 1000],
        "secrets": [1000, 10000, 100000, 1000000],
        "tokens": 1000000,
        "idle": 10000,
        "rotation": (1000, 500, 100000),  # targets, credentials that turn, credentials that rest
        "starts": 5,
    },
    "quick": {
        "rounds": 1,
        "seconds": 1,
        "connections": [16, 64],
        "secrets": [1000, 2000, 3000, 4000],
        "tokens": 1000,
        "idle": 100,
        "rotation": (10, 20, 1000),
        "starts": 1,
    },
}

IDLE_CLIENTS = 10  # handshakes at once


class Bench:
    def __init__(self, r, scale):
        self.rig = r
        self.scale = scale
        self.rows = []
        self.tokens_made = 0

    def present(self):
        tokens = f", {self.tokens_made:,} tokens" if self.tokens_made else ""
        return f"{self.rig.secrets:,} secrets{tokens}"

    def row(self, name, value, unit, bar=None, **more):
        """`bar` is (comparison, number), as in the design."""
        entry = {"name": name, "value": value, "unit": unit}
        if bar is not None:
            entry["bar"] = f"{bar[0]} {bar[1]:g}"
            entry["met"] = {"<": value < bar[1], ">=": value >= bar[1]}[bar[0]]
        entry.update(more)
        self.rows.append(entry)
        note = f"{entry.get('bar', ''):>10} {'' if bar is None else 'met' if entry['met'] else 'MISSED'}"
        print(f"{name:<66} {value:>12,.2f} {unit:<10} {note}", flush=True)

    def rounds(self, *loads):
        """Runs the loads in turns; for each the list of its results."""
        results = [[] for _ in loads]
        for _ in range(self.scale["rounds"]):
            for i, load in enumerate(loads):
                results[i].append(load())
        return results

    def report_load(self, name, results):
        def middle(key):
            return statistics.median(r[key] for r in results)

        self.row(f"{name}", middle("rate"), "requests/s")
        self.row(f"{name}: vault", middle("vault_us"), "us CPU")
        self.row(f"{name}: PostgreSQL", middle("postgres_us"), "us CPU")
        self.row(f"{name}: median latency", middle("p50_us") / 1000, "ms")
        self.row(f"{name}: 99th percentile", middle("p99_us") / 1000, "ms")

    def reads_against_ceiling(self, connections):
        r = self.rig
        seconds = self.scale["seconds"]
        ceiling, reads = self.rounds(
            lambda: r.load("read", connections, seconds, port=r.ceiling_port),
            lambda: r.load("read", connections, seconds),
        )
        name = f"read, {connections} connections"
        self.row(f"ceiling, {connections} connections", statistics.median(c["rate"] for c in ceiling), "requests/s")
        self.row(
            f"ceiling, {connections} connections: CPU", statistics.median(c["ceiling_us"] for c in ceiling), "us CPU"
        )
        self.report_load(name, reads)
        self.row(f"{name}: wrk", statistics.median(read["client_us"] for read in reads), "us CPU")
        # What PostgreSQL's work alone leaves of the ceiling: a vault that costs nothing beyond libmicrohttpd.
        limits = [
            (top["ceiling_us"] + top["client_us"]) / (top["ceiling_us"] + read["postgres_us"] + read["client_us"])
            for top, read in zip(ceiling, reads)
        ]
        self.row(f"{name}: part that PostgreSQL's processor time leaves", statistics.median(limits), "", all=limits)
        # What would be left of the ceiling if nothing but processors counted.
        shares = [
            (top["ceiling_us"] + top["client_us"]) / (read["vault_us"] + read["postgres_us"] + read["client_us"])
            for top, read in zip(ceiling, reads)
        ]
        self.row(f"{name}: part by processor time", statistics.median(shares), "", all=shares)
        ratios = [read["rate"] / top["rate"] for top, read in zip(ceiling, reads)]
        bar = {64: (">=", 0.25), 256: (">=", 0.35)}.get(connections)
        self.row(f"{name}: part of the ceiling", statistics.median(ratios), "", bar, all=ratios)

    # ---- the measurements, in this order

    def size(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "rotunda")
            shutil.copy(self.rig.program, copy)
            subprocess.run(["strip", copy], check=True)
            self.row("program, stripped", os.path.getsize(copy) / 1e6, "MB", ("<", 10))

    def tokens(self):
        self.rig.fill_tokens(self.scale["tokens"])
        self.tokens_made = self.scale["tokens"]

    def start(self):
        times = [self.rig.restart_ms() for _ in range(self.scale["starts"])]
        self.row(
            f"start to first read, {self.present()}", statistics.median(times), "ms", ("<", 1000), all=times
        )

    def memory(self):
        r = self.rig
        r.restart_ms()
        self.row(f"memory, idle, {self.present()}", rig.memory_kib(r.vault.pid) / 1024, "MiB", ("<", 32))
        r.load("read", self.scale["connections"][-1], self.scale["seconds"])
        peak = rig.memory_kib(r.vault.pid, "VmHWM") / 1024
        self.row(f"memory, highest with {self.scale['connections'][-1]} connections, {self.present()}", peak, "MiB", ("<", 128))

    def read(self):
        self.rig.load("read", 64, 1)
        for connections in self.scale["connections"]:
            self.reads_against_ceiling(connections)

    def other(self, kind, name, connections, **more):
        r = self.rig
        (results,) = self.rounds(lambda: r.load(kind, connections, self.scale["seconds"], **more))
        self.report_load(f"{name}, {connections} connections", results)

    def write(self):
        self.other("write", "write", 64)

    def token(self):
        self.other("token", "token create", 64)

    def tls(self):
        if not self.rig.tls_answers():
            raise rig.Wrong("no answer over TLS")
        self.other("read", "read over TLS", 64, scheme="https", port=self.rig.tls_port)

    def idle(self):
        """Idle TLS connections: what each takes, and whether all are still served."""
        r = self.rig
        count = self.scale["idle"]
        r.restart_ms()
        before = rig.memory_kib(r.vault.pid)
        share = str(count // IDLE_CLIENTS)
        clients = [
            subprocess.Popen(
                [r.tool("bench_idle"), str(r.tls_port), share],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(IDLE_CLIENTS)
        ]
        held = sum(int(client.stdout.readline().split()[1]) for client in clients)
        time.sleep(1)
        each = (rig.memory_kib(r.vault.pid) - before) / max(held, 1)
        idle_from = rig.cpu_us(r.vault.pid)
        time.sleep(2)
        busy = (rig.cpu_us(r.vault.pid) - idle_from) / 2e6
        for client in clients:
            client.stdin.write("again\n")
            client.stdin.flush()
        alive = sum(int(client.stdout.readline().split()[1]) for client in clients)
        for client in clients:
            client.communicate()
        if (held, alive) != (count, count):
            raise rig.Wrong(f"of {count} idle TLS connections {held} were held, {alive} served again")
        self.row(f"idle TLS connection, one of {count:,}", each, "KiB", ("<", 64))
        self.row(f"idle TLS connections, {count:,}: CPU", busy * 100, "%")

    def growth(self):
        """What a read costs as the secrets become more."""
        self.rig.load("read", 64, 1)
        (results,) = self.rounds(lambda: self.rig.load("read", 64, self.scale["seconds"]))
        name = f"read, {self.rig.secrets:,} secrets"
        for side, label in (("vault_us", "vault"), ("postgres_us", "PostgreSQL")):
            self.row(f"{name}: {label}", statistics.median(r[side] for r in results), "us CPU")

    def rotation(self):
        """Rotations as fast as they go, with a rotator that does next to nothing; then many that rest."""
        r = self.rig
        targets, turning, resting = self.scale["rotation"]
        r.put_targets(targets)
        for n in range(turning):
            body = {"target": f"t{n % targets}", "account": f"a{n}", "interval": "1s", "owner": "o", "purpose": "p"}
            r.must("POST", f"rotation/credentials/turning{n}", body)
        time.sleep(2)
        seconds = 3 * self.scale["seconds"]
        before = (r.rotations(), rig.cpu_us(r.vault.pid), r.postgres_cpu_us(), time.monotonic())
        time.sleep(seconds)
        done = r.rotations() - before[0]
        name = f"rotations, mock, {turning} credentials over {targets} targets"
        self.row(name, done / (time.monotonic() - before[3]), "rotations/s", (">=", 200))
        self.row(f"{name}: vault", (rig.cpu_us(r.vault.pid) - before[1]) / max(done, 1), "us CPU")
        self.row(f"{name}: PostgreSQL", (r.postgres_cpu_us() - before[2]) / max(done, 1), "us CPU")
        for n in range(turning):
            r.must("POST", f"rotation/credentials/turning{n}", {"interval": "300d"})
        self.rest(resting, targets)

    def rest(self, count, targets):
        """Two nodes with many credentials of which none is due."""
        r = self.rig
        r.fill_rotation(count)
        second = r.start_second()
        try:
            time.sleep(5)
            began = (rig.cpu_us(r.vault.pid) + rig.cpu_us(second.pid), r.postgres_cpu_us(), time.monotonic())
            time.sleep(3 * self.scale["seconds"])
            took_us = (time.monotonic() - began[2]) * 1e6
            both = rig.cpu_us(r.vault.pid) + rig.cpu_us(second.pid) - began[0]
            name = f"{count:,} credentials over {targets:,} targets, two nodes, none due"
            self.row(f"{name}: nodes", 100 * both / took_us, "% CPU", ("<", 1))
            self.row(f"{name}: PostgreSQL", 100 * (r.postgres_cpu_us() - began[1]) / took_us, "% CPU", ("<", 2))
        finally:
            second.terminate()
            second.wait()
        busiest = r.sql(
            """SELECT max(n) FROM (SELECT count(*) AS n FROM rotation_credential WHERE interval_s = 86400
            GROUP BY date_trunc('minute', next_rotation_at)) AS minutes"""
        )
        self.row(f"{name}: due in the busiest minute, of two hours", int(busiest), "")

    def list(self):
        """Pages of a folder that holds all secrets; a read beside it shows what any request takes."""
        r = self.rig
        seconds = self.scale["seconds"]
        lists, reads = self.rounds(lambda: r.load("list", 2, seconds), lambda: r.load("read", 2, seconds))
        name = f"LIST 100 of {r.secrets:,}, 2 connections"
        self.row(name, statistics.median(x["p50_us"] for x in lists) / 1000, "ms", ("<", 2))
        self.row(f"{name}: vault", statistics.median(x["vault_us"] for x in lists), "us CPU")
        self.row(f"{name}: PostgreSQL", statistics.median(x["postgres_us"] for x in lists), "us CPU")
        self.row("read, 2 connections", statistics.median(x["p50_us"] for x in reads) / 1000, "ms")


# What is measured at each size of the database, smallest first.
STAGES = [
    ["size", "growth", "start"],
    ["growth", "memory", "read", "write", "token", "tls", "idle", "rotation"],
    ["growth"],
    ["growth", "tokens", "start", "memory", "list"],
]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        models = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1]) // 1024
    return {
        "processors": os.cpu_count(),
        "model": models[0] if models else platform.machine(),
        "memory_mib": memory,
        "kernel": platform.release(),
        "load_before": os.getloadavg(),
    }


def run(bench, only):
    r = bench.rig
    r.start()
    wanted = [[name for name in stage if not only or name in only] for stage in STAGES]
    for count, names in zip(bench.scale["secrets"], wanted):
        if names:
            r.fill(count)
        if r.ceiling is None and names:
            r.start_ceiling(len(r.request("GET", "secret/data/bench/s0000000", token=r.token)[1]))
        for name in names:
            getattr(bench, name)()


def parse_arguments():
    names = sorted({name for stage in STAGES for name in stage})
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh")
    parser.add_argument("--build", required=True)
    parser.add_argument("--scale", choices=SCALES, default="default")
    parser.add_argument("--only", default="")
    # PostgreSQL and the client run on this machine too, and need as much as the vault.
    parser.add_argument("--workers", type=int, default=max(1, os.cpu_count() // 2))
    args = parser.parse_args()
    args.only = [name for name in args.only.split(",") if name]
    if args.workers < 1:
        parser.error("--workers takes 1 or more")
    if not set(args.only) <= set(names):
        parser.error(f"--only takes {', '.join(names)}")
    return args


def main():
    args = parse_arguments()
    where = machine()
    # Thousands of connections, in the server and in its clients.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    where["workers"] = args.workers
    print(f"{where['processors']} x {where['model']}, {where['memory_mib']} MiB, Linux {where['kernel']}")
    print(f"{args.workers} workers of vault and ceiling")
    bench = Bench(rig.Rig(args.build, args.workers), SCALES[args.scale])
    try:
        print(f"PostgreSQL {bench.rig.sql('SHOW server_version')}, fsync {bench.rig.sql('SHOW fsync')}\n")
        run(bench, args.only)
    except rig.Wrong as wrong:
        print(f"wrong: {wrong}", file=sys.stderr)
        return 1
    finally:
        bench.rig.stop()
    os.makedirs("build", exist_ok=True)
    with open("build/bench.json" if args.scale == "default" else "build/bench-quick.json", "w", encoding="utf-8") as f:
        json.dump({"machine": where, "scale": args.scale, "rows": bench.rows}, f, indent=1)
        f.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
