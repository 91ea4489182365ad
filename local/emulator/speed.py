"""Makes moto faster: without the work that takes most of its time and changes no answer."""

import copy
import os
import threading
import types
from functools import cache
from typing import Any

from local.emulator.replacing import replace


@cache
def patch_moto() -> None:
    """Once in a process: caches what can have no other result, and drops what grows with the photos of the day."""
    from moto import backends
    from moto.core import responses
    from moto.core.common_models import BaseModel
    from moto.core.routing import ProtocolRouter, ServiceOperationRouter, get_service_router
    from moto.core.utils import method_names_from_class
    from moto.moto_server import werkzeug_app

    # It keeps all objects that ever were, deleted photos too, to show them on a page of its own.
    replace(BaseModel, "__new__", staticmethod(lambda kind, *_, **__: object.__new__(kind)))
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
    # For each emulator it makes a Flask application of each service, of which nothing differs.
    replace(werkzeug_app, "create_backend_app", cache(werkzeug_app.create_backend_app))
    _patch_items()
    _patch_queries()
    _patch_updates()
    _patch_step_functions()


def _patch_items() -> None:
    from moto.core.serialize import BaseJSONSerializer
    from moto.dynamodb.models.dynamo_type import DynamoType, Item

    # It asks each value whether it is one of five other kinds before it takes it for a text.
    cast_value = DynamoType.cast_value
    replace(DynamoType, "cast_value", property(lambda of: of.value if of.type == "S" else cast_value.__get__(of)))

    # In each value it looks for each of the ten kinds, each under several names.
    serialize = BaseJSONSerializer._serialize_type_structure

    def serialize_quickly(self, serialized: dict, value: object, shape, key: str) -> None:
        if shape.name == "AttributeValue" and _is_json(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            serialize(self, serialized, value, shape, key)

    replace(BaseJSONSerializer, "_serialize_type_structure", serialize_quickly)
    # It copies a value at each level before it goes through it.
    to_regular_json = DynamoType.to_regular_json

    def to_json(value: DynamoType) -> dict:
        if value.type in ("S", "N", "BOOL", "NULL"):
            return {value.type: value.value}
        if value.type == "M":
            return {"M": {name: each.to_regular_json() for name, each in value.value.items()}}
        return to_regular_json(value)

    replace(DynamoType, "to_regular_json", to_json)
    # For each attribute of an index it turns the whole item into plain values, and what it took back.
    project = Item.project

    def take(item: Any, paths: list[list[str]]) -> Any:
        names = [path[0] for path in paths if len(path) == 1 and not path[0].endswith("]")]
        if len(names) < len(paths):
            return project(item, paths)
        taken: Any = Item(item.hash_key, item.range_key, {})
        for name in names:
            if name in item.attrs:
                dict.__setitem__(taken.attrs, name, item.attrs[name])  # its own measures all others
        return taken

    replace(Item, "project", take)


def _patch_queries() -> None:
    from moto.dynamodb import models
    from moto.dynamodb.models import table as tables
    from moto.dynamodb.models.table import Table

    # It copies the table before each transaction (`local.emulator.dynamodb` copies the items that are written), and the
    # item before each update, for a stream that the table does not have.
    replace(models, "copy", types.SimpleNamespace(deepcopy=lambda found: found))

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


def _patch_updates() -> None:
    from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
    from moto.dynamodb.parsing.expressions import UpdateExpressionParser

    # It parses each update twice, and copies what was parsed before it changes it.
    replace(UpdateExpressionParser, "make", staticmethod(cache(UpdateExpressionParser.make)))

    # It copies whatever a node has, as if it could be anything.
    def copied(node: Node, memo: dict) -> Node:
        made = memo[id(node)] = object.__new__(type(node))
        vars(made).update(vars(node))
        if node.children is not None:
            made.children = [copy.deepcopy(child, memo) for child in node.children]
        if node.parent is not None:
            made.parent = copy.deepcopy(node.parent, memo)
        return made

    replace(Node, "__deepcopy__", copied)
    # Ten times it goes through what was parsed, and asks each node for each kind whether it is one.
    known: dict[tuple[type, type], bool] = {}

    def traverse(traverser: DepthFirstTraverser, node: Any, place: int = -1) -> Any:
        if not isinstance(node, Node):
            return node
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            traverser.pre_processing_of_child(node, number)
            traverse(traverser, child, number)
        kinds = type(traverser), type(node)
        if kinds not in known:
            known[kinds] = isinstance(node, traverser.nodes_to_be_processed())
        if known[kinds]:
            node = traverser.process(node)
            node.parent = parent
            if parent:
                parent.children[place] = node
        return node

    replace(DepthFirstTraverser, "traverse_node_recursively", traverse)


def _patch_step_functions() -> None:
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.common.string import string_expression
    from moto.stepfunctions.parser.asl.component.state.exec import execute_state
    from moto.stepfunctions.parser.asl.component.state.exec.state_map import state_map
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service
    from moto.stepfunctions.parser.asl.eval import environment, states
    from moto.stepfunctions.parser.asl.eval.event import event_manager
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.utils import json_path
    from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

    # It copies what goes in and out of each state a dozen times, as if it could be anything: it is JSON.
    copying = types.SimpleNamespace(deepcopy=_copied)
    evaluating = (string_expression, result_path, execute_state, state_map, state_task_service)
    for module in (*evaluating, environment, states, event_manager):
        replace(module, "copy", copying)
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


def _copied(value: Any) -> Any:
    """A copy of JSON that shares nothing that can be changed; of anything else, a copy as Python makes it."""
    if type(value) is dict:
        return {name: _copied(each) for name, each in value.items()}
    if type(value) is list:
        return [_copied(each) for each in value]
    return value if value is None or type(value) in (str, int, float, bool) else copy.deepcopy(value)


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
