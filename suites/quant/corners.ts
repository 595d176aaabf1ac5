/** Rows of values that a block quantiser must place exactly: midpoints, saturation, floors, zero blocks. */
import type { Inputs } from "../../harness/suite.ts";
import { E2M1_VALUES, E4M3_VALUES } from "../../oracle/num/index.ts";
import type { Tensor } from "../../oracle/tensor.ts";

type Row = (column: number) => number;

const midpoints = (values: ArrayLike<number>, count: number): number[] =>
  Array.from({ length: count - 1 }, (_, c) => (values[c] + values[c + 1]) / 2);
const E4M3_MIDPOINTS = midpoints(E4M3_VALUES, 127);
const E2M1_MIDPOINTS = midpoints(E2M1_VALUES, 8);
const signed = (x: number, i: number): number => (i % 2 === 0 ? x : -x);

/** Each run of `block` values leads with `max` (scale 2^k when it is the format's largest times 2^k), then goes through `list`. */
const led =
  (block: number, max: number, list: readonly number[]): Row =>
  (c) => {
    if (c % block === 0) return max;
    const k = c - Math.floor(c / block) - 1;
    return signed(list[k % list.length], k);
  };
const times =
  (f: number, row: Row): Row =>
  (c) =>
    f * row(c);

/** One row a corner, all of `cols` columns. */
const stack = (g: Inputs, cols: number, rows: readonly Row[]): Tensor =>
  g.from("bf16", [rows.length, cols], (i) => rows[Math.floor(i / cols)](i % cols));

/** Corners of e4m3 blocks with a power-of-two scale. */
export const fp8Corners = (g: Inputs, cols: number, block: number): Tensor =>
  stack(g, cols, [
    led(block, 448, E4M3_MIDPOINTS), // scale 1: every midpoint is a tie
    times(2 ** -9, led(block, -448, E4M3_MIDPOINTS)),
    times(2 ** 110, led(block, 448, E4M3_MIDPOINTS)),
    led(block, 450, E4M3_MIDPOINTS), // just above 448: scale 2
    led(block, 446, E4M3_MIDPOINTS),
    (c) => (Math.floor(c / block) % 2 === 0 ? 0 : signed(0, c)), // zero blocks, also of -0
    (c) => signed(2 ** (-c % 40), c), // underflow to subnormals, then to signed zeros
    led(block, 1e-4, [9e-5, 1e-6, 2 ** -33, 2 ** -130]), // at and below the floor
    led(block, 9.9e-5, [0, 5e-5]),
    led(block, 1e-6, [3e-7, 3.1e-9, 1.3e-9, 5e-10]), // far below it: the floor makes subnormals of these
    led(block, 3.3895313892515355e38, [1, -(2 ** 118), 2 ** 119]), // the largest bf16
    led(block, 2 ** -133, [0, 2 ** -133]), // the smallest bf16
  ]);

/** Corners of e2m1 blocks with a power-of-two scale. */
export const fp4Corners = (g: Inputs, cols: number, block: number): Tensor =>
  stack(g, cols, [
    led(block, 6, E2M1_MIDPOINTS),
    led(
      block,
      6,
      E2M1_MIDPOINTS.flatMap((m) => [m * (1 + 2 ** -7), m * (1 - 2 ** -7)]),
    ),
    times(2 ** -20, led(block, -6, E2M1_MIDPOINTS)),
    times(2 ** 120, led(block, 6, E2M1_MIDPOINTS)),
    led(block, 6.03125, E2M1_MIDPOINTS), // just above 6: scale 2
    led(block, 5.96875, E2M1_MIDPOINTS),
    (c) => (Math.floor(c / block) % 2 === 0 ? 0 : signed(0, c)),
    (c) => signed(2 ** (-c % 12), c),
    led(block, 6 * 2 ** -126, [2 ** -127, 2 ** -128, 3 * 2 ** -128, 2 ** -133]), // the floor's scale 2^-126
    led(block, 2 ** -133, [0, 2 ** -133]),
    led(block, 3.3895313892515355e38, [1, -(2 ** 125), 2 ** 126]), // rounds up to infinity
  ]);
