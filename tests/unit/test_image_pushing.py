"""Images are brought to the registry once, as Lambda takes them; docker is a program of ours, the registry a fake."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold.stages import pushing, scanned

MADE = "0123456789abcdef" * 4
TAG = f"made-of-{MADE[:24]}"
DIGEST = "sha256:" + "5f" * 32
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fanfold"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = """#!/bin/sh
echo "$*" >> {noted}
case "$1 $2" in
  "login "*) cat >> {noted}; echo >> {noted};;
  "image inspect") echo {made};;
esac
"""


class Registry:
    """ECR, as far as a push and a deploy ask it; ``pushes`` says what docker pushed, by which it then has the image."""

    def __init__(self, noted: Path, kind: str = OCI, there: tuple[str, ...] = ()) -> None:
        self._noted = noted
        self._kind = kind
        self.tags = set(there)

    def __call__(self, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        assert service == "ecr"
        match operation:
            case "GetAuthorizationToken":
                token = base64.b64encode(b"AWS:let-me-in").decode()
                return {"authorizationData": [{"authorizationToken": token}]}
            case "PutImage":
                if parameters["imageTag"] in self.tags:
                    raise AwsFault("ImageAlreadyExistsException", "it is there", 400)
                self.tags.add(parameters["imageTag"])
                return {}
        (wanted,) = parameters["imageIds"]
        pushed = f"push --quiet {REGISTRY}-signal:{TAG}" in self._noted.read_text().splitlines()
        known = wanted.get("imageDigest") == DIGEST or wanted.get("imageTag") in self.tags or pushed
        image = {"imageId": {"imageDigest": DIGEST}, "imageManifestMediaType": self._kind, "imageManifest": "{}"}
        return {"images": [image] if known else []}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """A machine whose docker notes its words, and has an image of signal that is made of MADE."""
    noted = tmp_path / "noted"
    noted.touch()
    program = tmp_path / "docker"
    program.write_text(DOCKER.format(noted=noted, made=MADE))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("ARCH", "arm64")
    container_tool.docker_answers.cache_clear()
    yield noted
    container_tool.docker_answers.cache_clear()


def words(noted: Path) -> list[str]:
    return [line for line in noted.read_text().splitlines() if not line.startswith(("info", "image inspect"))]


def silent(_text: str) -> None:
    """Nobody listens."""


def test_an_image_is_built_without_attestations_which_would_make_an_index_of_it(docker: Path, tmp_path: Path) -> None:
    container_tool.build_once(tmp_path, "localhost/fanfold-signal:arm64", "of-something-else", {}, "arm64")
    (built,) = [line for line in words(docker) if line.startswith("build ")]
    assert {"--provenance=false", "--sbom=false"} <= set(built.split())


def test_an_image_is_pushed_under_what_it_is_made_of_and_told_as_the_setting_of_a_deploy(docker: Path) -> None:
    pushed = pushing.push_all(Registry(docker), ["signal"], {"FANFOLD_IMAGES": REGISTRY})
    assert pushed == [f"FANFOLD_DIGEST_SIGNAL={DIGEST}"]
    name = f"{REGISTRY}-signal:{TAG}"
    assert words(docker) == [
        f"login --username AWS --password-stdin {REGISTRY.partition('/')[0]}", "let-me-in",
        f"tag localhost/fanfold-signal:arm64 {name}", f"push --quiet {name}",
    ]  # fmt: skip


def test_an_image_that_is_there_is_not_pushed_again_for_its_tag_cannot_be_moved(docker: Path) -> None:
    assert pushing.push(Registry(docker, there=(TAG,)), REGISTRY, "signal", silent) == DIGEST
    assert words(docker) == []


def test_an_index_is_refused_with_what_removes_it(docker: Path) -> None:
    with pytest.raises(BadInput, match=r"which Lambda refuses.*batch-delete-image --repository-name fanfold-signal"):
        pushing.push(Registry(docker, kind=INDEX), REGISTRY, "signal", silent)


def test_a_push_wants_a_registry_and_images_that_are_built(docker: Path) -> None:
    with pytest.raises(BadInput, match="FANFOLD_IMAGES"):
        pushing.push_all(Registry(docker), ["signal"], {})
    (docker.parent / "docker").write_text("#!/bin/sh\n[ $1 = info ]\n")
    with pytest.raises(BadInput, match="signal is not built: run `make images`"):
        pushing.push(Registry(docker), REGISTRY, "signal", silent)


def test_what_a_stage_runs_is_tagged_for_it_as_often_as_it_is_deployed(docker: Path) -> None:
    registry = Registry(docker)
    for _ in range(2):
        pushing.tag_for_stage(registry, REGISTRY, "signal", "live", DIGEST)
    assert registry.tags == {"live-" + "5f" * 12}
    with pytest.raises(BadInput, match="live runs signal by sha256:00"):
        pushing.tag_for_stage(registry, REGISTRY, "signal", "live", "sha256:00")


def image(number: int, *tags: str) -> dict[str, Any]:
    """Return an image that was pushed in that place."""
    return {"imageDigest": f"sha256:{number}", "imagePushedAt": number, "imageTags": [f"made-of-{number}", *tags]}


def images(*there: dict[str, Any]) -> Callable[[str, str, Any], dict[str, Any]]:
    """Return a registry that describes two images a page."""

    def call(_service: str, operation: str, request: Any) -> dict[str, Any]:
        assert (operation, request["repositoryName"]) == ("DescribeImages", "fanfold-signal")
        first = int(request.get("nextToken", 0))
        more = {"nextToken": str(first + 2)} if first + 2 < len(there) else {}
        return {"imageDetails": list(there[first : first + 2])} | more

    return call


def check(registry: Callable[[str, str, Any], dict[str, Any]], runs: int, wanted: int) -> None:
    pushing.refuse_to_lose(registry, REGISTRY, "signal", "live", {f"sha256:{runs}"}, f"sha256:{wanted}")


def test_a_third_deploy_after_two_that_were_undone_is_refused_before_the_registry_lets_go_of_what_runs() -> None:
    kept = [image(1, "live-1"), image(2, "live-2", "dev-2"), image(3, "live-3"), image(9, "dev-9")]
    check(images(*kept, image(4)), 2, 4)
    with pytest.raises(BadInput, match="--repository-name fanfold-signal --image-ids imageTag=live-4`"):
        check(images(*kept, image(4, "live-4"), image(5)), 2, 5)
    # As it says.
    check(images(*kept, image(4), image(5)), 2, 5)


def test_a_deploy_of_an_image_that_is_older_than_those_kept_is_refused() -> None:
    kept = [image(number, f"live-{number}") for number in (2, 3, 4)]
    with pytest.raises(BadInput, match="imageTag=live-3`"):
        check(images(image(1), *kept), 4, 1)
    check(images(*kept), 4, 2)


def test_a_first_deploy_and_one_of_what_runs_lose_nothing() -> None:
    check(images(image(1)), 0, 1)
    check(images(image(1, "live-1"), image(2, "live-2"), image(3, "live-3")), 1, 1)
    check(images(), 1, 2)


Asked = Callable[[str, str, Any], dict[str, Any]]


def scan(*answers: dict[str, Any] | str) -> Asked:
    remaining = list(answers)

    def call(_service: str, _operation: str, _asked: Any) -> dict[str, Any]:
        answer = remaining.pop(0)
        if isinstance(answer, str):
            raise AwsFault(answer, "no scan", 400)
        return answer

    return call


def status(name: str, **counts: int) -> dict[str, Any]:
    return {"imageScanStatus": {"status": name}, "imageScanFindings": {"findingSeverityCounts": counts}}


@pytest.mark.parametrize("ready", ["COMPLETE", "ACTIVE"])
def test_a_scan_is_waited_for_and_one_that_goes_on_for_ever_is_ready(ready: str) -> None:
    call = scan("ScanNotFoundException", status("IN_PROGRESS"), status(ready, CRITICAL=2, HIGH=7))
    assert scanned.critical_count(call, "signal", DIGEST, pause_s=0) == 2
    assert scanned.critical_count(scan(status(ready, HIGH=1)), "signal", DIGEST, pause_s=0) == 0


def test_an_image_that_cannot_be_scanned_is_told() -> None:
    with pytest.raises(BadInput, match="scan of signal is UNSUPPORTED_IMAGE"):
        scanned.critical_count(scan(status("UNSUPPORTED_IMAGE")), "signal", DIGEST, pause_s=0)
