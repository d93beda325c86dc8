"""Programs that run a hub's client library in a child process.

Each prints the repository's files, reads which of them to download, and downloads those. They
do not import this package, since the one for OpenXLab runs in another environment.
"""
