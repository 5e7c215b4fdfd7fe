"""Forging a seal without its private key: what a checking program must not fall for.

The AES keys stand in the envelope, so a forger can run the three encryptions backwards. Only the first 254 octets of
the encrypted text are bound by the RSA operation; as the order of blocks was reversed, they decide the last 14 AES
blocks of the text (224 octets, one payload) and nothing else. Everything before can be chosen, except that two
neighbouring AES blocks (32 octets) somewhere come out as chance wills, because the chain must also fit its start.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sample_meters._sealing import (
    AES_BLOCK,
    BLOCK,
    EXPONENT,
    VECTORS,
    aes_keys,
    encrypt,
    envelope,
    in_blocks,
)

_BOUND = 16  # AES blocks of the encrypted text that the RSA operation touches


def _aes(key: bytes, block: bytes, *, decrypt: bool) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - the bare block function is what is needed
    machine = cipher.decryptor() if decrypt else cipher.encryptor()
    return machine.update(block) + machine.finalize()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def with_free_blocks(
    first: bytes, modulus: int, wanted: bytes, junk_at: int, keys: tuple[bytes, bytes, bytes]
) -> tuple[bytes, bytes]:
    """Return sealed data that open to ``wanted``, with chance octets in two AES blocks and in the last payload.

    Args:
        first: The first 258 octets of the result: those of a genuine record, or simply the number 2.
        modulus: Of the public key.
        wanted: Blocks with their heads, as they should come out.
        junk_at: Number of the AES block from which 32 octets may be anything.
        keys: The AES keys.

    Returns:
        The sealed data, and the blocks that come out.
    """
    opened = pow(int.from_bytes(first[:BLOCK], "big"), EXPONENT, modulus).to_bytes(BLOCK, "big")
    count = len(wanted) // AES_BLOCK
    plain = [wanted[at : at + AES_BLOCK] for at in range(0, len(wanted), AES_BLOCK)]
    bound = opened[2:] + first[BLOCK:]
    outer = [bound[at : at + AES_BLOCK] for at in range(0, len(bound), AES_BLOCK)]
    second, third = [b""] * count, [b""] * count  # after the first and after the second encryption
    before = VECTORS[2]
    for number, block in enumerate(outer):
        third[count - 1 - number] = _xor(_aes(keys[2], block, decrypt=True), before)
        before = block
    for at in range(count - 1, count - _BOUND, -1):
        second[at] = _xor(_aes(keys[1], third[at], decrypt=True), third[at - 1])
    for at in range(count - 1, count - _BOUND + 1, -1):
        plain[at] = _xor(_aes(keys[0], second[at], decrypt=True), second[at - 1])
    for at in range(count - _BOUND + 1, junk_at + 1, -1):  # backwards, as wanted
        second[at - 1] = _xor(_aes(keys[0], second[at], decrypt=True), plain[at])
        third[at - 2] = _xor(_aes(keys[1], third[at - 1], decrypt=True), second[at - 1])
    left, right = VECTORS[0], VECTORS[1]
    for at in range(junk_at):  # forwards, as wanted
        second[at] = left = _aes(keys[0], _xor(plain[at], left), decrypt=False)
        third[at] = right = _aes(keys[1], _xor(second[at], right), decrypt=False)
    second[junk_at] = _xor(_aes(keys[1], third[junk_at], decrypt=True), right)
    plain[junk_at + 1] = _xor(_aes(keys[0], second[junk_at + 1], decrypt=True), second[junk_at])
    plain[junk_at] = _xor(_aes(keys[0], second[junk_at], decrypt=True), left)
    made = b"".join(plain)
    encrypted = encrypt(made, keys)
    assert encrypted[: BLOCK - 2] == opened[2:]  # noqa: S101 - else the arithmetic above is wrong
    return first[:BLOCK] + encrypted[BLOCK - 2 :], made


def from_nothing(text: bytes, modulus: int) -> bytes:
    """Forge a seal around any text, with the public key alone: a spare block takes what cannot be chosen.

    A program that joins the blocks and cuts the text to its length never looks at the spare block.
    """
    keys = aes_keys(text)
    count = -(-len(text) // 224)
    blocks = bytearray(in_blocks(text + bytes(224 * (count + 2) - len(text)), b"forged!!"))
    for number in range(count + 2):
        blocks[number * BLOCK + 24 : number * BLOCK + 28] = len(text).to_bytes(4, "big")
    junk_at = (count + 1) * 16 - 2  # the last two AES blocks of the first spare block
    data, _ = with_free_blocks((2).to_bytes(BLOCK, "big") + bytes(2), modulus, bytes(blocks), junk_at, keys)
    return envelope(data, keys)


def spliced(genuine: bytes, text: bytes, changed: bytes, shared: bytes, modulus: int) -> bytes | None:
    """Change a genuine record before its last block; ``changed`` has a ``?`` in each place of the 32 chance octets.

    Returns:
        The forged record; ``None`` if chance put a quotation mark, a backslash or a control code in.
    """
    keys = aes_keys(text)
    data = genuine[-(2 + BLOCK * (-(-len(text) // 224))) :]
    blocks = in_blocks(changed, shared)
    junk_at = next(
        at for at in range(len(blocks) // AES_BLOCK) if blocks[at * AES_BLOCK :].startswith(b"?" * 32)
    )
    forged, made = with_free_blocks(data[: BLOCK + 2], modulus, blocks, junk_at, keys)
    chance = made[junk_at * AES_BLOCK : (junk_at + 2) * AES_BLOCK]
    if any(octet < 0x20 or octet in b'"\\' for octet in chance):
        return None
    return envelope(forged, keys)
