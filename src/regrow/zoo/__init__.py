"""Models by name: architectures, construction and weights."""

from regrow.zoo.registry import build as build
from regrow.zoo.store import config as config
from regrow.zoo.store import digest as digest
from regrow.zoo.store import folder as folder
from regrow.zoo.store import has_digest as has_digest
from regrow.zoo.store import is_file as is_file
from regrow.zoo.store import load as load
from regrow.zoo.store import names as names
from regrow.zoo.store import on_device as on_device
from regrow.zoo.store import parts as parts
from regrow.zoo.store import save as save
from regrow.zoo.store import summary as summary
