"""Downloads from Hugging Face or a mirror with huggingface_hub, and resumes partial downloads.

huggingface_hub discards partial files when a download is aborted. This program keeps them and
passes them to its `http_get`, which requests the rest.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
from protocol import ask_which  # type: ignore[import-not-found]

# Small enough that the growth of the file shows whether a slow download is still alive.
constants.DOWNLOAD_CHUNK_SIZE = 1 << 18


def main(endpoint: str, repository: str, revision: str, folder: Path) -> None:
    """List the repository, and download the files that the parent chooses to `folder / "files"`."""
    info = HfApi(endpoint=endpoint).model_info(
        repository, revision=revision or None, files_metadata=True
    )
    commit = info.sha or revision
    listing = {
        file.rfilename: (file.size, file.lfs.sha256 if file.lfs else None)
        for file in info.siblings or []
    }
    wanted = ask_which(listing)
    _forget_other_commit(folder, commit)
    for name in wanted:
        url = hf_hub_url(repository, name, revision=commit, endpoint=endpoint)
        _download(url, folder / "files" / name, folder / "parts" / name, listing[name][0])


def _forget_other_commit(folder: Path, commit: str) -> None:
    """Delete files of any other commit, so that files of two commits are never mixed."""
    note = folder / "commit"
    if note.is_file() and note.read_text() != commit:
        shutil.rmtree(folder / "files", ignore_errors=True)
        shutil.rmtree(folder / "parts", ignore_errors=True)
    note.write_text(commit)


def _download(url: str, target: Path, part: Path, size: int | None) -> None:
    if target.is_file() and target.stat().st_size == size:
        return
    for path in (target, part):
        path.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as file:
        if size is None or file.tell() > size:
            file.truncate(0)
        file.seek(0, 2)
        http_get(
            url,
            file,
            resume_size=file.tell(),
            headers=build_hf_headers(),
            expected_size=size,
            displayed_filename=target.name,
        )
    part.replace(target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
