# SPDX-License-Identifier: ISC
"""What the measurements stand on: the vault, bare libmicrohttpd, wrk, and what each of them costs."""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

TOKENS = 100
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
POLICY = """
path "secret/data/*" { capabilities = ["create", "read", "update"] }
path "secret/metadata/*" { capabilities = ["read", "list"] }
path "auth/token/create" { capabilities = ["update"] }
"""


class Wrong(Exception):
    """An answer that isn't what it must be: the measurement would mean nothing."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_us(pid):
    """Processor time of a process with all its threads; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) * TICK_US


def memory_kib(pid, name="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise Wrong(f"no {name} of {pid}")


class Rig:
    def __init__(self, build, workers):
        self.build = build
        self.workers = workers
        self.here = os.path.dirname(os.path.abspath(__file__))
        self.folder = tempfile.mkdtemp(prefix="rotunda-bench.")
        self.database = os.environ["ROTUNDA_TEST_DATABASE"]
        self.postgres = os.environ["ROTUNDA_TEST_PG_DIR"]
        self.port = free_port()
        self.tls_port = free_port()
        self.program = os.path.join(build, "api/rotunda")
        self.vault = None
        self.ceiling = None
        self.ceiling_port = free_port()
        self.token = None
        self.tokens_file = os.path.join(self.folder, "tokens")
        self.key_file = os.path.join(self.folder, "seal.key")
        self.secrets = 0

    def tool(self, name):
        return os.path.join(self.build, "tests/bench", name)

    # ---- processes

    def write_files(self):
        with open(os.open(self.key_file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(os.urandom(32))
        cert = os.path.join(self.folder, "cert.pem")
        key = os.path.join(self.folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            + ["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
            check=True,
            capture_output=True,
        )
        parts = dict(p.split("=", 1) for p in self.database.split())
        with open(os.path.join(self.folder, "vault.hcl"), "w", encoding="utf-8") as f:
            f.write(
                f"""
listener "tcp" {{
  address = "127.0.0.1:{self.port}"
}}
listener "tcp" {{
  address = "127.0.0.1:{self.tls_port}"
  tls_cert_file = "{cert}"
  tls_key_file = "{key}"
}}
database {{
  host = "{parts["host"]}"
  name = "{parts["dbname"]}"
  user = "{parts["user"]}"
}}
seal "static" {{
  key_file = "{self.key_file}"
}}
node_name = "bench"
workers = {self.workers}
allow_unlocked_memory = true
data_dir = "{self.folder}"
rotation {{
  min_interval_s = 1
}}
"""
            )

    def start_vault(self):
        with open(os.path.join(self.folder, "vault.log"), "ab") as log:
            self.vault = subprocess.Popen(
                [self.program, "server", "-config", os.path.join(self.folder, "vault.hcl")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop_vault(self):
        self.vault.send_signal(signal.SIGTERM)
        self.vault.wait(timeout=60)
        self.vault = None

    def wait_for(self, path, token=None):
        """The first answer of 200."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.vault.poll() is not None:
                raise Wrong(f"the vault ended with {self.vault.returncode}: {self.log_end()}")
            try:
                if self.request("GET", path, token=token)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.001)
        raise Wrong(f"{path} isn't answered: " + self.log_end())

    def log_end(self):
        with open(os.path.join(self.folder, "vault.log"), encoding="utf-8") as f:
            return f.read()[-2000:]

    def restart_ms(self):
        """From the start of the program to the first secret read."""
        self.stop_vault()
        began = time.monotonic()
        self.start_vault()
        self.wait_for("secret/data/bench/s0000000", self.token)
        return (time.monotonic() - began) * 1000

    def start(self):
        self.write_files()
        self.start_vault()
        self.wait_for("sys/seal-status")
        reply = self.must("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
        self.token = reply["root_token"]
        self.wait_for("auth/token/lookup-self", self.token)
        self.must("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        self.must("PUT", "sys/policies/acl/bench", {"policy": POLICY})
        with open(self.tokens_file, "w", encoding="ascii") as f:
            for _ in range(TOKENS):
                made = self.must("POST", "auth/token/create", {"policies": ["bench"], "ttl": "24h"})
                f.write(made["auth"]["client_token"] + "\n")

    # ---- rotation

    def put_targets(self, count):
        """Mock targets, each with a folder of its own, that rotators of any user may write to."""
        self.must("POST", "sys/mounts/rotation", {"type": "rotation"})
        os.chmod(self.folder, 0o711)
        for n in range(count):
            folder = os.path.join(self.folder, f"target{n}")
            os.mkdir(folder)
            os.chmod(folder, 0o777)
            body = {"rotator": "mock", "state_dir": folder, "username": "u", "password": "p"}
            self.must("POST", f"rotation/targets/t{n}", body)

    def fill_rotation(self, count):
        command = [self.tool("bench_fill_rotation"), self.database, self.key_file, "rotation/", str(count)]
        subprocess.run(command, check=True)
        self.sql("VACUUM (ANALYZE) rotation_credential")
        self.sql("CHECKPOINT")

    def rotations(self):
        """How many were promoted since the server's start."""
        wanted = 'rotunda_rotation_steps_total{state="promoted"} '
        _, raw = self.request("GET", "sys/metrics", token=self.token)
        return next(int(line[len(wanted) :]) for line in raw.decode().splitlines() if line.startswith(wanted))

    def start_second(self):
        """Another server on the same database, on ports of its own; the process."""
        with open(os.path.join(self.folder, "vault.hcl"), encoding="utf-8") as f:
            config = f.read()
        for port in (self.port, self.tls_port):
            config = config.replace(f":{port}", f":{free_port()}")
        path = os.path.join(self.folder, "second.hcl")
        with open(path, "w", encoding="utf-8") as f:
            f.write(config.replace('node_name = "bench"', 'node_name = "second"'))
        with open(os.path.join(self.folder, "vault.log"), "ab") as log:
            return subprocess.Popen(
                [self.program, "server", "-config", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def start_ceiling(self, answer_bytes):
        self.ceiling = subprocess.Popen(
            [self.tool("bench_ceiling"), str(self.ceiling_port), str(self.workers), str(answer_bytes)],
            stdout=subprocess.PIPE,
        )
        self.ceiling.stdout.readline()

    def stop(self):
        for process in (self.vault, self.ceiling):
            if process is not None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- talking to it

    def request(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"X-Vault-Token": token} if token else {}
            connection.request(method, "/v1/" + path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def must(self, method, path, body=None):
        status, raw = self.request(method, path, body, self.token)
        if status not in (200, 204):
            raise Wrong(f"{method} {path}: {status} {raw.decode('utf-8', 'replace')}")
        return json.loads(raw) if raw else None

    def sql(self, text):
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.database, "-c", text],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def fill(self, count):
        """Makes it `count` secrets, if there are fewer."""
        if count <= self.secrets:
            return
        more = [str(self.secrets), str(count - self.secrets)]
        subprocess.run(
            [self.tool("bench_fill"), self.database, self.key_file, "secret/", "bench"] + more, check=True
        )
        self.sql("VACUUM (ANALYZE) kv_head")
        self.sql("VACUUM (ANALYZE) kv_version")
        self.sql("CHECKPOINT")
        self.secrets = count

    def fill_tokens(self, count):
        """Rows that nobody will present: what counts is that they are there."""
        self.sql(
            f"""INSERT INTO token SELECT (jsonb_populate_record(t, jsonb_build_object(
            'id', gen_random_uuid(), 'hash', '\\x' || encode(sha256(n::text::bytea), 'hex'),
            'accessor', 'bench' || n))).* FROM token AS t, generate_series(1, {count}) AS n
            WHERE t.id = (SELECT id FROM token WHERE expires_at < 'infinity' LIMIT 1)"""
        )
        self.sql("VACUUM (ANALYZE) token")
        self.sql("CHECKPOINT")

    # ---- load

    def postgres_cpu_us(self):
        with open(os.path.join(self.postgres, "data/postmaster.pid"), encoding="ascii") as f:
            master = int(f.readline())
        with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as f:
            return sum(cpu_us(pid) for pid in f.read().split())

    def all_cpu_us(self):
        children = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that have ended: wrk
        return {
            "vault_us": cpu_us(self.vault.pid),
            "ceiling_us": cpu_us(self.ceiling.pid),
            "postgres_us": self.postgres_cpu_us(),
            "client_us": (children.ru_utime + children.ru_stime) * 1e6,
        }

    def load(self, kind, connections, seconds, scheme="http", port=None):
        """What wrk reports, as a dict, with the processor time that each side took per request."""
        url = f"{scheme}://127.0.0.1:{port or self.port}"
        before = self.all_cpu_us()
        done = subprocess.run(
            ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
            + ["-s", os.path.join(self.here, "load.lua"), url, "--"]
            + [kind, self.tokens_file, str(max(self.secrets, 1))],
            capture_output=True,
            text=True,
            check=True,
        )
        after = self.all_cpu_us()
        line = [line for line in done.stdout.splitlines() if line.startswith("JSON ")]
        if not line:
            raise Wrong("wrk: " + done.stdout + done.stderr)
        result = json.loads(line[0][5:])
        if result["wrong"] or result["requests"] == 0:
            raise Wrong(f"{kind} at {connections} connections: {done.stdout}\n{self.log_end()}")
        result["rate"] = result["requests"] / result["seconds"]
        for side, used in after.items():
            result[side] = (used - before[side]) / result["requests"]
        return result

    def tls_answers(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.tls_port, context=context)
        connection.request("GET", "/v1/sys/health")
        return connection.getresponse().status == 200
