"""The writer's thread: nothing that goes wrong in it may leave the build waiting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.documents import Chunk
from assistant.indexing.writer import VersionWriter, Window

UNWRITABLE = Chunk("id", "half a pair: \ud83d", "s", "a.md", (), 1, 1, "", "", "en", 4)


@pytest.mark.timeout(60)
def test_an_unforeseen_error_comes_out_of_put_or_finish(tmp_path: Path) -> None:
    writer = VersionWriter(tmp_path, create=True, server=None)
    window = Window([], [UNWRITABLE], np.ones((1, 4), dtype=np.float32))
    with pytest.raises(UnicodeError):
        for _ in range(10):
            writer.put(window)
        writer.finish()
    writer.close()
