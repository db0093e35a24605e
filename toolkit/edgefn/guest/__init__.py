"""The Python that travels into the component: the standard library and itself, nothing else."""
