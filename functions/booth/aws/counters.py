"""Atomic counters, items of the table. Names are kept as hashes."""

from booth.aws import table


def increment(name: str, limit: int, expires: int) -> bool:
    """Adds 1 to a counter that begins at 0; False, and nothing is added, if it has reached `limit`.

    Args:
        expires: the item's time to live, epoch seconds; each call sets it.
    """
    request = {
        "TableName": table.table_name(),
        "Key": table.key_of("count", name),
        "UpdateExpression": "ADD #count :one SET #expires = :expires",
        "ConditionExpression": "attribute_not_exists(#count) OR #count < :limit",
        "ExpressionAttributeNames": {"#count": "count", "#expires": "expires"},
        "ExpressionAttributeValues": table.attribute_values({"one": 1, "limit": limit, "expires": expires}),
    }
    return table.write("update_item", **request) is not None


def decrement(name: str) -> None:
    """Subtracts 1 from a counter; one that is 0 or does not exist stays as it is."""
    table.write(
        "update_item",
        TableName=table.table_name(),
        Key=table.key_of("count", name),
        UpdateExpression="ADD #count :less",
        ConditionExpression="#count > :none",
        ExpressionAttributeNames={"#count": "count"},
        ExpressionAttributeValues=table.attribute_values({"less": -1, "none": 0}),
    )


def value(name: str) -> int:
    """The counter's value; 0 if it does not exist."""
    item = table.get(table.key_of("count", name))
    return int(item["count"]["N"]) if item else 0
