"""Programs that run a hub's own client library, each in a process of its own.

They print what the hub lists, are told what is wanted, and download it. They import
nothing of this package: OpenXLab's runs in another environment.
"""
