"""Compose files as stack files: the services with the keys of a stack file.

The values stay texts; the keys of stack files read them. A value may have variables.

Source: Compose file reference (the Compose Specification).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import compose_deploy
from .compose_deploy import Reader
from .compose_keys import HARMLESS, LOST, SAME, TOP_LEVEL
from .compose_service import ComposeFile, Keys, Service, Shared, mapping
from .documents import Path
from .remarks import Remark
from .volume_forms import read_volume

__all__ = ["READERS", "ComposeFile", "read_compose"]


def read_compose(data: Mapping[str, Any], project: str) -> ComposeFile:
    """Return the services of a Compose file with the keys of stack files.

    Args:
        data: The content of the file; ``services`` is a mapping of mappings.
        project: The name in front of the names of networks and volumes that belong to
            the file alone, as of the stack.
    """
    file = ComposeFile()
    file.remarks += _top_level_remarks(data)
    shared = Shared(data, project)
    for name, given in data["services"].items():
        service = Service(name, file, shared)
        for key in sorted(given, key=_LATER.__contains__):
            if given[key] is not None:
                _read(service, str(key), given[key])
        if not {"networks", "network_mode"} & given.keys():
            _networks(service, ("networks",), ["default"])
    for section in ("networks", "volumes", "secrets", "configs"):
        for name, options in mapping(data.get(section)).items():
            file.remarks += shared.remarks(section, name, mapping(options))
    return file


def _read(service: Service, key: str, value: Any) -> None:
    if reader := READERS.get(key):
        reader(service, (key,), value)
    elif key in SAME:
        service.set(key, value, (key,))
    elif key in HARMLESS or key.startswith("x-"):
        why = HARMLESS.get(key, "extensions have no effect")
        service.lose((key,), why, harmless=True)
    else:
        service.lose((key,), LOST.get(key) or _unknown(key))


def _top_level_remarks(data: Mapping[str, Any]) -> Iterator[Remark]:
    for key in data:
        if key == "version":
            yield Remark((key,), "has no effect", harmless=True)
        elif str(key).startswith("x-"):
            yield Remark((key,), "extensions have no effect", harmless=True)
        elif key not in TOP_LEVEL:
            yield Remark(
                (key,), f"unknown key; allowed: {', '.join(sorted(TOP_LEVEL))}"
            )


def _unknown(key: str) -> str:
    known = {*SAME, *READERS, *HARMLESS, *LOST}
    close = difflib.get_close_matches(key.lower().replace("-", "_"), known)
    meant = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"unknown key{meant}"


# --- ports, networks, links -----------------------------------------------------------

_ADDRESS = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:]+\]):(?P<ports>.*)")
_ALL_ADDRESSES = ("0.0.0.0", "::", "[::]")


def _ports(service: Service, path: Path, value: Any) -> None:
    for place, item in service.items(path, value):
        if isinstance(item, Mapping):
            _long_port(service, place, item)
            continue
        text = str(item).strip()
        if match := _ADDRESS.fullmatch(text):
            address = text[: match.start("ports") - 1]
            if address not in _ALL_ADDRESSES:
                service.lose(place, _NO_ADDRESS)
            text = match["ports"].removeprefix(":")
        service.add("ports", [text], path)


_NO_ADDRESS = "a port is published on all addresses of the node, not on one alone"


def _long_port(service: Service, path: Path, item: Mapping[str, Any]) -> None:
    found = {}
    for place, key, value in service.parts(path, item):
        if key in ("target", "published", "protocol", "mode"):
            found[key] = value
        elif key == "host_ip":
            if value not in _ALL_ADDRESSES:
                service.lose(place, _NO_ADDRESS)
        else:
            service.lose(place, "ports have no such key here", harmless=True)
    if found.get("mode", "host") == "host" and "target" in found:
        # As of the short form: the port of the container's node.
        outer = f"{found['published']}:" if found.get("published") else ""
        service.add("ports", [f"{outer}{found['target']}{_protocol(found)}"], path[:-1])
    else:
        service.add("ports", [found], path[:-1])


def _protocol(port: Mapping[str, Any]) -> str:
    protocol = port.get("protocol") or "tcp"
    return "" if protocol == "tcp" else f"/{protocol}"


def _networks(service: Service, path: Path, value: Any) -> None:
    given = value if isinstance(value, Mapping) else dict.fromkeys(_texts(value))
    found: Keys = {}
    for name, options in given.items():
        kept = {}
        for place, key, item in service.parts((*path, name), options or {}):
            if key == "aliases":
                kept["aliases"] = item
            else:
                service.lose(place, "networks have aliases only here")
        full = service.shared.full_name("networks", name)
        found[full] = kept or None
    if found == {"default": None}:
        return  # the network of every service without the key
    service.set("networks", found if any(found.values()) else [*found], path)


def _texts(value: Any) -> list[str]:
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def _network_mode(service: Service, path: Path, value: Any) -> None:
    if value in ("host", "bridge"):
        service.set("net", value, path)
    else:
        service.lose(path, "the network is host, bridge, or one of networks")


def _links(service: Service, path: Path, value: Any) -> None:
    service.add("links", _texts(value), path)


def _depends_on(service: Service, path: Path, value: Any) -> None:
    given = value if isinstance(value, Mapping) else dict.fromkeys(_texts(value))
    for name, options in given.items():
        for place, key, item in service.parts((*path, name), options or {}):
            if key == "condition" and item == "service_started":
                continue
            if key == "condition":
                service.lose(
                    place,
                    "a service starts when the services that it links to have been"
                    " started; let the program wait for what it needs",
                    harmless=True,
                )
            elif key == "required" and item == "false":
                service.lose(place, "every service of the file is deployed")
            elif key != "required" and (key, item) != ("restart", "false"):
                service.lose(place, "links do not restart services", harmless=True)
        linked = {str(link).partition(":")[0] for link in service.keys.get("links", [])}
        if name not in linked:
            service.add("links", [name], path)


# --- volumes, files -------------------------------------------------------------------


def _volumes(service: Service, path: Path, value: Any) -> None:
    for place, item in service.items(path, value):
        volume = read_volume(item)
        for key, why in volume.lost:
            harmless = why.startswith("no effect")
            service.lose((*place, key) if key else place, why, harmless=harmless)
        if volume.tmpfs:
            service.add("tmpfs", [volume.tmpfs], path)
        elif volume.text:
            service.add("volumes", [volume.text], path)
        elif volume.name:
            options = service.shared.options("volumes", volume.name)
            found: Keys = {
                "volume_name": service.shared.full_name("volumes", volume.name),
                "container_path": volume.target,
            }
            if volume.read_only:
                found["rewritable"] = "false"
            if options.get("driver"):
                found["volume_driver"] = options["driver"]
            if options.get("driver_opts"):
                found["volume_options"] = options["driver_opts"]
            service.add("volumes", [found], path)


def _volumes_from(service: Service, path: Path, value: Any) -> None:
    for place, item in service.items(path, value):
        if str(item).startswith("container:"):
            service.lose(place, "the volumes of a service can be shared only")
        else:
            service.add("volumes_from", [item], path)


def _tmpfs(service: Service, path: Path, value: Any) -> None:
    for place, item in service.items(path, value):
        target, _, options = str(item).partition(":")
        kept = []
        for option in filter(None, options.split(",")):
            if option.partition("=")[0] in ("size", "mode"):
                kept.append(option)
            elif option not in ("rw", "nosuid", "nodev"):
                service.lose(place, f"the option {option} of tmpfs does not exist here")
        text = f"{target}:{','.join(kept)}" if kept else target
        service.add("tmpfs", [text], path)


def _files(service: Service, path: Path, value: Any) -> None:
    section = str(path[-1])
    found: list[Any] = []
    for _, item in service.items(path, value):
        given = dict(item) if isinstance(item, Mapping) else {"source": item}
        source = str(given.get("source", ""))
        full = service.shared.full_name(section, source)
        mode = str(given.get("mode", ""))
        if re.fullmatch("[1-9][0-9]*", mode):
            # A number without a leading 0 is decimal in a Compose file.
            given["mode"] = f"0{int(mode):o}"
        if full != source:
            given = {"target": source, **given, "source": full}
        found.append(full if given.keys() == {"source"} else given)
    service.add(section, found, path)


def _logging(service: Service, path: Path, value: Any) -> None:
    service.set("log_driver", value, path)


def _extra_hosts(service: Service, path: Path, value: Any) -> None:
    if isinstance(value, list):
        value = [re.sub("^([^:=]+)=", r"\1:", str(item)) for item in value]
    service.set("extra_hosts", value, path)


#: The readers of the keys that have another name or form in a stack file.
READERS: Mapping[str, Reader] = {
    **compose_deploy.READERS,
    "configs": _files,
    "depends_on": _depends_on,
    "extra_hosts": _extra_hosts,
    "links": _links,
    "logging": _logging,
    "network_mode": _network_mode,
    "networks": _networks,
    "ports": _ports,
    "secrets": _files,
    "tmpfs": _tmpfs,
    "volumes": _volumes,
    "volumes_from": _volumes_from,
}
#: Keys that complete what other keys have set.
_LATER = ("depends_on", "deploy")
