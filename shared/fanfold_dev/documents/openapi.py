"""Generate docs/openapi.json, as the API itself serves it."""

import json

from fanfold.api import openapi


def openapi_json() -> str:
    return json.dumps(openapi.document(), indent=2) + "\n"
