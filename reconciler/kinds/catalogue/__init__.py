"""What every kind is, as data: its properties, defaults, limits, mutability and references.

Law: a kind is one JSON file under `kinds/`; nothing else in the program names a kind's properties.
Long because it is one language, the words of the catalogue, which is read as a whole.
"""

import hashlib
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct

HERE = Path(__file__).parent

PropertyType = Literal[
    "string", "boolean", "integer", "number", "duration", "size", "date", "enum",
    "object", "list", "set", "map", "reference",
]  # fmt: skip
#: How the server normalises a string: `trimmed` loses surrounding blanks, `hostname` is a lower-cased domain or an
#: address literal, `domain` a lower-cased domain in ASCII, `local` a lower-cased local part, `ip` an address and
#: `network` an address or a network in canonical form, `socket` an address with a port; `upper` and `lower` lose every
#: space and change case.
Form = Literal["text", "trimmed", "hostname", "domain", "local", "ip", "network", "socket", "upper", "lower"]
Mutability = Literal["mutable", "immutable", "server-set"]


class Language(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an expression property may use, and what its string results name."""

    #: Name of a variable set in `contexts.json`.
    variables: str
    #: Constants allowed here; empty means every constant the server knows.
    constants: tuple[str, ...] = ()
    #: The kind whose objects a string result names, or "" where results are plain values.
    names: str = ""
    #: Names that the server resolves without an object.
    builtins: tuple[str, ...] = ()
    #: The server reads the unset value as an empty text, which it does not take back.
    empty: bool = False
    #: The server stores branches here and reads `else` only.
    else_only: bool = msgspec.field(name="elseOnly", default=False)
    #: At its default the object does nothing.
    needed: bool = False
    #: Whether mail for domains of others is taken, which must not be true for everybody.
    relays: bool = False
    #: The property that says at which stages of a session this is asked, or "".
    stages: str = ""
    #: Variables that the server sets itself when it asks this.
    fixed: dict[str, Any] = {}
    #: Asked when a message is queued, with these variables as they are then, and after each temporary failure.
    queued: dict[str, Any] = {}
    #: Any word may be a variable or a constant: nothing tells which ones the server knows here.
    open: bool = False


class Property(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One property of an object. Defaults, `min` and `max` are in wire form (ms, bytes)."""

    type: PropertyType
    description: str = ""
    #: Wire value that the server takes when the property is left out; UNSET where there is none.
    default: Any = UNSET
    required: bool = False
    nullable: bool = False
    mutability: Mutability = "mutable"
    #: A secret: masked on read, shown as `(sensitive)`, never compared.
    sensitive: bool = False
    min: int | None = None
    max: int | None = None
    #: Fewest members of a set, list or map.
    min_items: int = msgspec.field(name="minItems", default=0)
    #: Longest string, in bytes of UTF-8.
    max_bytes: int | None = msgspec.field(name="maxBytes", default=None)
    #: Members of an enum, or of a set of enum values.
    values: tuple[str, ...] = ()
    form: Form = "text"
    #: Shared type (`types.json`) of an object, of a list's elements, or of a map's values.
    of: str = ""
    #: Kind whose id a reference holds, or each member of a set.
    to: str = ""
    #: What a map's values are, where `of` does not say.
    member: Literal["string", "integer"] = "string"
    #: Never answered: it is sent with a new object, and cannot be compared.
    write_only: bool = msgspec.field(name="writeOnly", default=False)
    #: The server changes it by itself: compared only where a document gives it.
    volatile: bool = False
    language: Language | None = None
    #: A host name that the server resolves with the operating system's resolver when settings are reloaded.
    resolved: bool = False
    #: Names an environment variable or a file of the server, which it reads when settings are reloaded.
    resolved_from: Literal["", "variable", "file"] = msgspec.field(name="resolvedFrom", default="")
    #: Once set, the server cannot take the default back: only a new object has it.
    one_way: bool = msgspec.field(name="oneWay", default=False)
    #: True switches the verification of a certificate off.
    unverified: bool = False
    #: Without effect unless this other property is set.
    needs: str = ""
    #: Why it has no effect at all, or "".
    idle: str = ""
    #: Parts of a second are cut off.
    whole_seconds: bool = msgspec.field(name="wholeSeconds", default=False)
    #: What a text or a map holds that the server stores unchecked, and shows in plain text.
    holds: Literal["", "url", "headers"] = ""
    #: Why a change of it is dangerous, or "".
    danger: str = ""
    #: Values that are no danger; of an expression, texts of its `else`.
    harmless: tuple[Any, ...] = ()
    #: Below this nobody could mend it any more, since the server would take no further request.
    floor: int | None = None
    #: The action that makes a change of it live, in place of the kind's.
    reload: str = ""
    #: A member of this set may stand in one object of the kind only.
    exclusive: bool = False
    #: The variant of the kind that a reference must name, or "" where any will do.
    view: str = ""
    #: What the server reads a text, or the text within an object, as before it stores it.
    contents: Literal["", "certificate", "rsa-key", "ed25519-key", "sieve", "password"] = ""
    #: What the server works out and puts here: an object's name, its number in a list, or what its certificate or its
    #: private key says.
    computed: Literal["", "name", "number", "names", "issuer", "from", "until", "public-key"] = ""
    #: The variants that may be given here, of those that the type has; all where it is empty.
    only: tuple[str, ...] = ()
    #: Most elements of a list.
    most: int | None = None
    #: How the server refuses a reference to nothing: as one, as a bad value, or by giving up the whole call.
    dangling: Literal["reference", "value", "call"] = "reference"
    #: Left out of answers while it is not set.
    omitted: bool = False


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The properties that only one variant of an object has."""

    description: str = ""
    properties: dict[str, Property] = {}


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A nested object type. With variants, `@type` says which; `properties` are common to all."""

    description: str = ""
    properties: dict[str, Property] = {}
    variants: dict[str, Variant] = {}
    #: The required property for which a bare scalar may stand in the human form, or "".
    short: str = ""
    #: The properties that people look for first, in the order in which they read them.
    reading: tuple[str, ...] = ()

    def shape(self, variant: str = "") -> dict[str, Property]:
        """Return the properties of a variant ("" where there are none) in the server's order.

        Raises:
            KeyError: the variant is unknown.
        """
        return self._shapes[variant] if self.variants else self.properties

    @cached_property
    def _shapes(self) -> dict[str, dict[str, Property]]:
        return {name: {**variant.properties, **self.properties} for name, variant in self.variants.items()}

    def expressions(self, variant: str = "") -> tuple[tuple[str, Property], ...]:
        """Return the expressions among the properties of a variant; where it is unknown, those that all have."""
        return self._expressions.get(variant, self._expressions[""])

    @cached_property
    def _expressions(self) -> dict[str, tuple[tuple[str, Property], ...]]:
        shapes = {"": self.properties, **self._shapes}
        return {
            variant: tuple((name, prop) for name, prop in shape.items() if prop.language is not None)
            for variant, shape in shapes.items()
        }

    def legible(self, variant: Any) -> dict[str, Property]:
        """Return the properties of a variant in the order in which people read them, the rest as the server has them.

        Where the variant is not known, those of all variants.
        """
        known = isinstance(variant, str) and variant in self.variants
        return self._legible[variant if known else ""]

    @cached_property
    def _legible(self) -> dict[str, dict[str, Property]]:
        every = {name: prop for shape in self._shapes.values() for name, prop in shape.items()}
        shapes = {"": every if self.variants else self.properties, **self._shapes}
        return {
            variant: {**{name: shape[name] for name in self.reading if name in shape}, **shape}
            for variant, shape in shapes.items()
        }


class Connects(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the server connects to what an object stands for, and the properties that say where that is."""

    #: A next hop of mail, or a filter that is asked about it.
    role: Literal["hop", "filter"] = msgspec.field(name="as")
    host: str
    port: str
    #: What a filter speaks.
    speaks: str = ""
    #: Whether TLS comes first, and what a next hop is logged in with.
    implicit: str = ""
    user: str = ""
    secret: str = ""


class Without(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server does where an expression gives a name that no object has."""

    #: The `details` of the line that it logs.
    log: str = ""
    #: What it uses instead.
    uses: str = "built-in behaviour"
    #: Names that stand for something else without any object.
    names: dict[str, str] = {}


class Listens(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a listener of the server is open, and which protocols carry the requests of this program."""

    #: The property with the set of its addresses and ports, and the one that says what it speaks.
    bind: str
    protocol: str
    serves: tuple[str, ...]


class KeyClaim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of an object that nothing else may have: of some properties, or of each element of a list or set."""

    #: The list or set whose elements are meant, or "" for the object itself.
    each: str = ""
    #: The properties; none for the members of a set.
    of: tuple[str, ...] = ()


class KeySpace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values that are unique over several properties, or over the kinds that name the same space."""

    name: str
    claims: tuple[KeyClaim, ...]
    #: The property that the server names where a value is taken; "" for the one that claims it.
    tells: str = ""
    #: The server compares the values run together.
    joined: bool = False


class Signed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signs the mail of a domain."""

    #: The kind whose objects hold a key for one domain each.
    by: str
    #: The property that says who keeps keys, and its variant with which the server does.
    property: str
    itself: str


class KeyPair(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The properties that hold a certificate and its private key."""

    certificate: str
    key: str


class Kind(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object type of the server, named without its `x:` prefix."""

    kind: str
    #: One object with the id `singleton`, which always exists.
    singleton: bool = False
    #: Properties whose values together tell one object from another.
    match: tuple[str, ...] = ()
    #: What stands between the parts of a name that several properties make.
    joiner: str = ":"
    #: Properties that the server keeps unique.
    unique: tuple[str, ...] = ()
    #: Values that it shares a space with others for.
    spaces: tuple[KeySpace, ...] = ()
    #: Properties that `query` can filter by; it sorts by these and by id.
    filters: tuple[str, ...] = ()
    #: The server runs these objects in the order of their creation.
    ordered: bool = False
    #: An object acts as soon as it is there: no other object and no expression names it.
    acts: bool = False
    #: The action that makes stored changes live; `immediate` needs none, and `restart` is no action.
    reload: str = "ReloadSettings"
    #: Why writing it is dangerous, or "".
    danger: str = ""
    #: The actions that are dangerous; empty means all.
    dangerous: tuple[Literal["create", "update", "replace", "destroy"], ...] = ()
    #: The property with the name that its holder logs in with, or "".
    login: str = ""
    #: Its objects say what those may do that refer to them.
    permits: bool = False
    #: Objects are listeners of the server.
    listens: Listens | None = None
    #: The property with the addresses that are cut off, or let in whatever cuts them off; or "".
    cuts: str = ""
    admits: str = ""
    #: Properties that a new server lacks, and demands with any write until it has them.
    demands: tuple[str, ...] = ()
    #: What signs the mail of such a domain.
    signed: Signed | None = None
    #: This program knows of nothing that tells its objects apart but their label.
    loose: bool = False
    #: Where a certificate and its private key stand, which have to fit each other.
    pair: KeyPair | None = None
    #: Properties with domains whose mail the server takes for its own.
    domains: tuple[str, ...] = ()
    #: It holds people's mail or keys: only a document that names it as absent destroys it.
    held: bool = False
    #: There may be thousands, or people: import writes them only where they are asked for.
    bulk: bool = False
    #: Why this program does not manage it, or "".
    excluded: str = ""
    #: The server makes and destroys objects of this kind by itself.
    volatile: bool = False
    #: The property that the server's own pages show as an object's title.
    label: str = ""
    #: Wire objects that a new server ships, in order of creation; references are held by name.
    ships: tuple[dict[str, Any], ...] = ()
    #: What the one object of a singleton holds on a new server, where that is not the default; references by name.
    starts: dict[str, Any] = {}
    #: Properties that `query` searches by word, each with those whose words it finds.
    searches: dict[str, tuple[str, ...]] = {}
    #: The order in which the server judges properties; those that are not named come last.
    judged: tuple[str, ...] = ()
    #: What the server must be able to read before it stores an object: it builds something of these properties; `*` is
    #: whatever an object keeps outside the store.
    tried: tuple[str, ...] = ()
    #: The property that says whose an object is: it may refer only to what is of the same.
    owner: str = ""
    #: The property that says when an object ends: the action that makes its kind live destroys what has ended.
    expires: str = ""
    #: An object keeps the variant that it was created with.
    fixed: bool = False
    #: Variants of which a reload takes one object only, and variants that it never takes.
    once: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    #: How the server connects to what an object stands for.
    connects: Connects | None = None
    #: What the server does without an object of the name that an expression gives.
    missing: Without = Without()
    #: Properties of which one is needed for an object to limit anything.
    limits: tuple[str, ...] = ()
    #: The variable of expressions that holds an object's name, or "".
    variable: str = ""

    @cached_property
    def derived(self) -> frozenset[str]:
        """Return the match properties that the server works out: a document gives none of them."""
        shape = self.legible(None)
        return frozenset(name for name in self.match if name in shape and shape[name].mutability == "server-set")


class Catalogue(Struct, frozen=True, kw_only=True):
    """Every kind, the shared types, and what expressions may use where."""

    #: The server version whose behaviour the data describes.
    server: str
    #: The hash by which that server publishes its own schema.
    published: str = ""
    #: Digest of the data, for plans that outlive this program.
    digest: str
    kinds: dict[str, Kind]
    types: dict[str, Record]
    variables: dict[str, tuple[str, ...]]
    constants: tuple[str, ...]


class _Contexts(Struct, frozen=True, forbid_unknown_fields=True):
    server: str
    published: str
    variables: dict[str, tuple[str, ...]]
    constants: dict[str, tuple[str, ...]]


@cache
def load() -> Catalogue:
    """Read the catalogue that this program ships.

    Raises:
        msgspec.ValidationError: a file says something that the catalogue language has no word for.
    """
    digest = hashlib.sha256()

    def read(path: Path) -> bytes:
        content = path.read_bytes()
        digest.update(path.name.encode() + b"\0" + content)
        return content

    contexts = msgspec.json.decode(read(HERE / "contexts.json"), type=_Contexts)
    types = msgspec.json.decode(read(HERE / "types.json"), type=dict[str, Record])
    decoder = msgspec.json.Decoder(Kind)
    kinds = [decoder.decode(read(path)) for path in sorted((HERE / "kinds").glob("*.json"))]
    return Catalogue(
        server=contexts.server,
        published=contexts.published,
        digest=digest.hexdigest(),
        kinds={kind.kind: kind for kind in kinds},
        types=types,
        variables=contexts.variables,
        constants=tuple(dict.fromkeys(name for names in contexts.constants.values() for name in names)),
    )
