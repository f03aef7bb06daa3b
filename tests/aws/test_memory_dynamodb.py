"""DynamoDB in memory answers call by call as emulators do.

Left out: where the last page of a query ends, which DynamoDB leaves open. What an emulator does otherwise than AWS says
is in ``test_gaps_of_emulators.py``.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from memory_calls import Clause, answer, attributes, conditions, keys, updates
from sequences import Emulation, run_sequences

from fanfold.aws.client.call import Call
from fanfold.simulation.cloud import MemoryCloud

Document = Mapping[str, Any]
NUMBERS = count()
INVALID = ("ValidationException", [])
maybe = st.none() | conditions()


class Both(RuleBasedStateMachine):
    """The same calls to both, one after another."""

    emulator: Emulation

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryCloud().call
        self.name = f"table-{next(NUMBERS)}"
        for call in (self.emulator.call, self.memory):
            call(
                "dynamodb",
                "CreateTable",
                {
                    "TableName": self.name,
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
                    "KeySchema": [
                        {"AttributeName": "pk", "KeyType": "HASH"},
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                    ],
                },
            )

    def both(self, operation: str, parameters: Document) -> None:
        memory = answer(self.memory, "dynamodb", operation, parameters)
        emulator = answer(self.emulator.call, "dynamodb", operation, parameters)
        if self.emulator.name == "moto" and emulator == INVALID and memory[0] == "TransactionCanceledException":
            assert ("ValidationError", {}) in memory[1]  # moto does not say which write of a transaction it was.
        else:
            assert memory == emulator, (operation, parameters)

    def write(self, kind: str, where: Document, condition: Clause | None, update: Clause | None = None) -> Document:
        parameters: dict[str, Any] = {"TableName": self.name, **where}
        values = {}
        if condition:
            parameters["ConditionExpression"] = condition.text
            values |= condition.values
        if update:
            parameters["UpdateExpression"] = update.text.replace(":v", ":u")
            values |= {name.replace(":v", ":u"): value for name, value in update.values.items()}
        return parameters | ({"ExpressionAttributeValues": values} if values else {})

    @rule(key=keys, item=attributes, condition=maybe, returned=st.sampled_from(["NONE", "ALL_OLD"]))
    def put(self, key: Document, item: Document, condition: Clause | None, returned: str) -> None:
        self.both("PutItem", {**self.write("Put", {"Item": {**key, **item}}, condition), "ReturnValues": returned})

    @rule(key=keys, update=updates(), condition=maybe, returned=st.sampled_from(["NONE", "ALL_OLD", "ALL_NEW"]))
    def update(self, key: Document, update: Clause, condition: Clause | None, returned: str) -> None:
        parameters = self.write("Update", {"Key": key}, condition, update)
        self.both("UpdateItem", {**parameters, "ReturnValues": returned})

    @rule(key=keys, condition=maybe)
    def delete(self, key: Document, condition: Clause | None) -> None:
        self.both("DeleteItem", self.write("Delete", {"Key": key}, condition))

    @rule(key=keys)
    def get(self, key: Document) -> None:
        self.both("GetItem", {"TableName": self.name, "Key": key, "ConsistentRead": True})

    @rule(several=st.lists(keys, min_size=1, max_size=5, unique_by=str))
    def get_many(self, several: list[Document]) -> None:
        self.both("BatchGetItem", {"RequestItems": {self.name: {"Keys": several, "ConsistentRead": True}}})

    @rule(
        triples=st.lists(
            st.tuples(keys, attributes, st.booleans()), min_size=1, max_size=5, unique_by=lambda triple: str(triple[0])
        )
    )
    def write_many(self, triples: list[tuple[Document, Document, bool]]) -> None:
        requests = [
            {"PutRequest": {"Item": {**key, **item}}} if puts else {"DeleteRequest": {"Key": key}}
            for key, item, puts in triples
        ]
        self.both("BatchWriteItem", {"RequestItems": {self.name: requests}})

    @rule(data=st.data(), several=st.lists(keys, min_size=1, max_size=4, unique_by=str))
    def transact(self, data: st.DataObject, several: list[Document]) -> None:
        writes = []
        for key in several:
            kind = data.draw(st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"]))
            condition = data.draw(conditions(1) if kind == "ConditionCheck" else maybe)
            where = {"Item": {**key, **data.draw(attributes)}} if kind == "Put" else {"Key": key}
            update = data.draw(updates()) if kind == "Update" else None
            writes.append({kind: self.write(kind, where, condition, update)})
        self.both("TransactWriteItems", {"TransactItems": writes})

    @rule(
        partition=st.sampled_from("PQR"),
        forward=st.booleans(),
        limit=st.none() | st.integers(1, 3),
        sort=st.sampled_from(["", "begins_with(sk, :s)", "sk <= :s", "sk > :s", "sk = :s", "sk BETWEEN :s AND :t"]),
        start=st.sampled_from(["x", "x#", "y", "z"]),
    )
    def query(self, partition: str, forward: bool, limit: int | None, sort: str, start: str) -> None:
        values = {":pk": {"S": partition}, ":s": {"S": start}, ":t": {"S": "y~"}}
        parameters: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk" + (f" AND {sort}" if sort else ""),
            "ExpressionAttributeValues": {name: value for name, value in values.items() if name in f":pk {sort}"},
            "ScanIndexForward": forward,
            "ConsistentRead": True,
        } | ({"Limit": limit} if limit else {})
        # moto takes a range whose end is before its start as an empty one.
        assume(self.emulator.name != "moto" or "BETWEEN" not in sort or start < "y~")
        assert _pages(self.memory, "Query", parameters) == _pages(self.emulator.call, "Query", parameters)

    @rule(limit=st.none() | st.integers(1, 3))
    def scan(self, limit: int | None) -> None:
        parameters = {"TableName": self.name, "ConsistentRead": True} | ({"Limit": limit} if limit else {})
        memory, emulator = (_pages(call, "Scan", parameters) for call in (self.memory, self.emulator.call))
        # In which order partitions come is DynamoDB's own affair.
        assert sorted(memory, key=str) == sorted(emulator, key=str)


def _pages(call: Call, operation: str, document: Document) -> list[Any]:
    """All items of a query or a scan, page by page; where the last one ends, emulators differ."""
    items, last = [], None
    while True:
        page = answer(call, "dynamodb", operation, {**document, **({"ExclusiveStartKey": last} if last else {})})
        if page == INVALID:
            return [page]
        items += page.get("Items", [])
        last = page.get("LastEvaluatedKey")
        if not last:
            return items


def test_dynamodb_in_memory_answers_as_an_emulator_does(emulator: Emulation) -> None:
    Both.emulator = emulator
    run_sequences(Both)
