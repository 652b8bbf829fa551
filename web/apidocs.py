"""The OpenAPI document -> what a reader of the API page needs: operations, fields, examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]
METHODS = ("get", "post", "put", "delete")
_BOUNDS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "maxItems": "items ≤ {}",
}
_DEEPEST = 6  # schemas that hold themselves must end somewhere


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter or member: its dotted name, type, bounds, and what it means."""

    name: str
    type: str
    required: bool
    bounds: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One status that an operation answers with."""

    status: str
    description: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    replies: tuple[Reply, ...]
    example: str

    @property
    def anchor(self) -> str:
        """The id of the operation on the page."""
        words = "".join(c if c.isalnum() else " " for c in self.path).split()
        return "-".join((self.method.lower(), *words))


@dataclass(frozen=True, slots=True)
class Manual:
    """The whole page. `problem` has the members of every error's answer."""

    version: str
    description: str
    operations: tuple[Operation, ...]
    problem: tuple[Field, ...]


def read(spec: Node, *, base: str, samples: Mapping[str, Any]) -> Manual:
    """Read the OpenAPI document `spec`.

    `base` is the address that the examples call, without a slash at its end; `samples` gives
    the values that they send, by parameter name.
    """
    reader = _Reader(spec, base, samples)
    operations = tuple(
        reader.operation(method, path, item)
        for path, item in spec["paths"].items()
        for method in METHODS
        if method in item
    )
    info = spec["info"]
    problem = tuple(reader.members({"$ref": "#/components/schemas/ProblemShape"}))
    return Manual(info["version"], info.get("description", ""), operations, problem)


class _Reader:
    def __init__(self, spec: Node, base: str, samples: Mapping[str, Any]) -> None:
        self.spec = spec
        self.base = base
        self.samples = samples

    def operation(self, method: str, path: str, item: Node) -> Operation:
        node: Node = item[method]
        found = [
            self.resolve(each)
            for each in (*item.get("parameters", ()), *node.get("parameters", ()))
        ]
        body = self.content(node.get("requestBody", {}))
        sent_as = self.resolve(node.get("requestBody", {})).get("content", {})
        parameters = tuple(self.field(p["name"], p.get("schema", {}), p) for p in found)
        fields = tuple(self.members(body))
        return Operation(
            method=method.upper(),
            path=path,
            summary=node.get("summary", ""),
            description=node.get("description", ""),
            parameters=parameters,
            body=fields,
            replies=tuple(self.replies(node["responses"])),
            example=self.example(method, path, found, fields, sent_as),
        )

    def replies(self, responses: Node) -> Iterator[Reply]:
        for status, reference in sorted(responses.items()):
            response = self.resolve(reference)
            # every error is the same problem document: `Manual.problem` has its members
            schema = self.content(response) if status.startswith("2") else {}
            yield Reply(status, response.get("description", ""), tuple(self.members(schema)))

    def content(self, holder: Node) -> Node:
        for media in self.resolve(holder).get("content", {}).values():
            return self.resolve(media.get("schema", {}))
        return {}

    def resolve(self, node: Node) -> Node:
        while "$ref" in node:
            target: Any = self.spec
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    def present(self, schema: Node) -> Node:
        """What a value that may be null is where it is not."""
        schema = self.resolve(schema)
        choices = map(self.resolve, schema.get("anyOf", ()))
        return next((each for each in choices if each.get("type") != "null"), schema)

    def members(self, schema: Node, prefix: str = "", depth: int = 0) -> Iterator[Field]:
        schema = self.resolve(schema)
        required = schema.get("required", ())
        for name, node in schema.get("properties", {}).items():
            field = self.field(prefix + name, node, {"required": name in required})
            yield field
            inner = self.present(node)
            suffix = "[]." if "items" in inner else "."
            if depth < _DEEPEST:
                yield from self.members(
                    inner.get("items", inner), prefix + name + suffix, depth + 1
                )

    def field(self, name: str, node: Node, holder: Node) -> Field:
        schema = self.resolve(node)
        bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
        if schema.get("default") is not None:
            bounds.append(f"= {schema['default']}")
        return Field(
            name=name,
            type=self.type_of(schema),
            required=bool(holder.get("required")),
            bounds=tuple(bounds),
            description=holder.get("description") or schema.get("description", ""),
        )

    def type_of(self, schema: Node) -> str:
        schema = self.resolve(schema)
        if "enum" in schema:
            return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return " | ".join(self.type_of(choice) for choice in schema[key])
        if "items" in schema:
            return f"[{self.type_of(schema['items'])}]"
        return str(schema.get("type", "any"))

    def example(
        self,
        method: str,
        path: str,
        parameters: list[Node],
        body: tuple[Field, ...],
        sent_as: Node,
    ) -> str:
        for name in (each["name"] for each in parameters if each["in"] == "path"):
            path = path.replace(f"{{{name}}}", str(self.samples.get(name, name)))
        url = f"'{self.base}{path}'"
        if method == "get":
            asked = self.sampled(each["name"] for each in parameters if each["in"] == "query")
            pairs = "".join(
                f" \\\n  --data-urlencode '{name}={value}'" for name, value in asked.items()
            )
            return f"curl -G {url}{pairs}" if pairs else f"curl {url}"
        if "multipart/form-data" in sent_as:
            parts = "".join(f" \\\n  -F '{field.name}=@report.docx'" for field in body)
            return f"curl {url}{parts}"
        sent = self.sampled(field.name for field in body)
        if not sent:
            return f"curl -X {method.upper()} {url}"
        data = json.dumps(sent, ensure_ascii=False)
        return f"curl {url} \\\n  -H 'Content-Type: application/json' \\\n  -d '{data}'"

    def sampled(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: self.samples[name] for name in names if name in self.samples}
