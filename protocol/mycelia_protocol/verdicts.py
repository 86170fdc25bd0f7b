"""Verdicts: known signatures, good and bad, that a verifier has to judge as the law does.

A node asks before it starts: another libsodium under the same Python, or a
patched one, would split its ledger from everybody else's without a sound. The
twelve cases of ed25519-speccheck are here, and those of `spec/vectors/keys.json`
that libraries are known to differ on.

    >>> differing()
    ()

Spec: 03-keys, "The verdict at the start".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import keys

Verify = Callable[[bytes, bytes, bytes], bool]


class Case(NamedTuple):
    """A signature and its verdict; key, signature and message in hex."""

    name: str
    public: str
    signature: str
    message: str
    good: bool


def _ours(public: bytes, signature: bytes, message: bytes) -> bool:
    return keys.verify(public, signature, message, network=b"", digest=b"")


def differing(verify: Verify = _ours) -> tuple[str, ...]:
    """Return the names of the cases that `verify(public, signature, message)` judges otherwise: none, if it is good."""
    return tuple(
        case.name
        for case in CASES
        if verify(bytes.fromhex(case.public), bytes.fromhex(case.signature), bytes.fromhex(case.message)) != case.good
    )


CASES = (
    Case(
        "speccheck-0",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a00000000000000000000000000000000"
        "00000000000000000000000000000000",
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        good=False,
    ),
    Case(
        "speccheck-1",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03"
        "984d8068dcf1bb7dfc6637b45450ac04",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        good=False,
    ),
    Case(
        "speccheck-2",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8"
        "751a7dfe1baff8b953ec9f5833ca260e",
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        good=False,
    ),
    Case(
        "speccheck-3",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad780"
        "2db02eb2e688b6c52fcd6648a98bd009",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        good=True,
    ),
    Case(
        "speccheck-4",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a"
        "6a58921d6925e434ab10aa7940551a09",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        good=False,
    ),
    Case(
        "speccheck-5",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03"
        "c1ceeeddb658d0030494ace586687405",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        good=False,
    ),
    Case(
        "speccheck-6",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19"
        "b3b3052f7ff0538cb68afb369ba3a514",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        good=False,
    ),
    Case(
        "speccheck-7",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58c"
        "c3f54b8bd0d272f42b695dd7e89a8c22",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        good=False,
    ),
    Case(
        "speccheck-8",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d742"
        "8d12ffc5df5f37e359941266a4e35f0f",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        good=False,
    ),
    Case(
        "speccheck-9",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a477"
        "5aa233aa0505711d8fdcfdaa943d4908",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        good=False,
    ),
    Case(
        "speccheck-10",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03"
        "984d8068dcf1bb7dfc6637b45450ac04",
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        good=False,
    ),
    Case(
        "speccheck-11",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03"
        "984d8068dcf1bb7dfc6637b45450ac04",
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        good=False,
    ),
    Case(
        "good",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
        "daad4a25077b4a5b39ea884baac6f85f0159689e19b300f0d4b679dfe91fe3d9f8730262dd111dae78ecef39c6354e89"
        "7b97f915929cc9fc86eeabf62a7bda0c",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=True,
    ),
    Case(
        "other-network",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
        "daad4a25077b4a5b39ea884baac6f85f0159689e19b300f0d4b679dfe91fe3d9f8730262dd111dae78ecef39c6354e89"
        "7b97f915929cc9fc86eeabf62a7bda0c",
        "6d7963656c69612f312f656e747279000101010101010101010101010101010101010101010101010101010101010101"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
    Case(
        "bit-in-s",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
        "daad4a25077b4a5b39ea884baac6f85f0159689e19b300f0d4b679dfe91fe3d9f9730262dd111dae78ecef39c6354e89"
        "7b97f915929cc9fc86eeabf62a7bda0c",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
    Case(
        "s-plus-l",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
        "daad4a25077b4a5b39ea884baac6f85f0159689e19b300f0d4b679dfe91fe3d9e547f8bef7742f064f89e7dca42f2d9e"
        "7b97f915929cc9fc86eeabf62a7bda1c",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
    Case(
        "small-order-key-0",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ef4f62f8479733ad879cfaced3c89a9c39dd4fc795ef2efa1c3eafe4d729a08139300000000000000000000000000000"
        "00000000000000000000000000000000",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c7720000",
        good=False,
    ),
    Case(
        "small-order-r-0",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
        "010000000000000000000000000000000000000000000000000000000000000011335ac2b19efe1a8d83546ce9595e7b"
        "08805d96bb408119f90962a88cd7a005",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c77200",
        good=False,
    ),
    Case(
        "mixed-key-cofactorless",
        "9ea3f11f5bd34f0cd7147fd0a436c088f624c6100c1df6a53c0a29e05d60cea0",
        "49a952edb48c7da2f21d414b599effb38939769dbbe12d83a9a1496f81d856777f7fdacafd99f2452c847bed873940d3"
        "bc68b6d497b362d03862b15f2fdc040c",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c7720001",
        good=True,
    ),
    Case(
        "mixed-key-cofactored",
        "9ea3f11f5bd34f0cd7147fd0a436c088f624c6100c1df6a53c0a29e05d60cea0",
        "1d84c09c915b1e355f4130b3950f6754270b37696f36f1b6ca5d4a9b4cf48860eee113c040d48be24f41d9404563d528"
        "1c20f8b1ce0b733561f3a6425f71640e",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c7720000",
        good=False,
    ),
    Case(
        "mixed-r-cofactored",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
        "8d1d32347c5b56f5850b934211aeaa46f0a4812b31dafd2d6e2945a2e251dd6557cb8d268df2030056f06b38eb7b61f5"
        "dedaee9cbd6732713366d031910bfb0f",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
    Case(
        "non-canonical-key",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "daad4a25077b4a5b39ea884baac6f85f0159689e19b300f0d4b679dfe91fe3d9f8730262dd111dae78ecef39c6354e89"
        "7b97f915929cc9fc86eeabf62a7bda0c",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
    Case(
        "negative-zero-key",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "edc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df05000000000000000000000000000000"
        "00000000000000000000000000000000",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
    Case(
        "short-key",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f",
        "daad4a25077b4a5b39ea884baac6f85f0159689e19b300f0d4b679dfe91fe3d9f8730262dd111dae78ecef39c6354e89"
        "7b97f915929cc9fc86eeabf62a7bda0c",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
    Case(
        "short-signature",
        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
        "daad4a25077b4a5b39ea884baac6f85f0159689e19b300f0d4b679dfe91fe3d9f8730262dd111dae78ecef39c6354e89"
        "7b97f915929cc9fc86eeabf62a7bda",
        "6d7963656c69612f312f656e7472790088d07bc9966095ad3eb3d8766042c94ba3becd481f36ef766acf60a29cf3471d"
        "e129cc64458a1d92b1882dad46fdf4c98fa6bfa3730abf69c7e85e38b789c772",
        good=False,
    ),
)
