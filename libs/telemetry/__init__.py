"""What a process tells about itself: spans, metrics and log lines, all named in `names`.

One process has one telemetry, as it has one log: `setup` opens it, and everybody writes to it by
module functions that do nothing, and cost a test, while there is nowhere to write to.
"""
