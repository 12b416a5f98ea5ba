"""The control plane under test, and a real Envoy with what it makes of a mesh."""
