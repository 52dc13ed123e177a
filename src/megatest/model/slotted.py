"""`@dataclass` for records: the standard one to a reader and to mypy, far cheaper at run time.

The standard decorator writes six methods for a class and compiles each, used or not: 0.8 to 2.5 ms
a class, and a command imports a hundred of them.  A frozen record of 24 fields then takes 17 us to
make, because each field goes through `object.__setattr__`.  Here

- all classes share their methods but one, and that one, which makes an instance, is compiled for
  classes of which some instances were made already: most classes of a command never get there;
- a frozen record is made as an instance of a twin class that is not frozen and has the same slots,
  and is handed over with the class exchanged: as fast as plain assignment.

A subset, and it refuses the rest: slots always, no inheritance of fields, no ``__post_init__``,
``init=False``, ``InitVar`` or ``order``.  What needs those takes the standard decorator.
`dataclasses.fields` and `asdict` work; `replace` too, but that of this module is faster.  Why: docs/adr/0007.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

_T = TypeVar("_T")
_MISSING: Final = object()
_FIELDS: Final = "__dataclass_fields__"
_LAYOUT: Final = "__slotted_layout__"
_FIRST: Final = 32
"""How many instances of a class are made field by field: about as long as compiling the quick way takes."""


class Default:
    """What `field` returns: how a field without a plain default gets its value."""

    __slots__ = ("factory", "in_repr", "value")

    def __init__(self, factory: Callable[[], object] | None, value: object, in_repr: bool) -> None:
        self.factory = factory
        self.value = value
        self.in_repr = in_repr


def slotted_field(
    *,
    default: object = _MISSING,
    default_factory: Callable[[], object] | None = None,
    repr: bool = True,  # noqa: A002 - as there
) -> Any:
    """Describe a field, as `dataclasses.field` does."""
    return Default(default_factory, default, repr)


def slotted(
    *,
    slots: bool,
    frozen: bool = False,
    kw_only: bool = False,
    eq: bool = True,
    repr: bool = True,  # noqa: A002
) -> Callable[[type[_T]], type[_T]]:
    """Return the decorator that makes a record of a class; the arguments mean what they mean there.

    Raises:
        TypeError: the class asks for what is not made here; from the decorator.
    """
    if not slots:
        raise TypeError("a record has slots; take dataclasses.dataclass for one without")

    def decorate(bare: type[_T]) -> type[_T]:
        layout = _Layout(bare, kw_only)
        methods: dict[str, object] = layout.reading()
        if repr:
            methods["__repr__"] = layout.shown()
        if eq:
            methods.update(layout.compared(hashable=frozen))
        methods.update(layout.frozen() if frozen else layout.mutable())
        made: type[_T] = layout.slotted_class({**methods, **layout.body})
        return made

    return decorate


class _Layout:
    """The fields of a class, and the methods that follow from them.

    Attributes:
        bare: the class as it was written.
        body: what it defines besides fields.
        names: of the fields, in order.
        defaults: of those fields that have one.
        cls: the record, once it is made.
        made: how many instances were made field by field.
    """

    __slots__ = ("bare", "body", "cls", "defaults", "kw_only", "made", "names", "values")

    def __init__(self, bare: type, kw_only: bool) -> None:
        self.bare = bare
        self.kw_only = kw_only
        self.made = 0
        self.names = tuple(bare.__annotations__)
        self.defaults: dict[str, object] = {n: bare.__dict__[n] for n in self.names if n in bare.__dict__}
        left_out = {*self.names, "__dict__", "__weakref__"}
        self.body = {name: value for name, value in bare.__dict__.items() if name not in left_out}
        self.values: Callable[[object], Any] = attrgetter(*self.names) if self.names else _nothing
        self.cls: type = bare
        if "__post_init__" in self.body or any(hasattr(base, _FIELDS) for base in bare.__bases__):
            raise TypeError(f"{bare.__name__} is more than a record; take dataclasses.dataclass")

    def slotted_class(self, body: dict[str, object]) -> Any:
        """Make the class that takes the bare one's place."""
        naming = {"__qualname__": self.bare.__qualname__, "__slots__": self.names}
        self.cls = type(self.bare)(self.bare.__name__, self.bare.__bases__, {**body, **naming})
        return self.cls

    def reading(self) -> dict[str, object]:
        """Return what other modules ask of a dataclass, and what copying and pickling ask."""

        def reduce(record: object) -> tuple[object, ...]:
            return _restored, (self.cls, {name: getattr(record, name) for name in self.names})

        return {
            "__reduce__": reduce,
            _FIELDS: _Fields(self),
            _LAYOUT: self,
            "__match_args__": () if self.kw_only else self.names,
        }

    def shown(self) -> Callable[[object], str]:
        """Return the method that writes a record as the call that makes it."""
        hidden = {name for name, value in self.defaults.items() if not getattr(value, "in_repr", True)}
        shown = [name for name in self.names if name not in hidden]

        def show(record: object) -> str:
            values = ", ".join(f"{name}={getattr(record, name)!r}" for name in shown)
            return f"{self.cls.__qualname__}({values})"

        return show

    def compared(self, *, hashable: bool) -> dict[str, object]:
        """Return the methods of a record that equals another with the same values."""
        values = self.values

        def equal(record: object, other: object) -> object:
            if other.__class__ is record.__class__:
                return values(record) == values(other)
            return NotImplemented

        def hashed(record: object) -> int:
            return hash(values(record))

        return {"__eq__": equal, "__hash__": hashed if hashable else None}

    def mutable(self) -> dict[str, object]:
        """Return the method that fills a record whose fields may change."""

        def fill_first(record: object, *args: object, **named: object) -> None:
            if self.made < _FIRST and self._fill(record, args, named):
                return
            fill = self._compiled("__init__", "self", (), ())
            type.__setattr__(self.cls, "__init__", fill)
            fill(record, *args, **named)

        return {"__init__": fill_first}

    def frozen(self) -> dict[str, object]:
        """Return the methods that make a record whose fields may not change."""

        def make_first(cls: type, *args: object, **named: object) -> object:
            if self.made < _FIRST:
                record: object = object.__new__(cls)
                if self._fill(record, args, named):
                    return record
            make = self._compiled(
                "__new__", "cls", ("self = _new(_twin)",), ("self.__class__ = cls", "return self")
            )
            type.__setattr__(self.cls, "__new__", staticmethod(make))
            return make(cls, *args, **named)

        return {"__new__": make_first, "__setattr__": _refuse, "__delattr__": _refuse}

    def _fill(self, record: object, args: tuple[object, ...], named: dict[str, object]) -> bool:
        """Give each field of an empty record its value; return False if the arguments do not fit."""
        given = named
        if args:
            given = dict(zip(self.names, args, strict=False))
            if self.kw_only or len(args) > len(self.names) or not given.keys().isdisjoint(named):
                return False
            given.update(named)
        known = 0
        for name in self.names:
            if name in given:
                value = given[name]
                known += 1
            elif name in self.defaults:
                value = _default(self.defaults[name])
            else:
                return False
            object.__setattr__(record, name, value)
        self.made += 1
        return known == len(given)

    def _compiled(
        self, method: str, first: str, before: tuple[str, ...], after: tuple[str, ...]
    ) -> Callable[..., Any]:
        """Write and compile the method that takes a value for each field and assigns it.

        Args:
            method, first: its name and that of its first parameter.
            before, after: its statements before and after the assignments.
        """
        known: dict[str, object] = {"_new": object.__new__, "_twin": self._twin(), "_absent": _MISSING}
        lines = [*before, *(self._assignment(name, known) for name in self.names), *after] or ["pass"]
        star = ["*"] if self.kw_only and self.names else []
        parameters = ", ".join([first, *star, *map(self._parameter, self.names)])
        exec(f"def {method}({parameters}):\n " + "\n ".join(lines), known)  # noqa: S102 - field names only
        made: Any = known[method]
        made.__qualname__ = f"{self.cls.__qualname__}.{method}"
        made.__module__ = self.cls.__module__
        return made  # type: ignore[no-any-return]

    def _twin(self) -> type:
        """Return a class of the same layout; CPython lets an instance change between such classes."""
        generic = {name: self.body[name] for name in ("__orig_bases__",) if name in self.body}
        return type(self.bare)(self.bare.__name__, self.bare.__bases__, {**generic, "__slots__": self.names})

    def _parameter(self, name: str) -> str:
        default = self.defaults.get(name, _MISSING)
        if default is _MISSING:
            return name
        made_each_time = isinstance(default, Default) and default.factory is not None
        return f"{name}=_absent" if made_each_time else f"{name}=_default_{name}"

    def _assignment(self, name: str, known: dict[str, object]) -> str:
        default = self.defaults.get(name)
        if isinstance(default, Default) and default.factory is not None:
            known[f"_make_{name}"] = default.factory
            return f"self.{name} = _make_{name}() if {name} is _absent else {name}"
        known[f"_default_{name}"] = default.value if isinstance(default, Default) else default
        return f"self.{name} = {name}"


