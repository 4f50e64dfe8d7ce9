"""The parts of Python and its libraries that programs may use if one process runs all inputs. Standard library only.

Allowed names hold no state, or state that is renewed for each input, or return only the program's own objects.
"""

from collections.abc import Callable, Mapping

Rules = Mapping[str, Callable[[str], bool]]
"""Modules that may be imported -> whether a name in them may be used."""


def words(text: str) -> frozenset[str]:
    """Split a text into a set of words."""
    return frozenset(text.split())


def _only(text: str) -> Callable[[str], bool]:
    return words(text).__contains__


def _all_but(text: str) -> Callable[[str], bool]:
    denied = words(text)
    return lambda name: name not in denied and not name.startswith("_")


_SYS = (
    "stdin stdout stderr exit maxsize setrecursionlimit getrecursionlimit float_info version version_info intern "
    "byteorder platform maxunicode "
)
_OF_NUMPY = (
    "errstate seterr seterrcall geterrobj seterrobj printoptions set_printoptions set_string_function setbufsize finfo "
    "set_numeric_ops set_bit_generator get_bit_generator ma test"
)
IN_CALLS: Rules = {
    **dict.fromkeys(words("array bisect cmath collections collections.abc datetime fractions hashlib"), _all_but("")),
    **dict.fromkeys(words("heapq itertools math numbers random statistics struct time unicodedata"), _all_but("")),
    **dict.fromkeys(words("numpy numpy.fft numpy.linalg numpy.polynomial numpy.random"), _all_but(_OF_NUMPY)),
    "abc": _only("ABC ABCMeta abstractmethod"),
    "copy": _only("copy deepcopy"),
    "dataclasses": _only("dataclass field asdict astuple replace"),
    "decimal": _all_but("getcontext setcontext localcontext DefaultContext BasicContext ExtendedContext"),
    "enum": _only("Enum IntEnum StrEnum Flag IntFlag auto unique"),
    "functools": _only("cache cached_property cmp_to_key lru_cache partial reduce wraps"),
    "io": _only("BytesIO StringIO TextIOWrapper BufferedReader BufferedWriter IOBase TextIOBase RawIOBase SEEK_SET"),
    "json": _only("loads dumps JSONDecodeError"),
    "operator": _all_but("attrgetter methodcaller"),
    "queue": _only("Queue LifoQueue PriorityQueue SimpleQueue Empty Full deque heappush heappop"),
    "re": _all_but("RegexFlag"),
    "string": _all_but("Formatter"),
    "sys": _only(_SYS + "argv"),
    "textwrap": _only("dedent fill indent shorten wrap"),
    "types": _only("GeneratorType SimpleNamespace"),
    "typing": _all_but("get_args get_origin get_overloads get_type_hints AnyStr NewType"),
}
"""The rules for call programs."""
IN_PROGRAMS: Rules = {
    **IN_CALLS,
    "decimal": _all_but("DefaultContext BasicContext ExtendedContext"),
    "os": _only("read write fstat fsencode linesep sep name path"),
    "os.path": _only("exists isfile"),
    "sys": _only(_SYS + "argv getsizeof"),
}
"""The rules for stdin programs, which start each input with new streams, a new decimal context and a new namespace.

No threads: one that has ended for Python may still hold its stack, so that the next input has too little memory.
"""
ALLOWED_OF_SYS = words(_SYS)
"""The names of sys that can be used freely: read-only, or renewed for each input."""

NAMES = words("globals vars locals setattr delattr getattr exec eval compile breakpoint help copyright credits license")
"""Builtins that reach behind names."""
ATTRIBUTES = words(
    "mro register open open_code FileIO close detach reconfigure daemon default_factory _generate_next_value_ "
    "gi_frame cr_frame ag_frame tb_frame f_back f_globals f_builtins f_locals "
    "attrgetter methodcaller Formatter get_args get_origin get_overloads get_type_hints RegexFlag"
)
"""Attributes, of any object, that give access to internals of objects or to state of libraries."""
DUNDERS = words(
    "__name__ __file__ __doc__ __init__ __new__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __len__ __str__ "
    "__repr__ __bool__ __int__ __float__ __index__ __neg__ __pos__ __abs__ __invert__ __add__ __sub__ __mul__ "
    "__truediv__ __floordiv__ __mod__ __divmod__ __pow__ __lshift__ __rshift__ __and__ __or__ __xor__ __radd__ "
    "__rsub__ __rmul__ __rtruediv__ __rfloordiv__ __rmod__ __rpow__ __iadd__ __isub__ __imul__ __matmul__ __iter__ "
    "__next__ __reversed__ __call__ __contains__ __getitem__ __setitem__ __delitem__ __missing__ __enter__ __exit__"
)
"""The names with two underscores on either side that are harmless; all others lead to the insides of objects."""
METHODS = words("__mro_entries__ __class_getitem__ __subclasshook__ __instancecheck__ __subclasscheck__ __exit__")
"""Methods that are given more than the program's own objects, if it defines them."""


def is_hidden(name: str) -> bool:
    """Return whether a name has two underscores on either side and is not harmless."""
    return len(name) > 4 and name.startswith("__") and name.endswith("__") and name not in DUNDERS
