/**
 * Simulated rounding for the quantisers. tfjs has no 8- or 4-bit format and its log cannot give an exponent (floor(log2) of
 * 2^-126 and of 7.9999995 are both off by one), so these few functions work on numbers, with float32 bits where the contract
 * says bits.
 */

const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** Nearest integer, ties to even, -0 kept: adding 1.5 * 2^52 leaves no room for a fraction. Exact for |x| < 2^51. */
function rint(x: number): number {
  const r = Math.abs(x) + 6755399441055744 - 6755399441055744;
  return x < 0 || Object.is(x, -0) ? -r : r;
}

/** floor(log2 |x|) of a normal float32 from its exponent field; -127 for zero and denormals. */
function exponentOf(x: number): number {
  word[0] = x;
  return ((bits[0] >>> 23) & 255) - 127;
}

/** Nearest e4m3 value, ties to even, beyond +-448 the nearest of them; NaN stays NaN. */
export function toE4m3(x: number): number {
  const v = Math.max(-448, Math.min(448, x));
  const step = 2 ** (Math.max(exponentOf(v), -6) - 3);
  return rint(v / step) * step;
}

/**
 * Nearest e2m1 value, ties to the even code, beyond +-6 the nearest of them. The format has no NaN: it becomes 6, as the
 * hardware's saturating conversion gives (PTX cvt, .satfinite: the positive maximum).
 */
export function toE2m1(x: number): number {
  if (Number.isNaN(x)) return 6;
  const v = Math.max(-6, Math.min(6, x));
  const a = Math.abs(v);
  const step = a < 2 ? 0.5 : a < 4 ? 1 : 2;
  return rint(v / step) * step;
}

/**
 * 2^ceil(log2 x) of a positive float32 from its bits: the ue8m0 scale, no smaller than the format's 2^-127 (a denormal, where
 * the mantissa holds the exponent too). Infinity and NaN give NaN (code 255).
 */
export function powerAbove(x: number): number {
  word[0] = x;
  const above = x < 2 ** -126 ? x > 2 ** -127 : (bits[0] & 0x7fffff) !== 0;
  const code = (bits[0] >>> 23) + (above ? 1 : 0);
  return code >= 255 ? NaN : 2 ** (code - 127);
}

/** Largest magnitude of x[first .. end), at least `floor`; a NaN spoils its block. */
function largest(x: Float32Array, first: number, end: number, floor: number): number {
  let amax = floor;
  for (let i = first; i < end; i++) {
    const a = Math.abs(x[i]);
    if (!(a <= amax)) amax = a;
    if (amax !== amax) return NaN;
  }
  return amax;
}

/** Visits the blocks of a [rows, cols] matrix along its columns with each block's power-of-two scale for `max`-sized codes. */
export function scaleBlocks(
  x: Float32Array,
  cols: number,
  o: { readonly end: number; readonly block: number; readonly floor: number; readonly max: number },
  visit: (first: number, end: number, scale: number) => void,
): void {
  const inverse = Math.fround(1 / o.max);
  for (let row = 0; row + cols <= x.length && cols > 0; row += cols)
    for (let c = 0; c < o.end; c += o.block) {
      const end = row + Math.min(c + o.block, o.end);
      const amax = largest(x, row + c, end, Math.fround(o.floor));
      visit(row + c, end, powerAbove(Math.fround(amax * inverse)));
    }
}

/** One element of an NVFP4 block scale: e4m3(min(fl32(amax / fl32(6 g)), 448)), or without rounding to e4m3. */
export function nvfp4Scale(amax: number, global: number, simulate: boolean): number {
  const s = Math.min(Math.fround(amax / Math.fround(6 * global)), 448);
  return simulate ? toE4m3(s) : s;
}

export const amaxOf = (x: Float32Array, first: number, end: number): number => largest(x, first, end, 0);
