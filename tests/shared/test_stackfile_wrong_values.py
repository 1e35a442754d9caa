"""Refused values of stack files: the error names the place and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import to_api

REFUSED: list[tuple[str, Any, str]] = [
    ("cpus", "many", "'many' is not a number"),
    ("cpus", 0.001, "must be from 0.01"),
    ("cpus", True, "is not a number"),
    ("stop_grace_period", "soon", "'soon' is not a duration"),
    ("stop_grace_period", 10**7, "must be from 0 to 2592000 seconds"),
    ("stop_signal", "stop it", "is not a signal such as SIGINT"),
    ("ulimits", [{"name": "nofile"}], "item 1 of the list: soft: is missing"),
    ("ulimits", ["nofile"], "nofile is not name=soft:hard"),
    ("ulimits", {"nofile": {"soft": 1, "herd": 2}}, "herd: there is no such key"),
    ("sysctls", ["kernel.x"], "kernel.x is not name=value"),
    ("sysctls", {"a": {"b": 1}}, "must be one text"),
    ("generic_resources", ["gpu"], "gpu is not kind=value"),
    ("generic_resources", {"gpu": 1}, "must be a list of objects with kind, value"),
    ("restart_policy", {"condition": "any"}, "condition is the field autorestart"),
    ("restart_policy", "always", "must be an object with delay, max_attempts, window"),
    (
        "placement",
        {"constraints": ["zone==a"]},
        "constraints: item 1.*node.labels.NAME",
    ),
    ("placement", {"constraints": ["node.role=manager"]}, "comparison with == or !="),
    ("placement", {"preferences": ["zone"]}, "zone is not spread=attribute"),
    ("tmpfs", ["run"], "container_path: 'run' is not an absolute path"),
    ("tmpfs", ["/run:noexec"], "is not /path:size=64m,mode=1770"),
    ("tmpfs", [{"container_path": "/run", "mode": "rwx"}], "mode: .*octal"),
    ("log_driver", {"options": {}}, "name: is missing"),
    ("oom_score_adj", 2000, "must be from -1000 to 1000"),
    ("swarm", "x", "must be a mapping"),
    ("ports", [{"published": 80}], "target: is missing"),
    ("ports", [{"target": 80, "mode": "all"}], "allowed: host, ingress"),
    ("volumes", [{"type": "tmpfs", "target": "/x"}], "the key tmpfs"),
    ("volumes", [{"source": "x"}], "target: is missing"),
    ("healthcheck", "curl localhost", "must be an object with test, interval"),
    ("healthcheck", {"test": ["curl"]}, 'test: must be a command line, \\["CMD"'),
    ("healthcheck", {"interval": "soon"}, "interval: 'soon' is not a duration"),
    ("healthcheck", {"interval": -1}, "interval: '-1' is not a duration"),
    ("healthcheck", {"retries": True}, "retries: must be a whole number"),
    ("healthcheck", {"tries": 3}, "tries: there is no such key; keys are test"),
    ("update_config", {"order": "any"}, "allowed: stop-first, start-first"),
    ("update_config", {"parallelism": -1}, "parallelism: -1 is not a whole number"),
    ("update_config", {"max_failure_ratio": 1.5}, "must be a number from 0 to 1"),
    ("update_config", {"monitor": float("nan")}, "is not a duration"),
    ("rollback_config", {"failure_action": "rollback"}, "allowed: pause, continue"),
    ("image", None, "must name an image"),
    ("image", "", "must not be empty"),
    ("image", ["a"], "one text, not a list"),
    ("command", {"a": "b"}, "one text, not a mapping"),
    ("environment", ["=secret"], "item 1.*a name is empty"),
    ("environment", ["A=b", "two words"], "item 2.*neither K=V nor K"),
    ("environment", ["A:b"], "neither K=V nor K"),
    ("environment", {"A": ["secret"]}, "value of A must be text"),
    ("environment", True, "must be a list"),
    ("environment", "foo", "must be a list of K=V or a mapping, not one word"),
    ("environment", 5, "must be a list of K=V or a mapping, not one word"),
    ("labels", "foo", "must be a list of K=V or a mapping, not one word"),
    ("ports", ["127.0.0.1:80:80"], "host address cannot be chosen"),
    ("ports", ["127.0.0.1::80"], "host address cannot be chosen"),
    ("ports", ["127.0.0.1:80"], "host address cannot be chosen"),
    ("ports", ["0"], "1 to 65535"),
    ("ports", ["80:70000"], "1 to 65535"),
    ("ports", ["31-30"], "goes upwards"),
    ("ports", ["30-31:40"], "different lengths"),
    ("ports", ["1-30000"], "at most 20000"),
    ("ports", ["80", "http"], "item 2.*http is not a port; allowed"),
    ("ports", [":80"], "is not a port"),
    ("ports", ["80/icmp"], "is not a port"),
    ("ports", [180022], "put quotes around a pair"),
    ("ports", [{"80": "80"}], "is a mapping; put quotes around the item"),
    ("ports", {"80": "80"}, "must be a list, not a mapping"),
    ("ports", [None], "item 1.*not empty"),
    ("expose", ["80:80"], "is not a port"),
    ("links", ["a b"], "is not a link; allowed: service, service:alias"),
    ("links", ["db:"], "is not a link"),
    ("links", [{"db": "mysql"}], "write no space after the colon"),
    ("volumes", ["data:/var/lib"], "named volumes do not exist.*write /var/lib"),
    ("volumes", ["./x:/y"], "begins with /"),
    ("volumes", ["~/x:/y"], "begins with /"),
    ("volumes", [":/y"], "variable that is not set"),
    ("volumes", ["data"], "is not a volume; allowed"),
    ("volumes", ["/h:c"], "is not a volume"),
    ("volumes", ["/h:/c:z"], "is not a volume"),
    ("volumes_from", ["a:wo"], "allowed: service, service:ro"),
    ("target_num_containers", -1, "whole number"),
    ("target_num_containers", "1.5", "whole number"),
    ("target_num_containers", True, "whole number"),
    ("restart", "unless-stopped", "allowed: no, on-failure, always"),
    ("restart", "on-failure:5", "cannot be limited; write on-failure"),
    ("restart", True, "allowed: no, on-failure, always"),
    ("autodestroy", "on_failure", "allowed: no, on-success, always"),
    ("deployment_strategy", "spread", "allowed: emptiest_node, high_availability"),
    ("roles", ["admin"], "item 1.*allowed: global"),
    ("net", "container:x", "allowed: bridge, host"),
    ("pid", "x", "allowed: none, host"),
    ("tty", "maybe", "not true or false"),
    ("cpu_shares", "many", "whole number"),
    ("mem_limit", "lots", "is not a size"),
    ("mem_limit", "128", "number without a unit is bytes.*least is 4m"),
    ("mem_limit", "3m", "too small; the least is 4m"),
    ("mac_address", 9333333, "put quotes around it"),
    ("build", ".", "not supported: images are not built"),
    ("external_links", ["a"], "not supported: use links"),
    ("env_file", "a", "not supported: use environment"),
    ("depends_on", ["a"], "not supported: use links"),
    ("networks", ["a b"], "is not a name of at most 63"),
    ("networks", {"a": 1}, "options of a network must be a mapping"),
    ("networks", {"a": {"ipv4_address": "x"}}, "there is no such key; keys: name"),
    ("deploy", {}, "not supported: use target_num_containers"),
    ("envorinment", [], "did you mean environment.*Allowed: autodestroy, "),
    ("volumes-from", [], "did you mean volumes_from"),
    ("xyzzy", 1, "unknown key; Allowed: "),
]


@pytest.mark.parametrize(("key", "value", "problem"), REFUSED)
def test_to_api_wrong_value_names_place_and_allowed(
    key: str, value: Any, problem: str
) -> None:
    with pytest.raises(StackFileError, match=problem) as caught:
        to_api("web", {key: value}, file="x.yml")

    error = caught.value
    assert (error.file, error.service, error.key) == ("x.yml", "web", key)
    # The message lists the keys, and "secrets" is one.
    assert "secret" not in str(error).replace("secrets", "")
