"""A knowledge-base assistant for Gradio.

Rooms, each importing only from those before it: project, toml, errors, environment,
settings, progress, cancellation, documents, language, processes, sources, loaders, splitter,
embeddings, model_hub, keywords, index, indexing, chat_models, retriever, answering,
evaluation, reports, application, contract, door, startup, ui, commands.
"""

from importlib.util import find_spec

__version__ = "0.1.0"

if find_spec("langchain_core") is None:
    raise SystemExit(
        "Error: the requirements are not installed for this Python (expected: those of "
        "requirements.txt). Run: make setup, then the same command with .venv/bin/python"
    )
