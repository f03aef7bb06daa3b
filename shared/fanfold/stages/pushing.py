"""Push built images to the account's repositories.

The output are the settings that a deploy needs, FANFOLD_DIGEST_SIGNAL=sha256:... and the like. A tag is derived from
the contents of its image, so an image whose tag exists is not pushed again: the tag could not be moved.
"""

import base64
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from fanfold.aws.client.call import AwsFault, Call
from fanfold.errors import BadInput
from fanfold.local import container_tool
from fanfold.stages.names import digest

# What Lambda takes. An index, as builders push it that add attestations, is none of them.
MANIFESTS = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    }
)
TAG_LETTERS = 24
# Images of a stage that the repositories' lifecycle rule keeps.
KEPT = 3


def push(call: Call, registry: str, service: str, report: Callable[[str], object]) -> str:
    """Push a service's image unless the registry has it, and return its digest.

    ``registry`` is what FANFOLD_IMAGES says. Raises BadInput for an image that is not built, or that Lambda refuses.
    """
    image = container_tool.image_name(service)
    made = container_tool.made_of(image)
    if not made:
        raise BadInput(f"the image of {service} is not built: run `make images`")
    repository = f"{registry.partition('/')[2]}-{service}"
    tag = f"made-of-{made[:TAG_LETTERS]}"
    there = find_image(call, repository, {"imageTag": tag})
    if not there:
        container_tool.push(image, f"{registry}-{service}:{tag}")
        there = find_image(call, repository, {"imageTag": tag})
    if not there:
        raise BadInput(f"{repository}:{tag} was pushed, and the registry does not have it")
    _refuse_an_index(repository, tag, there["imageManifestMediaType"])
    report(f"{service}: {there['imageId']['imageDigest']}")
    return str(there["imageId"]["imageDigest"])


def _refuse_an_index(repository: str, tag: str, kind: str) -> None:
    if kind not in MANIFESTS:
        raise BadInput(
            f"{repository}:{tag} is a {kind}, which Lambda refuses: the builder added attestations. Delete it, then "
            f"build and push: `aws ecr batch-delete-image --repository-name {repository} --image-ids imageTag={tag}`"
        )


def find_image(call: Call, repository: str, identifier: Mapping[str, str]) -> dict[str, Any]:
    """Return an image by its tag or digest, with its manifest; empty where the registry has none."""
    request = {"repositoryName": repository, "imageIds": [identifier]}
    images: list[dict[str, Any]] = call("ecr", "BatchGetImage", request).get("images", [])
    return images[0] if images else {}


def tag_for_stage(call: Call, registry: str, service: str, stage: str, image_digest: str) -> None:
    """Tag the image that a stage runs, so that the repository's lifecycle keeps it and its predecessor."""
    repository = f"{registry.partition('/')[2]}-{service}"
    there = find_image(call, repository, {"imageDigest": image_digest})
    if not there:
        raise BadInput(f"{stage} runs {service} by {image_digest}, which {repository} does not have: push it again")
    request = {
        "repositoryName": repository, "imageTag": f"{stage}-{image_digest.partition(':')[2][:TAG_LETTERS]}",
        "imageManifest": there["imageManifest"], "imageManifestMediaType": there["imageManifestMediaType"],
    }  # fmt: skip
    try:
        call("ecr", "PutImage", request)
    except AwsFault as fault:
        if fault.code != "ImageAlreadyExistsException":
            raise


def refuse_to_lose(call: Call, registry: str, service: str, stage: str, runs: Collection[str], wanted: str) -> None:
    """Raise BadInput where the registry would let go of the image that a stage ``runs``, or is to run, by its digest.

    Of a stage it keeps the images that were pushed last, also those of deploys that were undone.
    """
    repository = f"{registry.partition('/')[2]}-{service}"
    mine = [image for image in _images(call, repository) if _tag_of(image, stage) or image["imageDigest"] == wanted]
    newest = sorted(mine, key=lambda image: image["imagePushedAt"], reverse=True)
    needed = [place for place, image in enumerate(newest) if image["imageDigest"] in {*runs, wanted}]
    excess = max(needed, default=0) + 1 - KEPT
    in_the_way = [image for image in newest[: max(needed, default=0)] if image["imageDigest"] not in {*runs, wanted}]
    if excess > 0:
        tags = " ".join(f"imageTag={_tag_of(image, stage)}" for image in in_the_way[:excess])
        raise BadInput(
            f"{repository} keeps the {KEPT} newest images of {stage}, and with this deploy one that it runs would "
            "not be among them: later deploys were undone. Take the tag off theirs, which leaves the image, and deploy "
            f"again: `aws ecr batch-delete-image --repository-name {repository} --image-ids {tags}`"
        )


def _tag_of(image: Mapping[str, Any], stage: str) -> str:
    """Return the tag by which an image is kept for a stage; "" where it has none."""
    return next((tag for tag in image.get("imageTags", []) if tag.startswith(f"{stage}-")), "")


def _images(call: Call, repository: str) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {"repositoryName": repository, "maxResults": 1_000}
    while True:
        page = call("ecr", "DescribeImages", request)
        yield from page["imageDetails"]
        if not page.get("nextToken"):
            return
        request = request | {"nextToken": page["nextToken"]}


def log_in(call: Call, registry: str) -> None:
    """Log the builder in to the registry, for twelve hours."""
    token = call("ecr", "GetAuthorizationToken", {})["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    container_tool.log_in(registry.partition("/")[0], user, password)


def push_all(call: Call, services: list[str], environ: Mapping[str, str]) -> list[str]:
    """Push the images of services, and return the settings that deploy them, a line each."""
    registry = environ.get("FANFOLD_IMAGES", "")
    if "/" not in registry:
        raise BadInput("FANFOLD_IMAGES has to name the registry, as `make bootstrap` prints it")
    log_in(call, registry)
    return [f"{digest(service)}={push(call, registry, service, _to_stderr)}" for service in services]


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)