class _Fields:
    """Lets the standard library describe a record's fields, when somebody asks."""

    __slots__ = ("_layout",)

    def __init__(self, layout: _Layout) -> None:
        self._layout = layout

    def __get__(self, record: object, cls: type) -> Any:
        import dataclasses

        layout = self._layout
        annotations = layout.bare.__annotations__
        like: Any = dataclasses.make_dataclass(
            cls.__name__,
            [
                (name, annotations[name], _standard_field(layout.defaults.get(name, _MISSING)))
                for name in layout.names
            ],
            kw_only=layout.kw_only,
        )
        fields = like.__dataclass_fields__
        type.__setattr__(layout.cls, _FIELDS, fields)
        return fields


def _default(default: object) -> object:
    if not isinstance(default, Default):
        return default
    return default.value if default.factory is None else default.factory()


def _standard_field(default: object) -> Any:
    import dataclasses

    if default is _MISSING:
        return dataclasses.field()
    if not isinstance(default, Default):
        return dataclasses.field(default=default)
    if default.factory is not None:
        return dataclasses.field(default_factory=default.factory, repr=default.in_repr)
    return dataclasses.field(default=default.value, repr=default.in_repr)


def field_names(record: type) -> tuple[str, ...]:
    """Return the names of a record's fields, in order; `dataclasses.fields` makes a standard class first."""
    slots: tuple[str, ...] = vars(record)["__slots__"]
    return slots


