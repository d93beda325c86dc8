"""The commands of a checkout in which nothing is installed, and developers' tools."""
