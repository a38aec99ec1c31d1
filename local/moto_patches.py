"""What moto does over and over, done once; what it answers is the same.

As it is, a transaction copies the whole table for each of its writes, a Query compares and sorts the whole
table, an answer looks for each of the nine types that an attribute's value does not have under six names,
each request has the methods of its service listed, each of ten passes over an update expression asks at every
node anew which kinds it is about, a condition is taken apart into words each time that it is asked, an update
expression is parsed twice, and an item is converted from DynamoDB's form and back, whole, for each attribute
that is asked of it.
"""

from __future__ import annotations

import copy
import functools
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from moto.core import responses
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import method_names_from_class
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes, expressions

if TYPE_CHECKING:
    from botocore.model import StructureShape

_serialize_structure = BaseJSONSerializer._serialize_type_structure
_update_item, _query, _all_items = DynamoDBBackend.update_item, Table.query, Table.all_items
_transact_write_items, _project = DynamoDBBackend.transact_write_items, Item.project
_method_names = functools.cache(method_names_from_class)
_lex = ConditionExpressionParser._lex_condition_expression
_nodes: Any = ast_nodes
_expressions: Any = expressions


def _serialize(
    self: BaseJSONSerializer, serialized: dict[str, Any], value: Any, shape: StructureShape, key: str
) -> None:
    if shape.name != "AttributeValue" or type(value) is not dict:
        _serialize_structure(self, serialized, value, shape, key)
        return
    serialized[key] = members = dict[str, Any]()
    for name, member in value.items():
        self._serialize(members, member, shape.members[name], name)


def _copied(table: Table, _: dict[int, Any]) -> Table:
    """What a transaction that fails goes back to, with the very items: whoever writes one replaces it."""
    for hash_key in [hash_key for hash_key, items in table.items.items() if not items]:
        # Moto keeps a place for every partition that there ever was, or was asked for.
        del table.items[hash_key]
    return _holding(table, {hash_key: dict(items) for hash_key, items in table.items.items()})


def _holding(table: Table, items: dict[DynamoType, Any]) -> Table:
    twin = copy.copy(table)
    twin.items = defaultdict(dict, items)
    return twin


def _update(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *given: Any, **more: Any) -> Item:
    table = self.get_table(table_name)
    items, sort_key = table.items.get(DynamoType(key[table.hash_key_attr])), table.range_key_attr
    if items and sort_key and (place := DynamoType(key[sort_key])) in items:
        # Moto would change it where it is, and so in the copy of the table.
        items[place] = copy.deepcopy(items[place])
    return _update_item(self, table_name, key, *given, **more)


def _transact(self: DynamoDBBackend, *given: Any, **more: Any) -> None:
    shards = [table.stream_shard for table in self.tables.values() if table.stream_shard is not None]
    written = [len(shard.items) for shard in shards]
    try:
        _transact_write_items(self, *given, **more)
    except Exception:
        # Moto takes back what a transaction has written, and leaves it in the stream.
        for shard, count in zip(shards, written, strict=True):
            del shard.items[count:]
        raise


def _find(table: Table, hash_key: DynamoType | None, *given: Any, **more: Any) -> Any:
    names_index = len(given) > 6 and given[6]
    if hash_key is not None and not names_index:
        table = _holding(table, {hash_key: table.items.get(hash_key, {})})
    return _query(table, hash_key, *given, **more)


def _sorted_items(table: Table) -> list[Item]:
    if (table.hash_key_type, table.range_key_type) != ("S", "S"):
        return _all_items(table)
    items: list[Any] = [item for partition in table.items.values() for item in partition.values()]
    return sorted(items, key=lambda item: (item.hash_key.value, item.range_key.value))


def _traverse(self: Any, root: Any) -> Any:
    processors = self._processing_map()
    by_kind: dict[type, Any] = {}

    def visit(node: Any, place: int) -> Any:
        if not isinstance(node, _nodes.Node):
            return node
        parent = node.parent
        for index, child in enumerate(node.children or ()):
            self.pre_processing_of_child(node, index)
            visit(child, index)
        kind = type(node)
        if kind not in by_kind:
            named = next((named for named in processors if issubclass(kind, named)), None)
            by_kind[kind] = processors.get(named)
        if processor := by_kind[kind]:
            node = processor(node)
            node.parent = parent
            if parent:
                parent.children[place] = node
        return node

    return visit(root, -1)


def _projected(self: Item, paths: list[list[str]]) -> Item:
    if any(len(path) > 1 or "[" in path[0] for path in paths):
        return _project(self, paths)
    twin = copy.copy(self)
    # By way of `dict`: each assignment would add up the size of all that is there.
    twin.attrs = type(self.attrs)()
    dict.update(twin.attrs, {path[0]: self.attrs[path[0]] for path in paths if path[0] in self.attrs})
    return twin


@functools.cache
def _words(condition_expression: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(condition_expression, {}, {})))


def _lexed(self: ConditionExpressionParser) -> deque[Any]:
    return deque(_words(self.condition_expression))


# Whoever changes what was parsed has copied it before.
_parsed = functools.cache(_expressions.UpdateExpressionParser.make)


def apply() -> None:
    """Apply them to moto; to do so again changes nothing."""
    for owner, name, function in (
        (BaseJSONSerializer, "_serialize_type_structure", _serialize),
        (ConditionExpressionParser, "_lex_condition_expression", _lexed),
        (Item, "project", _projected),
        (Table, "__deepcopy__", _copied),
        (Table, "query", _find),
        (Table, "all_items", _sorted_items),
        (DynamoDBBackend, "update_item", _update),
        (DynamoDBBackend, "transact_write_items", _transact),
        (_expressions.UpdateExpressionParser, "make", _parsed),
        (_nodes.DepthFirstTraverser, "traverse", _traverse),
        (responses, "method_names_from_class", _method_names),
    ):
        setattr(owner, name, function)
