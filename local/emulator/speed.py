"""Makes moto faster: without the work that takes most of its time and changes no answer."""

import copy
import os
import threading
import types
from functools import cache

from local.emulator.replacing import replace


@cache
def patch_moto() -> None:
    """Once in a process: caches what can have no other result, and drops what grows with the photos of the day."""
    from moto import backends
    from moto.core import responses
    from moto.core.common_models import BaseModel
    from moto.core.routing import ProtocolRouter, ServiceOperationRouter, get_service_router
    from moto.core.serialize import BaseJSONSerializer
    from moto.core.utils import method_names_from_class
    from moto.dynamodb.models import table as tables
    from moto.dynamodb.models.dynamo_type import DynamoType
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

    # A query sorts all items, measures those with the key's first part, and copies what it finds.
    query = Table.query

    def query_what_matches(self, *args, hash_key_conditions=(), range_key_conditions=(), **more):
        wanted = [*((name, "=", [value]) for name, value in hash_key_conditions), *range_key_conditions]
        narrowed = copy.copy(self)
        if not self.range_key_attr:  # or its items are in dicts of their own
            narrowed.items = {key: item for key, item in self.items.items() if _meets(item.attrs, wanted)}
        conditions = {"hash_key_conditions": hash_key_conditions, "range_key_conditions": range_key_conditions}
        return query(narrowed, *args, **conditions, **more)

    replace(Table, "query", query_what_matches)
    # Nobody changes what was found: the answer is written before the next request is looked at.
    replace(tables, "copy", types.SimpleNamespace(copy=copy.copy, deepcopy=lambda found: found))
    # It asks each value whether it is one of five other kinds before it takes it for a text.
    cast_value = DynamoType.cast_value
    replace(DynamoType, "cast_value", property(lambda of: of.value if of.type == "S" else cast_value.__get__(of)))

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
    # Threads that are the first to ask a service make its routes each for itself: 80 ms, CloudFront's for one request.
    making = threading.RLock()
    of_service, of_protocol = get_service_router, ServiceOperationRouter._get_router

    def router_of(service: str) -> ServiceOperationRouter:
        with making:
            return of_service(service)

    def router_for(router: ServiceOperationRouter, protocol: str) -> ProtocolRouter:
        with making:
            return of_protocol(router, protocol)

    replace(responses, "get_service_router", router_of)
    replace(ServiceOperationRouter, "_get_router", router_for)
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


def _meets(attributes: dict, wanted: list[tuple[str, str, list]]) -> bool:
    """Whether an item has what a query asks for, as (attribute's name, comparison, values)."""
    for name, comparison, values in wanted:
        found = attributes.get(name)
        if found is None or found.type != values[0].type or not found.compare(comparison, values):
            return False
    return True


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
