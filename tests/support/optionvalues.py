"""One value of each field that the Docker Engine has and the hosted API had not."""

from __future__ import annotations

from typing import Any

#: Field → a value as a stack file writes the value, and as the API has the value.
FORMS: dict[str, tuple[Any, Any]] = {
    "cpus": ("0.50", 0.5),
    "cpu_reservation": ("0.25", 0.25),
    "memory_reservation": ("64m", 64),
    "pids_limit": ("100", 100),
    "generic_resources": (
        ["gpu=2", "ssd=a1"],
        [{"kind": "gpu", "value": "2"}, {"kind": "ssd", "value": "a1"}],
    ),
    "stop_grace_period": ("1m30s", 90),
    "stop_signal": ("SIGINT", "SIGINT"),
    "restart_policy": (
        {"delay": "5s", "max_attempts": "3"},
        {"delay": 5, "max_attempts": 3, "window": None},
    ),
    "placement": (
        {
            "constraints": ["node.labels.zone==a"],
            "preferences": ["spread=node.labels.rack"],
            "platforms": ["linux/amd64"],
        },
        {
            "constraints": ["node.labels.zone==a"],
            "preferences": [{"spread": "node.labels.rack"}],
            "max_replicas_per_node": None,
            "platforms": [{"os": "linux", "architecture": "amd64"}],
        },
    ),
    "init": ("true", True),
    "ulimits": (
        {"nproc": "65535", "nofile": {"soft": "20000", "hard": 40000}},
        [
            {"name": "nproc", "soft": 65535, "hard": 65535},
            {"name": "nofile", "soft": 20000, "hard": 40000},
        ],
    ),
    "sysctls": (
        ["net.core.somaxconn=1024"],
        {"net.core.somaxconn": "1024"},
    ),
    "networks": (
        {"front": None, "back": {"aliases": ["database"]}},
        [
            {"name": "front", "aliases": []},
            {"name": "back", "aliases": ["database"]},
        ],
    ),
    "group_add": (["mail", "1000"], ["mail", "1000"]),
    "oom_score_adj": ("100", 100),
    "dns_options": (["ndots:2"], ["ndots:2"]),
    "tmpfs": (
        ["/run:size=64m,mode=1770"],
        [{"container_path": "/run", "size": 64, "mode": "1770"}],
    ),
    "log_driver": (
        {"driver": "json-file", "options": {"max-file": 3}},
        {"name": "json-file", "options": {"max-file": "3"}},
    ),
    "pin_images": ("yes", True),
    "swarm": (
        {"TaskTemplate": {"ContainerSpec": {"Isolation": "default"}}},
        {"TaskTemplate": {"ContainerSpec": {"Isolation": "default"}}},
    ),
}
