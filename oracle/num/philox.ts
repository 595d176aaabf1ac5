/** Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). */

/** High 32 bits of a 32 x 32 bit product. */
function mulHi(a: number, b: number): number {
  const aLo = a & 0xffff;
  const aHi = a >>> 16;
  const bLo = b & 0xffff;
  const bHi = b >>> 16;
  const mid = aHi * bLo + ((aLo * bLo) >>> 16); // < 2^33, exact
  const mid2 = aLo * bHi + (mid % 65536);
  return (aHi * bHi + Math.floor(mid / 65536) + Math.floor(mid2 / 65536)) >>> 0;
}

/** Four 32-bit words of stream `key` at `counter`, written to `out`. */
export function philox4x32(
  key: readonly [number, number],
  counter: readonly [number, number, number, number],
  out: Uint32Array,
): void {
  let [k0, k1] = key;
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < 10; round++) {
    const hi0 = mulHi(0xd2511f53, c0 >>> 0);
    const hi1 = mulHi(0xcd9e8d57, c2 >>> 0);
    const lo0 = Math.imul(0xd2511f53, c0);
    const lo1 = Math.imul(0xcd9e8d57, c2);
    c0 = hi1 ^ c1 ^ k0;
    c1 = lo1;
    c2 = hi0 ^ c3 ^ k1;
    c3 = lo0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}
