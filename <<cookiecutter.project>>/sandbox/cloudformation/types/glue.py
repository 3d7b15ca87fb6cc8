"""AWS::Glue: databases and tables of the catalog."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.kinds import Kind, Making, Properties

COLUMNS: Any = [{"Comment": str, "Name": str, "Type": str}]
TABLE: Any = {
    "Description": str,
    "Name": str,
    "Parameters": {"*": str},
    "PartitionKeys": COLUMNS,
    "StorageDescriptor": {
        "Columns": COLUMNS,
        "Compressed": bool,
        "InputFormat": str,
        "Location": str,
        "OutputFormat": str,
        "Parameters": {"*": str},
        "SerdeInfo": {"Name": str, "Parameters": {"*": str}, "SerializationLibrary": str},
        "StoredAsSubDirectories": bool,
    },
    "TableType": str,
}


def set_database(making: Making, before: Properties) -> None:
    found = {**making.get("DatabaseInput"), "Name": making.id}
    making.client("glue").update_database(
        CatalogId=making.get("CatalogId"), Name=making.id, DatabaseInput=found
    )


class Database(Kind):
    name = "AWS::Glue::Database"
    schema = {
        "CatalogId": str,
        "DatabaseInput": {"Description": str, "LocationUri": str, "Name": str, "Parameters": {"*": str}},
    }
    required = frozenset(schema)
    fixed = frozenset({"CatalogId"})
    born = frozenset({"DatabaseInput"})
    setters = {"DatabaseInput": set_database}

    def make(self, making: Making) -> None:
        found = making.get("DatabaseInput")
        name = found.get("Name") or making.named("", 255, lower=True)
        making.client("glue").create_database(
            CatalogId=making.get("CatalogId"), DatabaseInput={**found, "Name": name}
        )
        making.id = name

    def delete(self, making: Making) -> None:
        making.client("glue").delete_database(CatalogId=making.get("CatalogId"), Name=making.id)


def set_table(making: Making, before: Properties) -> None:
    where = {key: making.get(key) for key in ("CatalogId", "DatabaseName")}
    found = {**making.get("TableInput"), "Name": making.id}
    making.client("glue").update_table(**where, TableInput=found)


class Table(Kind):
    name = "AWS::Glue::Table"
    schema = {"CatalogId": str, "DatabaseName": str, "TableInput": TABLE}
    required = frozenset(schema)
    fixed = frozenset({"CatalogId", "DatabaseName"})
    born = frozenset({"TableInput"})
    setters = {"TableInput": set_table}

    def make(self, making: Making) -> None:
        found = making.get("TableInput")
        name = found.get("Name") or making.named("", 255, lower=True)
        where = {key: making.get(key) for key in ("CatalogId", "DatabaseName")}
        making.client("glue").create_table(**where, TableInput={**found, "Name": name})
        making.id = name

    def delete(self, making: Making) -> None:
        where = {key: making.get(key) for key in ("CatalogId", "DatabaseName")}
        making.client("glue").delete_table(**where, Name=making.id)


KINDS = (Database(), Table())
