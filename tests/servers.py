#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start real database servers for a test, and take them away after it.

tests/servers.py list                                 what this machine has, and what it lacks
tests/servers.py run SERVER[+POOLER] PROGRAM [ARG...]  run PROGRAM beside them

SERVER is pg15, pg17 (with TimescaleDB, Apache edition) or pg18; POOLER is pgbouncer18 or
pgbouncer24, in transaction mode. All listen on free ports of 127.0.0.1, speak TLS with a
certificate made for the run, want SCRAM with a password made for the run, and live in a directory
that is removed. PROGRAM finds them by environment variables:

ISOBAR_TEST_SERVER       the name, as pg15+pgbouncer24
ISOBAR_TEST_URL          postgres://... of the server itself
ISOBAR_TEST_POOLER_URL   postgres://... of the pooler, where there is one
ISOBAR_TEST_CA           certificate of the authority that signed the servers' (localhost, db.test)
ISOBAR_TEST_SERVER_PID   process of the server, to stop and go on

SIGUSR1 to this program, PROGRAM's parent, kills the pooler and starts it again.

Where the machine lacks a part, one TAP line says which, and how to get it.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRIXIE = (ROOT / ".deps").resolve() / "trixie"
START_SECONDS_MAX = 60
USER = "isobar"
DATABASE = "isobar"


@dataclass
class Flavour:
    """Where the programs of a server are: (directory of them, root to change to or None)."""

    places: list
    program: str
    help: str
    settings: dict = field(default_factory=dict)

    def find(self):
        for directory, root in self.places:
            inside = Path(f"{root or ''}{directory}") / self.program
            if inside.exists() and (root is None or os.geteuid() == 0):
                return directory, root
        return None


SETUP = "scripts/setup servers brings it"
POSTGRES = {
    "pg15": Flavour([("/usr/lib/postgresql/15/bin", None)], "postgres", "Debian 12 has it"),
    "pg17": Flavour(
        [("/usr/lib/postgresql/17/bin", None), ("/usr/lib/postgresql/17/bin", TRIXIE)],
        "postgres",
        SETUP + ", for root",
        {"shared_preload_libraries": "timescaledb"},
    ),
    "pg18": Flavour(
        [(str((ROOT / ".deps").resolve() / "postgres18/bin"), None)], "postgres", SETUP
    ),
}
POOLERS = {
    "pgbouncer18": Flavour([("/usr/sbin", None)], "pgbouncer", "Debian 12 has it"),
    "pgbouncer24": Flavour(
        [("/usr/sbin", TRIXIE)],
        "pgbouncer",
        SETUP + ", for root",
        {"max_prepared_statements": "200"},
    ),
}


