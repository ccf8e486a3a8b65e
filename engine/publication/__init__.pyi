from .citations import cite as cite
from .packing import Packed as Packed
from .packing import package as package
