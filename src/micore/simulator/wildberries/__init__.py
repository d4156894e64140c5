"""Wildberries' seller APIs in front of the shop, all hosts' paths on one port: one module per section."""
