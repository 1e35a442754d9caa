import asyncio

from aiodockercloud import DockerCloud, batch
from aiodockercloud.server import running
from aiodockercloud.types import ServiceFields


def job(picture: str) -> ServiceFields:
    return {
        "image": "busybox",
        "run_command": ["sh", "-c", "test $PICTURE != notes.txt && echo done"],
        "container_envvars": {"PICTURE": picture},
    }


def show(done: int, total: int | None, result: batch.JobResult) -> None:
    print(f"{done} of {total}")


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            jobs = [job("cat.jpg"), job("notes.txt"), job("dog.jpg")]
            results = await batch.run_jobs(
                cloud, jobs, limit=10, retries=2, timeout=300, progress=show
            )
            for result in results:
                if not result.ok:
                    variables = result.job.get("container_envvars")
                    print(variables, "failed", result.attempts, "times")
            print("services left:", len(await cloud.services.list(terminated=False)))


asyncio.run(main())
