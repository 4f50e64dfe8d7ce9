"""The script that a zygote's interpreter runs: ``boot.py REQUESTS ANSWERS PARENT OPTIONS``.

The arguments are two descriptors, the trusted process's id, and a JSON object: see ``main`` of
:mod:`conself.sandbox.zygote`.

Loads the child-side modules under a separate name, so that nothing else of the package is imported, and with private
builtins, so that a program that patches ``builtins`` does not change them. They are then removed from
``sys.modules``: a program cannot import them.
"""

import builtins
import importlib.util
import os
import sys
import types

_PACKAGE = "_sandbox_child"
_MODULES = [
    "sources",
    "wire",
    "structure",
    "canonical",
    "frames",
    "rules",
    "scopes",
    "inert",
    "borrowed",
    "leaks",
    "screen",
    "seccomp",
    "landlock",
    "walls",
    "gate",
    "namespaces",
    "state",
    "runner",
    "calls",
    "programs",
    "verdicts",
    "supervise",
    "packages",
    "rehearsal",
    "zygote",
]


def load() -> types.ModuleType:
    """Load the zygote module separately; only it keeps the modules that it uses alive."""
    folder = os.path.dirname(os.path.abspath(__file__))
    package = types.ModuleType(_PACKAGE)
    package.__path__ = []
    sys.modules[_PACKAGE] = package
    private = dict(vars(builtins))
    for name in _MODULES:
        spec = importlib.util.spec_from_file_location(f"{_PACKAGE}.{name}", os.path.join(folder, f"{name}.py"))
        if spec is None or spec.loader is None:
            raise ImportError(f"sandbox module {name} is missing from {folder}: reinstall the package")
        module = importlib.util.module_from_spec(spec)
        vars(module)["__builtins__"] = private
        sys.modules[spec.name] = module
        setattr(package, name, module)
        spec.loader.exec_module(module)
    for name in [name for name in sys.modules if name.startswith(_PACKAGE)]:
        del sys.modules[name]
    return module


if __name__ == "__main__":
    requests, answers, parent, options = sys.argv[1:]
    sys.argv[:] = sys.orig_argv[:] = ["main.py"]
    load().main(int(requests), int(answers), int(parent), options)