class Missing(Exception):
    """A part that this machine does not have."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_account(root):
    """Return (user, group) that servers run under, for PostgreSQL refuses to be root; or None."""
    if os.geteuid() != 0:
        return None
    for line in Path(f"{root or ''}/etc/passwd").read_text().splitlines():
        name, _, user, group, *_ = line.split(":")
        if name == "postgres":
            return int(user), int(group)
    raise Missing("account postgres")


def make_certificates(directory):
    """Make an authority and a certificate for localhost, db.test and 127.0.0.1 signed by it."""
    (directory / "names").write_text("subjectAltName=DNS:localhost,DNS:db.test,IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=isobar-test-authority"
        " -keyout ca.key -out ca.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2"
        " -extfile names -out server.crt",
    ):
        subprocess.run(
            ["openssl", *command.split()], cwd=directory, check=True, capture_output=True
        )


class Server:
    """A started program, in a directory of its own that its account owns."""

    def __init__(self, name, flavour):
        found = flavour.find()
        if found is None:
            raise Missing(f"{name} ({flavour.help})")
        self.programs, self.root = found
        self.flavour = flavour
        self.port = free_port()
        self.account = server_account(self.root)
        self.process = None
        parent = f"{self.root}/tmp" if self.root else None
        self.directory = Path(tempfile.mkdtemp(prefix="isobar-server-", dir=parent))
        # What the program itself calls that directory.
        self.inside = str(self.directory).removeprefix(str(self.root or ""))
        self.log = self.directory / "log"

    def take(self, source, name, mode=0o600):
        target = self.directory / name
        shutil.copy(source, target)
        target.chmod(mode)

    def hand_over(self):
        if self.account is not None:
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, *self.account)

    def command(self, program, *arguments):
        words = [f"{self.programs}/{program}", *arguments]
        if self.root:
            user, group = self.account
            return ["chroot", f"--userspec={user}:{group}", str(self.root), *words], {}
        if self.account is None:
            return words, {}
        user, group = self.account
        return words, {"user": user, "group": group, "extra_groups": []}

    def run(self, program, *arguments):
        words, account = self.command(program, *arguments)
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=self.directory, **account
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout[-500:]}{done.stderr[-2000:]}")

    def start(self, program, *arguments):
        words, account = self.command(program, *arguments)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", **account
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{program} did not start:\n{self.log.read_text()[-3000:]}")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)  # a test may have stopped it
            self.process.send_signal(signal.SIGINT)  # ends at once and in order
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def write_settings(path, settings):
    path.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))


class Postgres(Server):
    def __init__(self, name, certificates, password):
        super().__init__(name, POSTGRES[name])
        try:
            (self.directory / "password").write_text(password + "\n")
            self.hand_over()
            data = f"{self.inside}/data"
            self.run(
                "initdb",
                *f"-D {data} -U {USER} -A scram-sha-256 -E UTF8 --locale=C -N".split(),
                f"--pwfile={self.inside}/password",
            )
            self.take(certificates / "server.crt", "server.crt")
            self.take(certificates / "server.key", "server.key")
            self.hand_over()
            settings = {
                "listen_addresses": "127.0.0.1",
                "port": self.port,
                "unix_socket_directories": self.inside,
                "max_connections": 150,
                "fsync": "off",
                "ssl": "on",
                "ssl_cert_file": f"{self.inside}/server.crt",
                "ssl_key_file": f"{self.inside}/server.key",
                "timezone": "Asia/Tokyo",  # so that UTC is never in force by chance
                "max_prepared_transactions": 4,
            }
            target = self.directory / "data" / "postgresql.auto.conf"
            write_settings(target, settings | self.flavour.settings)
            self.start("postgres", "-D", data)
            self.url = f"postgres://{USER}:{password}@127.0.0.1:{self.port}/{DATABASE}"
            self.make_database(password)
        except BaseException:
            self.stop()
            raise

    def make_database(self, password):
        """Ask for the database through single-user-free means: the server's own psql or ours."""
        psql = shutil.which("psql")
        if psql is None:
            raise Missing("psql (apt: postgresql-client)")
        deadline = time.monotonic() + START_SECONDS_MAX
        environment = {**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
        where = f"host=127.0.0.1 port={self.port} user={USER} dbname=postgres"
        while True:
            done = subprocess.run(
                [psql, "-Xq", where, "-c", f"CREATE DATABASE {DATABASE}"],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"no database could be made: {done.stderr}")
            time.sleep(0.1)


class PgBouncer(Server):
    def __init__(self, name, certificates, server, password):
        super().__init__(name, POOLERS[name])
        try:
            for file in ("server.crt", "server.key", "ca.crt"):
                self.take(certificates / file, file)
            (self.directory / "users").write_text(f'"{USER}" "{password}"\n')
            settings = {
                "listen_addr": "127.0.0.1",
                "listen_port": self.port,
                "unix_socket_dir": "",
                "pool_mode": "transaction",
                "auth_type": "scram-sha-256",
                "auth_file": f"{self.inside}/users",
                "max_client_conn": 500,
                "default_pool_size": 8,
                "client_tls_sslmode": "allow",
                "client_tls_cert_file": f"{self.inside}/server.crt",
                "client_tls_key_file": f"{self.inside}/server.key",
                "client_tls_ca_file": f"{self.inside}/ca.crt",
                "server_tls_sslmode": "prefer",
                "logfile": "",
                "pidfile": f"{self.inside}/pid",
            }
            lines = [
                f"{key} = {value}" for key, value in (settings | self.flavour.settings).items()
            ]
            where = f"* = host=127.0.0.1 port={server.port}"
            text = "\n".join(["[databases]", where, "[pgbouncer]", *lines])
            (self.directory / "ini").write_text(text + "\n")
            self.hand_over()
            self.begin()
            self.url = f"postgres://{USER}:{password}@127.0.0.1:{self.port}/{DATABASE}"
        except BaseException:
            self.stop()
            raise

    def begin(self):
        self.start("pgbouncer", f"{self.inside}/ini")

    def restart(self):
        self.process.kill()
        self.process.wait()
        (self.directory / "pid").unlink(missing_ok=True)
        self.begin()


@contextlib.contextmanager
def running(names):
    """Start what "pg15+pgbouncer24" names; yield the environment variables that tell of it."""
    server_name, _, pooler_name = names.partition("+")
    if shutil.which("openssl") is None:
        raise Missing("openssl (apt: openssl)")
    password = "Pw" + secrets.token_hex(12)
    certificates = Path(tempfile.mkdtemp(prefix="isobar-certificates-"))
    started = []
    try:
        make_certificates(certificates)
        server = Postgres(server_name, certificates, password)
        started.append(server)
        tell = {
            "ISOBAR_TEST_SERVER": names,
            "ISOBAR_TEST_URL": server.url,
            "ISOBAR_TEST_CA": str(certificates / "ca.crt"),
            "ISOBAR_TEST_SERVER_PID": str(server.process.pid),
        }
        if pooler_name:
            started.append(PgBouncer(pooler_name, certificates, server, password))
            tell["ISOBAR_TEST_POOLER_URL"] = started[-1].url
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGUSR1, lambda *_: started[-1].restart())
        yield tell
    finally:
        for each in reversed(started):
            each.stop()
        shutil.rmtree(certificates, ignore_errors=True)


def clean_environment():
    """Return the environment without what would point libpq or the command elsewhere."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PG", "ISOBAR_"))} | {
        "HOME": "/nonexistent"
    }


def run(names, program):
    try:
        with running(names) as tell:
            return subprocess.run(program, env=clean_environment() | tell, check=False).returncode
    except Missing as missing:
        print(f"1..0 # SKIP this machine has no {missing}", flush=True)
        return 0


def main():
    if sys.argv[1:2] == ["list"]:
        for name, flavour in (POSTGRES | POOLERS).items():
            found = flavour.find()
            where = "in " + "".join(map(str, reversed([*filter(None, found)]))) if found else ""
            print(f"{name:12} {where or 'missing: ' + flavour.help}")
        return 0
    if sys.argv[1:2] == ["run"] and len(sys.argv) > 3:
        return run(sys.argv[2], sys.argv[3:])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
