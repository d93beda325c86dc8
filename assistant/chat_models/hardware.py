"""What this machine has to offer a chat model; knows nothing of which model that means."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from assistant.processes import core_count

_CGROUP = Path("/sys/fs/cgroup")
_GB = 1024**3


@dataclass(frozen=True, slots=True)
class Hardware:
    """Memory in units of 1024**3 bytes; `gpu_memory_gb` is None without a usable GPU.

    `can_load_4bit` says whether the bitsandbytes package is installed beside a GPU.
    """

    gpu_memory_gb: float | None
    cores: int
    memory_gb: float
    can_load_4bit: bool = False


def hardware() -> Hardware:
    """Look at this machine; takes milliseconds where there is no NVIDIA driver."""
    gpu = _gpu_memory_gb()
    return Hardware(
        gpu_memory_gb=gpu,
        cores=core_count(),
        memory_gb=_memory_limit() / _GB,
        can_load_4bit=gpu is not None and importlib.util.find_spec("bitsandbytes") is not None,
    )


def free_memory_gb(cgroup: Path = _CGROUP) -> float:
    """Memory that can be taken now without swapping, inside the container's limit.

    What the system keeps of files that were read or written counts as free.
    """
    free = int(psutil.virtual_memory().available)
    limit = _cgroup_number(cgroup / "memory.max")
    used = _cgroup_number(cgroup / "memory.current")
    if limit is not None and used is not None:
        free = min(free, max(0, limit - used + _page_cache(cgroup / "memory.stat")))
    return free / _GB


def _memory_limit() -> int:
    total = int(psutil.virtual_memory().total)
    limit = _cgroup_number(_CGROUP / "memory.max")
    return total if limit is None else min(total, limit)


def _gpu_memory_gb() -> float | None:
    """Memory of the largest GPU. Importing torch takes seconds: only with a driver there."""
    if not (Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi")):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    count = torch.cuda.device_count()
    return max(torch.cuda.get_device_properties(i).total_memory for i in range(count)) / _GB


def _cgroup_number(file: Path) -> int | None:
    """The number in a control group's file; None for "max" and where there is no such file."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _page_cache(file: Path) -> int:
    """Bytes of files that a control group keeps in memory; 0 where it does not tell."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split(maxsplit=1) for line in lines)
    return sum(int(values.get(name, 0)) for name in ("inactive_file", "active_file"))
