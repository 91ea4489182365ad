"""Puts functions of ours in the place of moto's."""


def replace(owner: object, name: str, by: object) -> None:
    """Sets an attribute of one of moto's classes or modules; what it is by then keeps whoever has imported it."""
    setattr(owner, name, by)
