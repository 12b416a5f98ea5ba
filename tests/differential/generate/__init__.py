"""Random meshes, and requests that aim at the boundaries of their policies. The same seed gives the same ones."""
