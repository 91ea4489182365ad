"""Atomic counters in the table."""

from booth.aws import table


def increment(name: str, limit: int, expires: int) -> bool:
    """Adds one to a counter; False, and nothing is added, if it stands at `limit`. `expires` in epoch seconds."""
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
    """Takes one off a counter again."""
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
    """How far a counter is."""
    item = table.get(table.key_of("count", name))
    return int(item["count"]["N"]) if item else 0
