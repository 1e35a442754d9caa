import pytest

from aiodockercloud import DockerCloud, batch
from aiodockercloud.server import Embedded, Faults
from aiodockercloud.server.engines.embedded import Container


@pytest.fixture
def dockercloud_engine() -> Embedded:
    engine = Embedded()

    @engine.image("acme/resize")
    async def resize(container: Container) -> int:
        picture = container.environment["PICTURE"]
        container.print(f"resizing {picture}")
        return 0 if picture.endswith(".jpg") else 1

    return engine


@pytest.mark.asyncio
@pytest.mark.parametrize(("picture", "code"), [("cat.jpg", 0), ("notes.txt", 1)])
async def test_resize_tells_by_its_exit_code(
    dockercloud: DockerCloud, dockercloud_faults: Faults, picture: str, code: int
) -> None:
    dockercloud_faults.cut(when="after", method="POST", times=2)  # a bad network

    [result] = await batch.run_jobs(
        dockercloud,
        [
            {
                "image": "acme/resize",
                "container_envvars": [{"key": "PICTURE", "value": picture}],
            }
        ],
    )

    assert result.exit_codes == [code]
