"""A SLURM cluster of one node on this machine: munged, slurmctld and slurmd in a folder of its own, on free ports.

Nothing outside the folder is read or written, so that a SLURM which the machine may have is left alone.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "scontrol", "scancel", "squeue", "setpriv")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
HOST = socket.gethostname().split(".")[0]
CPUS = 2
LIMIT = 30.0  # s that the cluster may take to start, and each command to answer

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
TmpFS={folder}/tmp
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def what_is_missing() -> str:
    """Why no cluster can be started here; empty where it can."""
    missing = [name for name in (*DAEMONS, *CLIENTS) if shutil.which(name, path=PATH) is None]
    return f"SLURM is not installed (no {', '.join(missing)}; Debian: slurm-wlm and munge)" if missing else ""


class Failure(RuntimeError):
    """The cluster did not do what it was asked to."""


class Cluster:
    """A context that starts the daemons and ends them; `environment` is what SLURM's commands need."""

    def __init__(self) -> None:
        # Not below pytest's folder: munged, which does not run as root, could not enter that.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.daemons: list[subprocess.Popen] = []
        # A job of this cluster must not believe to be a part of another.
        own = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        self.environment = {**own, "PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def __enter__(self) -> Cluster:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _start(self) -> None:
        self.folder.chmod(0o755)
        self._start_munge()
        for name in ("state", "spool", "tmp"):
            (self.folder / name).mkdir(mode=0o755)
        self._configure()
        self._daemon("slurmctld", "-D", "-c")
        self._daemon("slurmd", "-D", "-N", HOST)
        self._wait("the node", lambda: "State=IDLE" in self.command("scontrol", "show", "node", check=False))

    def _start_munge(self) -> None:
        """A munged with a key of its own; root hands both to the user munge, since munged insists."""
        munge = self.folder / "munge"
        munge.mkdir(mode=0o755)
        key = munge / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        user = None
        if os.getuid() == 0:
            user = "munge"
            for path in (munge, key):
                shutil.chown(path, user, user)
        files = {"key-file": key, "socket": munge / "socket", "pid-file": munge / "pid"}
        files |= {"log-file": munge / "log", "seed-file": munge / "seed"}
        self._daemon("munged", "--foreground", *(f"--{name}={path}" for name, path in files.items()), user=user)
        self._wait("munged", (munge / "socket").exists)

    def _configure(self) -> None:
        with contextlib.ExitStack() as stack:
            # Both at once, so that they differ.
            sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            controller_port, node_port = (each.getsockname()[1] for each in sockets)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        text = CONFIGURATION.format(
            host=HOST,
            controller_port=controller_port,
            node_port=node_port,
            user=getpass.getuser(),
            folder=self.folder,
            cpus=CPUS,
            memory=memory,
        )
        (self.folder / "slurm.conf").write_text(text)

    def _daemon(self, name: str, *options: str, user: str | None = None) -> None:
        """Start one as our child (so its options must leave it in the foreground) that ends when we do."""
        command = ["setpriv", "--pdeathsig", "TERM"]
        if user:
            command += [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        command += [shutil.which(name, path=PATH), *options]
        with open(self.folder / f"{name}.out", "w") as out:
            daemon = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us, who then end the jobs first
            )
        self.daemons.append(daemon)

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        until = time.monotonic() + LIMIT
        while not done():
            if time.monotonic() > until or any(daemon.poll() is not None for daemon in self.daemons):
                raise Failure(f"{what} did not come up\n{self.logs()}")
            time.sleep(0.1)

    def logs(self) -> str:
        """The ends of what the daemons said."""
        return "\n".join(
            f"--- {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in self.folder.glob("*.out")
        )

    def command(self, *argv: str, cwd: Path | None = None, check: bool = True, **environment: str) -> str:
        """Return the output of a SLURM command."""
        done = subprocess.run(
            [shutil.which(argv[0], path=PATH), *argv[1:]],
            cwd=cwd,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        if check and done.returncode:
            raise Failure(f"{' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout

    def job(self, number: str) -> dict[str, str]:
        """Return SLURM's record of a job: JobState, ExitCode and more."""
        words = self.command("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def stop(self) -> None:
        """End all jobs, then the daemons by their process ids, and remove the folder."""
        if len(self.daemons) == len(DAEMONS):
            # Whatever is wrong with SLURM, the daemons are ended.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.command("scancel", f"--user={getpass.getuser()}", check=False)
                until = time.monotonic() + LIMIT
                while self.command("squeue", "--noheader", check=False) and time.monotonic() < until:
                    time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self._left_behind():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left_behind(self) -> list[int]:
        """Return the processes that still run of this cluster's jobs: those started with its configuration."""
        mark, found = f"SLURM_CONF={self.environment['SLURM_CONF']}".encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found
