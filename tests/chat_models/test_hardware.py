"""Free memory as a container's control group tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.chat_models.hardware import free_memory_gb

MB = 1 << 20


def control_group(folder: Path, limit: str, used: int) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    return folder


def test_a_file_just_downloaded_takes_no_memory_in_a_container(tmp_path: Path) -> None:
    group = control_group(tmp_path, limit=f"{400 * MB}", used=390 * MB)
    assert free_memory_gb(group) == pytest.approx(10 / 1024)
    stat = f"anon {50 * MB}\nfile {340 * MB}\ninactive_file {320 * MB}\nactive_file {20 * MB}\n"
    (group / "memory.stat").write_text(stat)
    assert free_memory_gb(group) == pytest.approx(350 / 1024)


def test_a_group_without_a_limit_has_the_machines_memory(tmp_path: Path) -> None:
    group = control_group(tmp_path, limit="max", used=1 << 50)
    assert free_memory_gb(group) == pytest.approx(free_memory_gb(tmp_path / "nowhere"), rel=0.5)
    assert free_memory_gb(group) > 0
