import asyncio

from aiodockercloud import DockerCloud, batch
from aiodockercloud.loglines import log_text
from aiodockercloud.server import running
from aiodockercloud.types import ServiceFields


def job(name: str) -> ServiceFields:
    return {
        "image": "busybox",
        "run_command": 'sh -c "echo reading $FILE; test $FILE != notes.txt"',
        "container_envvars": [{"key": "FILE", "value": name}],
    }


def show(done: int, total: int | None, result: batch.JobResult) -> None:
    print(f"{done} of {total}: {log_text(result.logs[0])}, {result.exit_codes}")


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            jobs = [job("cat.jpg"), job("notes.txt"), job("dog.jpg")]
            results = await batch.run_jobs(
                cloud, jobs, limit=1, timeout=60, progress=show
            )
            print([result.ok for result in results])

            outcomes = await batch.each(
                ["web", "db", "web"],
                lambda name: cloud.services.create(image="busybox", name=name),
                limit=1,
            )
            for outcome in outcomes:
                print(outcome.item, "created" if outcome.ok else repr(outcome.error))


asyncio.run(main())
