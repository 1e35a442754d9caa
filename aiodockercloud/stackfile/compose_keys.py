"""The keys of Compose files, and how stack files spell them.

A key that no table names is not part of what both layouts can express.

Source: Compose file reference (the Compose Specification).
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "CONDITIONS",
    "DEPLOY_PATHS",
    "HARMLESS",
    "LOST",
    "LOST_IN_COMPOSE",
    "SAME",
    "TOP_LEVEL",
]

#: Keys of a service that both layouts have, with the same values.
SAME = frozenset(
    {
        *("image", "command", "entrypoint", "environment", "expose", "labels"),
        *("healthcheck", "privileged", "read_only", "stdin_open", "tty", "pid"),
        *("cap_add", "cap_drop", "cgroup_parent", "cpu_shares", "cpuset", "devices"),
        *("dns", "dns_search", "dns_opt", "domainname", "extra_hosts", "hostname"),
        *("mac_address", "mem_limit", "memswap_limit", "mem_reservation", "cpus"),
        *("pids_limit", "security_opt", "user", "working_dir", "stop_grace_period"),
        *("stop_signal", "init", "ulimits", "sysctls", "group_add", "oom_score_adj"),
    }
)

#: The place below a service of Compose → the key of a stack file with the same value.
DEPLOY_PATHS: Mapping[tuple[str, ...], str] = {
    ("deploy", "update_config"): "update_config",
    ("deploy", "rollback_config"): "rollback_config",
    ("deploy", "resources", "limits", "cpus"): "cpus",
    ("deploy", "resources", "limits", "memory"): "mem_limit",
    ("deploy", "resources", "limits", "pids"): "pids_limit",
    ("deploy", "resources", "reservations", "cpus"): "cpu_reservation",
    ("deploy", "resources", "reservations", "memory"): "mem_reservation",
    (
        *("deploy", "resources", "reservations"),
        "generic_resources",
    ): "generic_resources",
}

#: Conditions of ``deploy.restart_policy`` → ``restart``.
CONDITIONS: Mapping[str, str] = {
    "none": "no",
    "on-failure": "on-failure",
    "any": "always",
}

#: Keys of Compose without which the containers run as before → the reason.
HARMLESS: Mapping[str, str] = {
    "annotations": "Docker Cloud has no annotations; use labels",
    "attach": "logs are read with `logs`",
    "build": "images are not built; build and push the image that the service names",
    "container_name": "containers are named after their service",
    "develop": "it belongs to development on one machine",
    "pull_policy": "a deployment always pulls the image",
}

#: Keys of Compose that Docker Cloud cannot express → what to use instead.
LOST: Mapping[str, str] = {
    "blkio_config": "the API has no limits of block devices",
    "cgroup": "containers have the cgroup namespace of the engine",
    "cpu_count": "use cpus",
    "cpu_percent": "use cpus",
    "cpu_period": "use cpus",
    "cpu_quota": "use cpus",
    "credential_spec": "Windows containers do not exist here",
    "device_cgroup_rules": "the API has no rules of devices",
    "env_file": "no file is read; write the variables into environment",
    "extends": "write the keys out, or use YAML anchors",
    "external_links": "use links; a service of another stack is service.stack:alias",
    "gpus": "use generic_resources",
    "ipc": "containers have their own IPC namespace",
    "isolation": "containers have the isolation of the engine",
    "label_file": "no file is read; write the labels into labels",
    "mem_swappiness": "the API has no swappiness",
    "models": "models do not exist here",
    "oom_kill_disable": "use oom_score_adj",
    "post_start": "no command runs beside the container's",
    "pre_stop": "no command runs beside the container's",
    "profiles": "there are no profiles; the service always belongs to the stack",
    "provider": "all services are containers",
    "runtime": "containers have the runtime of the engine",
    "shm_size": "mount memory at /dev/shm with tmpfs",
    "storage_opt": "the API has no options of storage",
    "userns_mode": "containers have the user namespace of the engine",
    "uts": "containers have their own host names; use hostname",
}

#: Keys at the top of a Compose file.
TOP_LEVEL = frozenset(
    {"version", "name", "services", "networks", "volumes", "secrets", "configs"}
)

#: Keys of a stack file that Compose cannot express → what to use instead.
LOST_IN_COMPOSE: Mapping[str, str] = {
    "autodestroy": "Compose keeps containers that ended; remove them, or run them with"
    " `docker compose run --rm`",
    "autoredeploy": "Compose watches no registry; redeploy when the image is pushed",
    "max_concurrent": "a job of Compose runs all its replicas at once",
    "nickname": "services of Compose have no second name; use a label",
    "pin_images": "name the image by its digest",
    "roles": "no key of the API is given to containers; write credentials into secrets",
    "sequential_deployment": "Compose replaces one container at a time unless"
    " deploy.update_config.parallelism states another number",
    "swarm": "write the options of Docker as keys of Compose",
    "tags": "label the nodes, and use deploy.placement.constraints:"
    " node.labels.NAME==true",
}