def plain_defaults(record: type) -> Mapping[str, object]:
    """Return the defaults of those fields that have one, those made anew for each record left out."""
    layout: _Layout = vars(record)[_LAYOUT]
    return {name: value for name, value in layout.defaults.items() if not isinstance(value, Default)}


def field_types(record: type) -> Mapping[str, str]:
    """Return the types of a record's fields as its class has them written."""
    layout: _Layout = vars(record)[_LAYOUT]
    return layout.bare.__annotations__


def replaced(record: _T, /, **changes: object) -> _T:
    """Return a record with other values for some fields, as `dataclasses.replace` does."""
    cls = type(record)
    names = field_names(cls)
    if len(names) < 2:  # attrgetter wraps several values only
        return cls(**({name: getattr(record, name) for name in names} | changes))
    layout: _Layout = vars(cls)[_LAYOUT]
    return cls(**(dict(zip(names, layout.values(record), strict=True)) | changes))


def _restored(cls: Callable[..., object], values: dict[str, object]) -> object:
    return cls(**values)


def _nothing(record: object) -> tuple[()]:
    return ()


def _refuse(record: object, name: str, value: object = None) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot change {name!r}: a {type(record).__name__} is frozen")


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    dataclass = slotted
    field = slotted_field
    replace = replaced
