"""What readers need beside the table of service fields: units and examples.

The page of the fields and the OpenAPI document show the values. Nothing else imports
this module: neither a client nor a running server needs the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .field_kinds import Kind
from .service_words import ALWAYS, HIGH_AVAILABILITY, JOB, ON_SUCCESS

__all__ = ["EXAMPLES", "UNITS"]

#: What a number of a kind counts.
UNITS: Final[Mapping[Kind, str]] = {
    Kind.MEGABYTES: "MB",
    Kind.DURATION: "seconds",
    Kind.NUMBER: "CPUs",
}

#: Field → a value that ``create`` accepts, as a caller writes the value.
EXAMPLES: Final[Mapping[str, Any]] = {
    "image": "nginx:1.27",
    "name": "web",
    "nickname": "The web server of the shop",
    "run_command": "nginx -g 'daemon off;'",
    "entrypoint": ["/docker-entrypoint.sh", "--quiet"],
    "container_envvars": {"LOG_LEVEL": "info"},
    "container_ports": ["8080:80", "53:53/udp"],
    "linked_to_service": ["db", "cache:redis"],
    "bindings": ["/data", "/etc/hosts:/hosts:ro"],
    "secrets": ["db-password"],
    "configs": [{"source": "nginx.conf", "target": "/etc/nginx/nginx.conf"}],
    "target_num_containers": 3,
    "mode": JOB,
    "completions": 20,
    "max_concurrent": 4,
    "deployment_strategy": HIGH_AVAILABILITY,
    "sequential_deployment": True,
    "update_config": {"parallelism": 2, "delay": "10s", "failure_action": "rollback"},
    "rollback_config": {"parallelism": 0, "order": "start-first"},
    "autorestart": ALWAYS,
    "autodestroy": ON_SUCCESS,
    "autoredeploy": True,
    "tags": ["ssd"],
    "roles": ["global"],
    "labels": {"com.example.team": "shop"},
    "healthcheck": {"test": ["CMD", "curl", "-f", "localhost"], "interval": "10s"},
    "privileged": True,
    "read_only": True,
    "stdin_open": True,
    "tty": True,
    "net": "host",
    "pid": "host",
    "cap_add": ["NET_ADMIN"],
    "cap_drop": ["ALL"],
    "cgroup_parent": "m-executor-abcd",
    "cpu_shares": 512,
    "cpuset": "0,1",
    "devices": ["/dev/ttyUSB0:/dev/ttyUSB0:rwm"],
    "dns": ["9.9.9.9"],
    "dns_search": ["example.com"],
    "domainname": "example.com",
    "extra_hosts": ["db:10.0.0.5"],
    "hostname": "web",
    "mac_address": "02:42:ac:11:65:43",
    "memory": 512,
    "memory_swap": 1024,
    "security_opt": ["no-new-privileges"],
    "user": "www-data",
    "working_dir": "/srv",
    "cpus": 0.5,
    "cpu_reservation": 0.25,
    "memory_reservation": 256,
    "pids_limit": 200,
    "generic_resources": ["gpu=1"],
    "stop_grace_period": "1m30s",
    "stop_signal": "SIGINT",
    "restart_policy": {"delay": "5s", "max_attempts": 3, "window": "1m"},
    "placement": {"constraints": ["node.labels.zone==a"], "max_replicas_per_node": 2},
    "init": True,
    "ulimits": {"nofile": {"soft": 20000, "hard": 40000}},
    "networks": ["front", {"name": "back", "aliases": ["database"]}],
    "sysctls": {"net.core.somaxconn": "1024"},
    "group_add": ["mail"],
    "oom_score_adj": 100,
    "dns_options": ["ndots:2"],
    "tmpfs": ["/run:size=64m"],
    "log_driver": {"name": "json-file", "options": {"max-size": "10m"}},
    "pin_images": True,
    "swarm": {"TaskTemplate": {"ForceUpdate": 1}},
}
