"""The hundred corpora that lhotse has readers for (`lhotse.recipes`), each as `lhotse:NAME`.

lhotse's reader is run as it is, and what it finds becomes rows; what it warns of becomes bad rows. Its
network is shut: some readers would download transcripts or lists (Switchboard's), and then the message says
what is wanted. Audio is looked into with libsndfile, as everywhere in earwright, and never through a shell
command.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import pkgutil
import tempfile
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from earwright.data.corpora.manifests import KEPT, MISSHAPEN, reason, row_of, rows_of_cut
from earwright.data.corpora.offline import Refused, quiet, shut
from earwright.data.corpora.row import BadRow, ReaderOptions, Row
from earwright.errors import EarwrightError, first_line

DOWNLOADS = ("resumable_download",)
# What lhotse's readers are told unless the user says otherwise: some give paths that are cut off.
SETTINGS: dict[str, Any] = {"absolute_paths": True, "num_jobs": 1, "nj": 1}
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Reader = Callable[..., Any]


def recognize(name: str, source: Path) -> str | None:
    """None: the corpora have to be called by their names."""
    return None


def read(name: str, source: Path, options: ReaderOptions = ReaderOptions()) -> Iterator[Row | BadRow]:
    """Read a corpus with lhotse's own reader.

    Args:
        name: of the corpus, as in the name of lhotse's function: prepare_NAME.
        source: the corpus as it is distributed; what the reader takes as corpus_dir, or else first.
        options: `arguments` are what else the reader is told.

    Yields:
        Rows in the reader's order, `custom["split"]` with the part of the corpus if it has parts; first a bad
        row for each thing that the reader warned of.

    Raises:
        EarwrightError: there is no such source or corpus, the reader needs an argument or a download, or the
            source is not what it expects.
    """
    reader = find_reader(name)
    if not source.exists():
        raise EarwrightError(f"{source}: there is no such folder.")
    with tempfile.TemporaryDirectory(prefix="earwright-") as scratch:
        arguments = bind(reader, name, source, options.arguments, scratch)
        result, warned = _run(reader, name, source, arguments)
        yield from (BadRow(f"{source}: lhotse's reader of {name} warns: {message}") for message in warned)
        for split, manifests in _parts(result, ()):
            for row in _rows(manifests, source, f"lhotse:{name}", {"split": split} if split else {}):
                if row.path.startswith(scratch):
                    raise EarwrightError(
                        f"{source}: lhotse's reader of {name} makes audio files of its own; "
                        "say in which folder it may keep them, with its argument output_dir."
                    )
                yield row


def find_reader(name: str) -> Reader:
    """lhotse's function that reads a corpus.

    Raises:
        EarwrightError: there is none of that name.
    """
    import lhotse.recipes

    wanted = name.strip().lower().replace("-", "_")
    places = {module.name for module in pkgutil.iter_modules(lhotse.recipes.__path__)} - {"utils"}
    readers = {key.removeprefix("prepare_") for key in vars(lhotse.recipes) if key.startswith("prepare_")}
    if wanted in readers:
        reader: Reader = getattr(lhotse.recipes, f"prepare_{wanted}")
        return reader
    if wanted in places:
        try:
            module = importlib.import_module(f"lhotse.recipes.{wanted}")
        except ImportError as error:
            raise EarwrightError(
                f"lhotse's reader of {name} needs more than is installed ({error})."
            ) from error
        found = _reader_in(module, readers)
        if found:
            return found
    near = difflib.get_close_matches(wanted, sorted(places | readers), n=3)
    hint = f"did you mean {' or '.join(f'lhotse:{each}' for each in near)}?" if near else ""
    raise EarwrightError(
        f"lhotse has no corpus {name!r}; {hint or '`lhotse prepare --help` lists those it has.'}"
    )


def bind(reader: Reader, name: str, source: Path, told: Mapping[str, str], scratch: str) -> dict[str, Any]:
    """The arguments to call one of lhotse's readers with.

    Args:
        reader: the function.
        name: of the corpus, for messages.
        source: what becomes its corpus_dir, or else its first argument.
        told: by the user: argument -> value, to be turned into what the argument is declared to be.
        scratch: a folder, for readers that insist on writing manifests somewhere.

    Raises:
        EarwrightError: the reader has no such argument, needs one more, or a value is not of its kind.
    """
    parameters = inspect.signature(reader).parameters
    hints = typing.get_type_hints(reader)
    main = "corpus_dir" if "corpus_dir" in parameters else next(iter(parameters))
    values = {key: value for key, value in SETTINGS.items() if key in parameters}
    values[main] = [source] if typing.get_origin(hints.get(main)) is list else source
    for key, text in told.items():
        if key not in parameters:
            near = difflib.get_close_matches(key, parameters, n=1)
            others = f"did you mean {near[0]}?" if near else f"it has {', '.join(parameters)}."
            raise EarwrightError(f"lhotse's reader of {name} has no argument {key!r}; {others}")
        try:
            values[key] = convert(text, hints.get(key, type(parameters[key].default)))
        except ValueError as error:
            raise EarwrightError(f"lhotse's reader of {name}: the argument {key} is {error}.") from None
    needed = [key for key, each in parameters.items() if each.default is each.empty and key not in values]
    if "output_dir" in needed:
        values["output_dir"] = Path(scratch)
        needed.remove("output_dir")
    if needed:
        raise EarwrightError(
            f"lhotse's reader of {name} needs the argument{'s' * (len(needed) > 1)} {', '.join(needed)}, too "
            f"({main} is {source})."
        )
    return values


def convert(text: str, hint: Any) -> Any:
    """A value for an argument declared as `hint`: a truth, a number, a list parted by commas, or the text.

    Raises:
        ValueError: it is none such.
    """
    kinds = set(_kinds(hint))
    if bool in kinds:
        if text.lower() not in TRUTHS:
            raise ValueError(f"true or false, not {text!r}")
        return TRUTHS[text.lower()]
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                if str not in kinds:
                    raise ValueError(f"a number, not {text!r}") from None
    if kinds & {list, tuple, set} and (str not in kinds or "," in text):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _kinds(hint: Any) -> Iterator[type]:
    """The plain types in a hint: Optional[Union[str, Sequence[str]]] -> str, list, NoneType."""
    origin = typing.get_origin(hint)
    if origin is None:
        yield hint
    elif origin in (typing.Union, types.UnionType):
        for inner in typing.get_args(hint):
            yield from _kinds(inner)
    elif isinstance(origin, type):
        yield list if issubclass(list, origin) else origin


def _reader_in(module: types.ModuleType, public: set[str]) -> Reader | None:
    """A module's own prepare_MODULE, or the only one of its functions that is among lhotse's readers."""
    own = module.__name__.rpartition(".")[2]
    names = [key for key in (own, *public) if hasattr(module, f"prepare_{key}")]
    if own in names:
        names = [own]
    return getattr(module, f"prepare_{names[0]}") if len(names) == 1 else None


def _run(reader: Reader, name: str, source: Path, arguments: dict[str, Any]) -> tuple[Any, list[str]]:
    """What the reader returns, and what it warned of."""
    try:
        with shut("lhotse", DOWNLOADS), _libsndfile(), quiet() as warned:
            return reader(**arguments), warned
    except Refused as refused:
        parameters = inspect.signature(reader).parameters.values()
        places = [each.name for each in parameters if _is_place(each, arguments)]
        where = f" and name its folder with the argument {' or '.join(places)}" if places else ""
        raise EarwrightError(
            f"lhotse's reader of {name} wants {refused}, which is not done here: get it yourself{where}."
        ) from refused
    except ImportError as error:
        raise EarwrightError(
            f"lhotse's reader of {name} needs more than is installed ({first_line(error)})."
        ) from error
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        raise EarwrightError(
            f"{source}: lhotse's reader of {name} cannot read this ({what}); it expects the corpus as it is "
            f"distributed, see help(lhotse.recipes.{reader.__name__})."
        ) from error


def _is_place(parameter: inspect.Parameter, arguments: Mapping[str, Any]) -> bool:
    """Whether an argument is a folder that could have been given and was not."""
    name = parameter.name
    is_folder = name.endswith(("_dir", "_path")) and name != "output_dir"
    return is_folder and parameter.default is None and arguments.get(name) is None


@contextlib.contextmanager
def _libsndfile() -> Iterator[None]:
    """lhotse's audio through libsndfile: left to itself it reads NIST's SPHERE with a shell command."""
    from lhotse.audio import backend

    before = backend.get_current_audio_backend()
    backend.set_current_audio_backend("LibsndfileBackend")
    try:
        yield
    finally:
        backend.set_current_audio_backend(before)


def _parts(result: Any, split: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of each part of what a reader returned, with its recordings and supervisions, or its cuts."""
    from lhotse import CutSet, RecordingSet, SupervisionSet

    kinds = {"recordings": RecordingSet, "supervisions": SupervisionSet, "cuts": CutSet}
    values = list(result.values()) if isinstance(result, Mapping) else result
    values = list(values) if isinstance(values, tuple | list) else [values]
    found = {key: value for key, kind in kinds.items() for value in values if isinstance(value, kind)}
    if found:
        yield "/".join(split), found
    elif isinstance(result, Mapping):
        for key, value in result.items():
            yield from _parts(value, (*split, str(key)))


def _rows(
    manifests: dict[str, Any], source: Path, where: str, custom: dict[str, Any]
) -> Iterator[Row | BadRow]:
    if "recordings" not in manifests:
        for cut in manifests.get("cuts", ()):
            yield from rows_of_cut(cut.to_dict(), source, where, custom)
        return
    recordings = {
        recording.id: {key: value for key, value in recording.to_dict().items() if key in KEPT}
        for recording in manifests["recordings"]
    }
    whole = (
        {"id": key, "recording_id": key, "start": 0.0, "duration": each["duration"]}
        for key, each in recordings.items()
    )
    supervisions = (
        (each.to_dict() for each in manifests["supervisions"]) if "supervisions" in manifests else whole
    )
    for supervision in supervisions:
        recording = recordings.get(supervision["recording_id"])
        if recording is None:
            yield BadRow(f"{where}: {supervision['id']} has no recording", id=str(supervision["id"]))
            continue
        try:
            yield row_of(recording, supervision, source, where, custom)
        except MISSHAPEN as error:
            yield BadRow(
                f"{where}: {supervision['id']} cannot be read ({reason(error)})", id=str(supervision["id"])
            )
