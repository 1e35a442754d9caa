"""The sub-APIs of ``DockerCloud``: one module per kind of object."""
