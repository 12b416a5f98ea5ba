"""Servers and clients of protocols other than HTTP/1.1: see test_protocols.py."""
