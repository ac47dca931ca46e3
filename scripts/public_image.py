"""Cuts the public contracts, and what they import, out of the image of all. Usage: public_image.py IMAGE OUT"""

import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

_INTERNAL = ("tidings/internal/", "tidings/event/")


def _is_public(path: str) -> bool:
    if path == "google/rpc/error_details.proto":
        return True
    return path.startswith("tidings/") and not path.startswith(_INTERNAL)


def public_image(image: FileDescriptorSet) -> FileDescriptorSet:
    """Keeps the order, in which every file comes after those that it imports."""
    files = {file.name: file for file in image.file}
    wanted = [name for name in files if _is_public(name)]
    kept: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept.add(name)
            wanted += files[name].dependency
    return FileDescriptorSet(file=[file for file in image.file if file.name in kept])


if __name__ == "__main__":
    everything = FileDescriptorSet.FromString(Path(sys.argv[1]).read_bytes())
    Path(sys.argv[2]).write_bytes(public_image(everything).SerializeToString())
