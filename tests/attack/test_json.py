"""Bodies that JSON parsers read differently: one answer, with and without orjson."""

from __future__ import annotations

import json

import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.wire import json_text
from tests.support.flows import Raw

SERVICES = "/api/app/v1/service/"


def nested(depth: int, field: str) -> bytes:
    return b'{"%s":%s}' % (field.encode(), b"[" * depth + b"]" * depth)


#: Bodies by kind, each of which is refused.
REFUSED = {
    "surrogate": rb'{"image":"web","container_envvars":[{"key":"A","value":"\ud800"}]}',
    "low surrogate": rb'{"image":"web","nickname":"\udfff"}',
    "surrogates in reverse": rb'{"image":"web","nickname":"\udc00\ud800"}',
    "surrogate in a key": rb'{"image":"web","labels":{"\ud800":"x"}}',
    "surrogate in an unknown field": rb'{"\ud800":"x"}',
    "surrogate in UTF-8": b'{"image":"web","nickname":"\xed\xa0\x80"}',
    "no UTF-8": b'{"image":"web","nickname":"\xff"}',
    "UTF-16": '{"image":"web"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"image":"web"}',
    "NaN": b'{"image":"web","target_num_containers":NaN}',
    "Infinity": b'{"image":"web","memory":Infinity}',
    "-Infinity": b'{"image":"web","memory":-Infinity}',
    "1e999": b'{"image":"web","memory":1e999}',
    "large integer": b'{"image":"web","memory":%s}' % (b"9" * 400),
    "integer of 65 bits": b'{"image":"web","memory":18446744073709551616}',
    "integer of 64 bits": b'{"image":"web","memory":18446744073709551615}',
    "integer beyond the digits of Python": b'{"memory":%s}' % (b"9" * 5000),
    "control character": b'{"image":"web","nickname":"\x01"}',
    "two values": b'{"image":"web"}{"image":"web"}',
    "comment": b'{"image":"web"/**/}',
    "trailing comma": b'{"image":"web",}',
    "single quotes": b"{'image':'web'}",
    "no-break space": b'\xc2\xa0{"image":"web"}',
    "no object": b'["image"]',
    "unfinished": b'{"image":"web"',
    **{
        f"{depth} deep in {field}": nested(depth, field)
        for depth in (100, 250, 254, 255, 500, 900, 1000, 1020, 1024, 1100, 100_000)
        for field in ("image", "labels", "container_envvars", "nothing")
    },
}
#: Bodies that create a service, with its nickname.
ACCEPTED = {
    "pair of surrogates": (rb'{"image":"web","nickname":"\ud83d\ude00"}', "😀"),
    "duplicate key": (b'{"image":"web","nickname":"a","nickname":"b"}', "b"),
    "whitespace": (b' \r\n\t{ "image" : "web" ,"nickname":"a" }\n', "a"),
    "escapes": (rb'{"image":"web","nickname":"\u00e9\/\""}', 'é/"'),
    "line separator": ('{"image":"web","nickname":"a\u2028b"}'.encode(), "a\u2028b"),
}


@pytest.fixture(params=["orjson", "json"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let client and server use one parser."""
    # Without orjson, there is one parser only.
    module = pytest.importorskip("orjson") if request.param == "orjson" else json_text
    monkeypatch.setattr(wire, "loads", module.loads)
    monkeypatch.setattr(wire, "dumps", module.dumps)
    return str(request.param)


@pytest.mark.usefixtures("parser")
async def test_body_that_is_not_json_is_refused(raw: Raw, live: DockerCloud) -> None:
    found = {name: await raw("POST", SERVICES, body) for name, body in REFUSED.items()}

    assert {name: one.status for name, one in found.items() if one.status != 400} == {}
    assert all(json.loads(one.body)["error"] for one in found.values())
    assert await live.services.list() == []


@pytest.mark.usefixtures("parser")
async def test_body_that_is_json_is_read(raw: Raw) -> None:
    found = {
        name: json.loads((await raw("POST", SERVICES, body)).body).get("nickname")
        for name, (body, _) in ACCEPTED.items()
    }

    assert found == {name: nickname for name, (_, nickname) in ACCEPTED.items()}
