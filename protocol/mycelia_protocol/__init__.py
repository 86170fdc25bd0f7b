"""The law of Mycelia as pure functions: bytes, the clock and prior state come in as arguments.

Nothing here opens a file, a socket or a clock, and nothing is random: the same
arguments give the same verdict on every peer, in any order of arrival. Each
module is one noun and shares it with a chapter and a vector file of `spec/`.
"""

__version__ = "0.1.0"
