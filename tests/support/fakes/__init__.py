"""Servers that speak a service's wire protocol, as far as the tests that use them need it."""
