"""Writes the descriptors of buf/validate, which no wheel ships as .proto, so that protoc can import it offline."""

import importlib
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2

# The wheel's only copy of the descriptor lies in a private module.
module = importlib.import_module("protovalidate._gen.buf.validate.validate_pb")
validate = module._DESC.proto  # noqa: SLF001
files = descriptor_pb2.FileDescriptorSet()
for known in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
    known.DESCRIPTOR.CopyToProto(files.file.add())
rules = files.file.add()
rules.ParseFromString(validate.to_binary())
# As its authors have it: in the wheel's copy buf has renamed the package, to one that no library for Java has.
rules.options.java_package = "build.buf.validate"
Path(sys.argv[1]).write_bytes(files.SerializeToString())
