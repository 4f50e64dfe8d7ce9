"""How the package hangs together, in numbers: ``python -m tests.structure [FOLDER of a checkout]``."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

R_NAMES = {"winner_weight", "chosen_consensus"}
"""What R(y_w), how much speaks for a pair's winner, is or was called on its way from the ranking to the loss."""
R_ONCE = {"weight", "weights"}
"""It was called so as well, in files that start like one of ``R_PLACES``; elsewhere that is what models have."""
R_PLACES = ("losses/", "training/data", "training/lightning")


def files(root: Path) -> dict[str, ast.Module]:
    """Path below ``conself/`` -> syntax tree."""
    package = root / "conself"
    return {path.relative_to(package).as_posix(): ast.parse(path.read_text()) for path in package.rglob("*.py")}


def room(name: str) -> str:
    """The folder right below ``conself/``, or the loose module itself."""
    return name.split("/")[0].removesuffix(".py")


def names(tree: ast.AST) -> set[str]:
    """Every identifier of a file: variables, arguments, attributes, keywords."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {str(node.arg) for node in ast.walk(tree) if isinstance(node, ast.arg | ast.keyword)}


def arrows(trees: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """Which room imports which other."""
    rooms = {room(name) for name in trees}
    found = set()
    for name, tree in trees.items():
        for target in imported(tree):
            other = target.split(".")[1] if target.startswith("conself.") else ""
            if other in rooms and other != room(name):
                found.add((room(name), other))
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names of all imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def takers(trees: dict[str, ast.Module], argument: str) -> set[str]:
    """The functions with an argument of that name, by file and name."""
    return {
        f"{name}:{node.name}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and argument in {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    }


def figures(root: Path) -> dict[str, int]:
    """The numbers by what they are."""
    trees = files(root)
    used = {name: names(tree) for name, tree in trees.items() if not name.startswith(("sandbox/", "minipy/"))}
    r_names = {name: each & (R_NAMES | (R_ONCE if name.startswith(R_PLACES) else set())) for name, each in used.items()}
    between = arrows(trees)
    return {
        "files": len(trees),
        "loose modules": sum("/" not in name for name in trees) - 1,  # __init__.py is the package itself
        "rooms": len({room(name) for name in trees if "/" in name}),
        "imports between rooms or loose modules": len(between),
        "of them in both directions": sum((b, a) in between for a, b in between) // 2,
        "files that name tau": sum("tau" in each for each in used.values()),
        "files that name R(y_w)": sum(map(bool, r_names.values())),
        "names of R(y_w)": len(set().union(*r_names.values())),
        "functions that take config": len(takers(trees, "config")),
        "files of these": len({taker.split(":")[0] for taker in takers(trees, "config")}),
        "functions that take context": len(takers(trees, "context")),
        "files of those": len({taker.split(":")[0] for taker in takers(trees, "context")}),
    }


def main() -> None:
    """Print the numbers of each checkout named, or of this one."""
    roots = [Path(word) for word in sys.argv[1:]] or [Path(__file__).parents[1]]
    columns = [figures(root) for root in roots]
    for name in columns[0]:
        print(f"{name:<42}" + "".join(f"{column[name]:>8}" for column in columns))


if __name__ == "__main__":
    main()
