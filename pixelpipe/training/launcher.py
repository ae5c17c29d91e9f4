"""Training processes under Accelerate's launcher, which live no longer than the process that started them.

Three things end them. The flow kills them all when it stops or fails. When the flow itself is killed, the pipe that is
their standard input ends, and each of them ends with it (`end_with_the_flow`). When the launcher alone is killed, the
kernel kills its children (PR_SET_PDEATHSIG). The signal is not used towards the flow: it comes when the *thread* that
started a child ends, and a flow may run in any.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOG = "training.log"
RENDEZVOUS = "rendezvous"
FOREVER = timedelta(days=365)  # one process may wait for the flow while another already waits for it
_END_S = 10.0


class LaunchedProcesses:
    """`num_processes` of `python -m module folder`, in sessions of their own, that log to `<folder>/training.log`.

    They meet through a file, never a port, and talk over the loopback interface.
    """

    def __init__(self, module: str, folder: Path, num_processes: int, on_cpu: bool) -> None:
        self.log = folder / LOG
        config = folder / "accelerate.json"  # else the user's own would have a say
        config.write_text('{"compute_environment": "LOCAL_MACHINE", "distributed_type": "MULTI_GPU"}')
        command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config), "--multi_gpu"]
        command += ["--num_processes", str(num_processes), "--num_machines", "1", "--mixed_precision", "no"]
        command += ["--num_cpu_threads_per_process", str(_threads(num_processes)), "--main_process_port", "0"]
        command += ["--rdzv_backend", "c10d", "--rdzv_conf", "store_type=file", "--module", module, str(folder)]
        with self.log.open("wb") as log:
            self._launcher = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal is the flow's alone: it ends them in order
                env=os.environ | _environment(on_cpu),
            )

    @property
    def are_running(self) -> bool:
        return self._launcher.poll() is None

    def stop(self) -> None:
        """Kill what still runs, and wait until it is gone."""
        processes = []
        if self.are_running:
            launcher = psutil.Process(self._launcher.pid)
            processes = [launcher, *launcher.children(recursive=True)]  # workers have sessions of their own
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        pipe: BinaryIO | None = self._launcher.stdin  # type: ignore[assignment]
        if pipe is not None:
            pipe.close()
        self._launcher.wait(_END_S)
        psutil.wait_procs(processes, _END_S)


def end_with_the_flow() -> None:
    """For a training process, before it loads anything: end when the flow or the launcher does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_standard_input, daemon=True).start()


def meet(folder: Path) -> None:
    """For a training process: join the others of its launch, before an `Accelerator` is made."""
    import torch

    on_cpu = os.environ["ACCELERATE_USE_CPU"] == "true"
    if not on_cpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    world_size = int(os.environ["WORLD_SIZE"])
    torch.distributed.init_process_group(
        "gloo" if on_cpu else "nccl",
        store=torch.distributed.FileStore(str(folder / RENDEZVOUS), world_size),  # a URL would end at a # in the path
        rank=int(os.environ["RANK"]),
        world_size=world_size,
        timeout=FOREVER,
    )


def _end_with_standard_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


def _threads(num_processes: int) -> int:
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() else max(1, (os.cpu_count() or 1) // num_processes)


def _environment(on_cpu: bool) -> dict[str, str]:
    loopback = next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), None)
    interfaces = dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), loopback) if loopback else {}
    return {
        "ACCELERATE_USE_CPU": str(on_cpu).lower(),
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",  # a server that listens on every interface, and that nobody needs
        "PYTHONUNBUFFERED": "1",
        **interfaces,
    }
