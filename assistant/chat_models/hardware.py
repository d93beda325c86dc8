"""Memory, processor cores and GPU of this machine, as far as chat models need them."""

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
    """Hardware of a machine; memory in units of 1024**3 bytes.

    Attributes:
        gpu_memory_gb: Memory of the largest GPU; None without a usable GPU.
        cores: Processor cores this process may use.
        memory_gb: Main memory, or the container's limit if that is lower.
        can_load_4bit: Whether there is a GPU and the bitsandbytes package is installed.
    """

    gpu_memory_gb: float | None
    cores: int
    memory_gb: float
    can_load_4bit: bool = False


def hardware() -> Hardware:
    """Inspect this machine; takes milliseconds without an NVIDIA driver, seconds with one."""
    gpu = _gpu_memory_gb()
    return Hardware(
        gpu_memory_gb=gpu,
        cores=core_count(),
        memory_gb=_memory_limit() / _GB,
        can_load_4bit=gpu is not None and importlib.util.find_spec("bitsandbytes") is not None,
    )


def free_memory_gb(cgroup: Path = _CGROUP) -> float:
    """Memory available now without swapping, within the container's limit.

    Page cache counts as free.
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
    """Memory of the largest GPU. Imports torch, which takes seconds, only if a driver exists."""
    if not (Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi")):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    count = torch.cuda.device_count()
    return max(torch.cuda.get_device_properties(i).total_memory for i in range(count)) / _GB


def _cgroup_number(file: Path) -> int | None:
    """The number in a control group's file; None for "max" or if there is no such file."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _page_cache(file: Path) -> int:
    """Page cache of a control group in bytes; 0 if it is not reported."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split(maxsplit=1) for line in lines)
    return sum(int(values.get(name, 0)) for name in ("inactive_file", "active_file"))
