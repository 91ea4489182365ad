"""Makes moto faster: without the work that takes most of its time and changes no answer."""

import os
from functools import cache

from local.emulator.replacing import replace


@cache
def patch_moto() -> None:
    """Once in a process: caches what can have no other result, and drops what grows with the photos of the day."""
    from moto import backends
    from moto.core import responses
    from moto.core.common_models import BaseModel
    from moto.core.serialize import BaseJSONSerializer
    from moto.core.utils import method_names_from_class
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.parsing.expressions import UpdateExpressionParser
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.utils import json_path
    from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

    # It keeps all objects that ever were, deleted photos too, to show them on a page of its own.
    replace(BaseModel, "__new__", staticmethod(lambda kind, *_, **__: object.__new__(kind)))
    # It copies the table before each transaction; `local.emulator.dynamodb` copies the items that are written.
    replace(Table, "__deepcopy__", lambda table, _: table)

    # It parses the state machine for each execution (90 ms), which changes nothing in what was parsed.
    replace(AmazonStateLanguageParser, "parse", staticmethod(cache(AmazonStateLanguageParser.parse)))
    # And builds the grammar of JSON paths for each that it evaluates.
    for module in (json_path, result_path):
        replace(module, "parse", cache(module.parse))
    # A client per call costs 50 ms; Step Functions has none of that.
    client_at = cache(lambda region, service, port: boto_client_for(region=region, service=service))

    def client_for(region: str, service: str, state_credentials: object = None) -> object:
        return client_at(region, service, os.environ["MOTO_PORT"])

    replace(lambda_eval_utils, "boto_client_for", client_for)
    # For each request it lists its own folder.
    modules = frozenset(backends.list_of_moto_modules())
    replace(backends, "list_of_moto_modules", lambda: modules)
    # For each request it lists the methods of the service.
    replace(responses, "method_names_from_class", cache(method_names_from_class))
    # It parses each update twice, and copies what was parsed before it changes it.
    replace(UpdateExpressionParser, "make", staticmethod(cache(UpdateExpressionParser.make)))
    # In each value it looks for each of the ten kinds, each under several names.
    serialize = BaseJSONSerializer._serialize_type_structure

    def serialize_quickly(self, serialized: dict, value: object, shape, key: str) -> None:
        if shape.name == "AttributeValue" and _is_json(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            serialize(self, serialized, value, shape, key)

    replace(BaseJSONSerializer, "_serialize_type_structure", serialize_quickly)


def _is_json(value: object) -> bool:
    """Whether a value of DynamoDB's is already as its answer has it: no bytes in it, which would be encoded."""
    if type(value) is not dict or len(value) != 1:
        return False
    [(kind, content)] = value.items()
    if kind in ("S", "N", "BOOL", "NULL"):
        return type(content) in (str, bool)
    if kind == "M":
        return type(content) is dict and all(map(_is_json, content.values()))
    return kind == "L" and type(content) is list and all(map(_is_json, content))
