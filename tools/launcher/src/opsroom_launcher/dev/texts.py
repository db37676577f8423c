"""Collect the texts of the command line and of the API's errors, to be read in one place.

The texts of the page are in ``docs/reference/texts-page.md``, which its own tests write.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

_COMMAND_LINE = (
    "packages/client/src/opsroom_client/cli",
    "packages/client/src/opsroom_client/errors.py",
    "tools/launcher/src/opsroom_launcher",
)
_NOT_SHOWN = ("opsroom_launcher/dev", "opsroom_launcher/install/docs_site.py")
"""Commands for developers, this collector, and the markup of the documentation."""
_SERVICES = (
    "packages/contracts/src/opsroom_contracts/serialization/explanations.py",
    "services/chat/src",
    "services/cloud/src",
    "services/gateway/src",
    "services/incidents/src",
)
_TITLES = "services/gateway/src/opsroom_gateway/api/problem_details.py"
_ERRORS = frozenset({"Fault", "FaultError", "PydanticCustomError"})
"""Calls whose texts a client of the API gets."""
_COMMANDS = frozenset({"command", "group"})
"""Decorators that make the docstring of a function its help text."""
_LOGGERS = frozenset({"log", "logger", "_log"})


def command_line_texts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the file, relative to ``root``, and the text of each sentence of the command line."""
    for path in _sources(root, _COMMAND_LINE):
        name = path.relative_to(root).as_posix()
        if not any(part in name for part in _NOT_SHOWN):
            yield from ((name, text) for text in _Sentences.of(path))


def api_texts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the file and the text of each title and detail of an error of the API."""
    titles = ast.parse((root / _TITLES).read_text(encoding="utf-8"))
    for node in titles.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_TITLES":
            yield from ((_TITLES, text) for text in _texts(node))
    for path in _sources(root, _SERVICES):
        name = path.relative_to(root).as_posix()
        explains = path.name == "explanations.py"
        for part in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(part, ast.Call) and _name(part.func) in _ERRORS:
                yield from ((name, text) for text in _texts(part) if " " in text)
            elif explains and isinstance(part, ast.Return) and part.value is not None:
                yield from ((name, text) for text in _texts(part.value) if " " in text)


def _sources(root: Path, places: tuple[str, ...]) -> Iterator[Path]:
    for place in places:
        path = root / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the strings below ``node``; the values of an f-string are shown in braces."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else _placeholder(part.value)
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


def _placeholder(value: ast.expr) -> str:
    """Return an expression in braces; not a nested f-string, whose quotes depend on the version of Python."""
    nested = any(isinstance(part, ast.JoinedStr) for part in ast.walk(value))
    return "{…}" if nested else f"{{{ast.unparse(value)}}}"


class _Sentences(ast.NodeVisitor):
    """Collects the strings with a space that are neither docstrings nor written to a log."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @classmethod
    def of(cls, path: Path) -> list[str]:
        """Return the sentences of a file in their order."""
        collector = cls()
        collector.visit(ast.parse(path.read_text(encoding="utf-8")))
        return [text for text in collector.found if " " in text.strip() and any(map(str.islower, text))]

    def visit_Expr(self, node: ast.Expr) -> None:
        """Leave out docstrings."""
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Add the help text of a command."""
        names = {_name(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list}
        docstring = ast.get_docstring(node)
        if names & _COMMANDS and docstring:
            self.found.append(docstring)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Leave out what is logged."""
        function = node.func
        if isinstance(function, ast.Attribute) and _name(function.value) in _LOGGERS:
            return
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Add an f-string as one text."""
        self.found.extend(_texts(node))

    def visit_Constant(self, node: ast.Constant) -> None:
        """Add a string."""
        if isinstance(node.value, str):
            self.found.append(node.value)
