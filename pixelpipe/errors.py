"""Every error that pixelpipe raises on purpose.

PixelpipeError
├── BadInputError            something given is wrong: one line, exit code 2
│   ├── ConfigError          a field of the configuration
│   ├── DatasetError         the sprites or their captions
│   ├── WeightsError         a file of weights: damaged, or of another architecture
│   │   └── BaseModelError   the base model's
├── ExperimentHeldError      another process is running this experiment: exit code 2
├── LeaseLostError           another attempt has taken the experiment over
├── CorruptCheckpointError   a checkpoint that does not match its manifest
├── TrainingDivergedError    the loss is no longer finite, or has exploded
├── OutOfMemoryError         a batch does not fit: the message says what to lower, and to what
├── StorageFullError         no space is left where a checkpoint, or a command's file, goes
├── WorkerDiedError          a worker process was killed, or crashed
├── AlreadyExistsError       a key of the store that is written once exists
├── StoppedError             a run was interrupted and can go on: exit code 130
└── StoreError               the store's disk or network fails: full, read-only, out of reach

A message is one line: "`field` must be `contract` but got `value`", with the file where there is one.
"""


def one_line(error: BaseException) -> str:
    """What an error of another library says, whatever lines it takes; where it says nothing, of which kind it is."""
    return " ".join(str(error).split()) or type(error).__name__


class PixelpipeError(Exception):
    """The root: anything else that escapes is a bug."""


class BadInputError(PixelpipeError):
    """Something the user gave is wrong; the message says what, where, and what it must be."""


class ConfigError(BadInputError):
    """A field of the configuration is unknown, ill-typed, out of range or contradicts another."""


class DatasetError(BadInputError):
    """Sprites or captions that cannot be trained on."""


class WeightsError(BadInputError):
    """A file of weights that is damaged, or holds another architecture than Stable Diffusion 1.5."""


class BaseModelError(WeightsError):
    """A base model that is incomplete, or is not Stable Diffusion 1.5's layout."""


class ExperimentHeldError(PixelpipeError):
    """Another process holds the lease of this experiment."""


class LeaseLostError(PixelpipeError):
    """This process stood still for so long that another attempt goes on with its experiment."""


class CorruptCheckpointError(PixelpipeError):
    """A checkpoint whose files differ from its manifest."""


class TrainingDivergedError(PixelpipeError):
    """The training loss became NaN or infinite, or far worse than predicting nothing."""


class OutOfMemoryError(PixelpipeError):
    """A batch does not fit into the device's memory."""


class StorageFullError(PixelpipeError):
    """No space is left for a checkpoint, or for a file that a command writes; what was there before is intact."""


class WorkerDiedError(PixelpipeError):
    """A worker process ended before its work did: out of memory, killed, or crashed."""


class AlreadyExistsError(PixelpipeError):
    """A key that is put only if absent exists already."""


class StoppedError(PixelpipeError):
    """A person, or a machine that is taken away, stopped the run; the message says how it goes on."""


class StoreError(PixelpipeError):
    """The store's disk or network fails in the middle of the work."""
