"""Machines to provision in tests, and who visits them: over SSH, over HTTP, from outside."""
