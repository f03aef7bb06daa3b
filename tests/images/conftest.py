"""Built images, an AWS on loopback for what runs in them, and the local Runtime API that invokes it."""

import os
from collections.abc import Iterator

import pytest

from fanfold.aws.client.connect import connect
from fanfold.deployment import SERVICES
from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold.local.containers import Containers
from fanfold.local.runtime_api import RuntimeApi
from fanfold.venues import replay
from support.emulator import ministack
from support.running import ASKED, MINUTES, START, Functions, recordings, small_aws


@pytest.fixture(scope="session")
def built() -> tuple[str, ...]:
    """The services whose images `make test-images` has built; skips without it, or where no tool can build."""
    if ASKED not in os.environ:
        pytest.skip("images are built and tested by `make test-images`")
    try:
        container_tool.tool()
    except BadInput as wrong:
        pytest.skip(str(wrong))
    services = tuple(os.environ[ASKED].split()) or SERVICES
    if not container_tool.exists(container_tool.image_name(services[0])):
        pytest.skip("no image was built, for the reason that `make test-images` told first")
    return services


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, built: tuple[str, ...]) -> str:
    """Each service whose image was built."""
    if request.param not in built:
        pytest.skip(f"the image of {request.param} was not asked for")
    return str(request.param)


@pytest.fixture(scope="session")
def containers(built: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """Containers that see one folder, which anybody may read: recordings, and clocks at their last close and before."""
    assert built
    folder = tmp_path_factory.mktemp("state")
    folder.chmod(0o755)
    replay.write(folder / "recordings", recordings())
    (folder / "clock").write_text(str(START + MINUTES * 60))
    (folder / "clock-before").write_text(str(START + (MINUTES - 1) * 60))
    made = Containers(folder)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def functions(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    """The images' functions on an AWS that has their tables, topics and buckets."""
    with ministack() as aws:
        call = connect("boto3", aws.endpoint)
        environment = small_aws(call, aws.endpoint.url)
        logs = tmp_path_factory.mktemp("logs")
        on_images = Functions(call, environment, containers)
        on_images.api = RuntimeApi(on_images.environment_of, logs, containers.start)
        yield on_images
        on_images.api.stop()
