"""Downloads from ModelScope with its hub client, which resumes partial downloads."""

from __future__ import annotations

import sys
from pathlib import Path

from modelscope_hub import HubApi
from protocol import ask_which  # type: ignore[import-not-found]


def main(endpoint: str, repository: str, revision: str, folder: Path) -> None:
    """List the repository, and download the files that the parent chooses to `folder / "files"`."""
    api = HubApi(endpoint=endpoint)
    found = api.list_repo_files(repository, "model", revision=revision or None)
    listing = {file.path: (file.size or None, file.sha256) for file in found if not file.is_dir}
    for name in ask_which(listing):
        size, sha256 = listing[name]
        api.download_file(
            repository,
            "model",
            name,
            revision=revision or None,
            local_dir=folder / "files",
            expected_sha256=sha256,
            file_size=size,
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
