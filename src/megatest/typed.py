"""What `typing` is to a reader and to mypy; at run time next to nothing.

Loading `typing` takes as long as loading all that is left of a listing's records, and its
`NamedTuple` compiles every field's type when a class is made.  With postponed annotations nearly
nothing of it is used once the program runs.  So: import from here what modules of ours use of it,
unless they are only loaded by something that has loaded `typing` anyway.

A subset: `Protocol` and `Generic` here cannot be asked about at run time, and a `NamedTuple` takes
no more than fields, defaults and methods.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any as Any
    from typing import BinaryIO as BinaryIO
    from typing import ClassVar as ClassVar
    from typing import Final as Final
    from typing import Generic as Generic
    from typing import Literal as Literal
    from typing import NamedTuple as NamedTuple
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import Self as Self
    from typing import TextIO as TextIO
    from typing import TypeAlias as TypeAlias
    from typing import TypedDict as TypedDict
    from typing import TypeVar as TypeVar
    from typing import Unpack as Unpack
    from typing import cast as cast
else:
    from collections import _tuplegetter  # reads a field as fast as a tuple's own item

    class Any:
        """Stands for itself."""

    BinaryIO = ClassVar = Final = NoReturn = Self = TextIO = TypeAlias = Any

    class Protocol:
        """A base that adds nothing."""

    class Generic:
        """A base that takes parameters and forgets them."""

        __slots__ = ()

        def __class_getitem__(cls, parameters):
            return cls

    Literal = Unpack = Generic

    class TypedDict:
        """A base that describes a dictionary; nobody makes one of it."""

        def __init_subclass__(cls, total=True):
            pass

    def cast(kind, value):
        """Return the value."""
        return value

    def TypeVar(name, *constraints, **named):  # noqa: N802 - as there
        """Return something that can stand between brackets."""
        return name

    class _Fields(tuple):
        """The methods that all tuples with named fields share."""

        __slots__ = ()

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(made)}")
            return made

        def _replace(self, /, **changes):
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"{type(self).__name__} has no field {', '.join(changes)}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({shown})"

        def __getnewargs__(self):
            return tuple(self)

    def _maker(fields, defaults):
        """Return the method that makes such a tuple; given by position, its arguments are the tuple."""
        count, last = len(fields), tuple(defaults.values())
        first_default = count - len(last)
        new = tuple.__new__

        def make(cls, /, *values, **named):
            given = len(values)
            if not named:
                if given == count:
                    return new(cls, values)
                if first_default <= given < count:
                    return new(cls, values + last[given - first_default :])
            for name in fields[given:]:
                if name in named:
                    values = (*values, named.pop(name))
                elif name in defaults:
                    values = (*values, defaults[name])
            if len(values) != count or named:
                raise TypeError(f"{cls.__name__}({', '.join(fields)}) does not take these arguments")
            return new(cls, values)

        return make

    class _Tupled(type):
        """Makes a tuple of a class with fields."""

        def __new__(mcs, name, bases, body):
            if not bases:
                return super().__new__(mcs, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body.pop(field) for field in fields if field in body}
            if fields[len(fields) - len(defaults) :] != tuple(defaults):
                raise TypeError(f"a field of {name} without a default follows one that has one")
            named = {
                "__slots__": (),
                "__new__": _maker(fields, defaults),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
                **{field: _tuplegetter(index, "") for index, field in enumerate(fields)},
            }
            return type(name, (_Fields,), {**named, **body})

    class NamedTuple(metaclass=_Tupled):
        """The base of tuples with named fields."""
