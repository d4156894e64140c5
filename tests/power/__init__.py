"""The power is cut: what a process has asked of its disk is recorded, and cut at any moment into what may be left."""
