import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/quant/kv_insert.op.ts";
import type { Tensor } from "../../oracle/tensor.ts";
import { fp8Corners } from "./corners.ts";

type C = Case<typeof op>;

interface Shape {
  readonly n_page: number;
  readonly page_size: number;
}
const pageBytes = (page_size: number): number => 576 * Math.ceil((584 * page_size) / 576);

/** Rows into slots that `slot(row)` gives, or into a permutation of all; every byte of the cache is something before. */
const insert = (
  name: string,
  { n_page, page_size }: Shape,
  rows: (g: Inputs) => Tensor,
  slot?: (row: number) => number,
  bench?: true,
): C => ({
  name,
  ...(bench && { bench }),
  attrs: { page_size },
  make: (g) => {
    const x = rows(g);
    const order = g.permutation(n_page * page_size);
    return {
      x,
      slot: g.from("i32", [x.shape[0]], slot ?? ((i) => order[i])),
      before: g.codes("u8", [n_page, pageBytes(page_size)]),
    };
  },
});
const heavy = (n_row: number) => (g: Inputs) => g.heavy("bf16", [n_row, 512]);
const small = { n_page: 3, page_size: 64 };

const pages = [1, 2, 3, 16, 71, 72, 73, 256].map((page_size) =>
  insert(`page_size=${page_size}`, { n_page: 3, page_size }, heavy(Math.min(29, 3 * page_size))),
);

const slots = [
  // every third row has no slot; the first row, the last
  insert("slots.some", small, heavy(31), (i) => (i % 3 === 0 ? -1 : 191 - 5 * i)),
  insert("slots.none", small, heavy(5), () => -1),
  // first and last slot of the first and last page, and both sides of every boundary
  insert("slots.ends", small, heavy(6), (i) => [191, 0, 63, 64, 127, 128][i]),
  insert("slots.all", { n_page: 2, page_size: 5 }, heavy(10)),
  insert("slots.in-order", small, heavy(130), (i) => i + 3),
];

/** Row i, block b: the 261 binades of bf16 from its smallest to its largest, each as somebody's amax. */
const binades = (g: Inputs): Tensor =>
  g.from("bf16", [38, 512], (i) => {
    const block = Math.floor((i % 512) / 64) + 7 * Math.floor(i / 512);
    const top = 2 ** Math.min(127, (block % 261) - 133);
    const share = i % 64 === 5 ? 1 : g.random();
    return (i % 2 === 0 ? 1 : -1) * top * share;
  });
/** amax at the largest code times a power of two, and the bf16 before and behind it: where the scale goes up by one. */
const ties = (g: Inputs): Tensor =>
  g.from("bf16", [27, 512], (i) => {
    const [row, c] = [Math.floor(i / 512), i % 512];
    const amax = [446, 448, 450][row % 3] * 2 ** (Math.floor(row / 3) * 3 - 14 + Math.floor(c / 64));
    return c % 64 === 63 ? -amax : (g.random() - 0.5) * amax;
  });
/** NaN of either sign and with a payload, and infinities, in a block of codes and among the copied channels. */
const notFinite = (g: Inputs): Tensor => {
  const t = g.normal("bf16", [6, 512]);
  const bits = Uint16Array.from(t.data as Uint16Array);
  const odd = [0x7fc0, 0xffc1, 0x7f81, 0x7f80, 0xff80, 0xffff];
  odd.forEach((b, row) => {
    bits[row * 512 + 64 * row + 7 * row] = b;
    bits[row * 512 + 448 + 11 * row] = b;
  });
  return { ...t, data: bits };
};

const rows = [
  insert("rows.std=10", small, (g) => g.normal("bf16", [23, 512], { std: 10 })),
  insert("rows.zero", small, (g) => g.from("bf16", [4, 512], (i) => (i % 3 === 0 ? -0 : 0))),
  insert("rows.binades", small, binades),
  insert("rows.ties", small, ties),
  insert("rows.corners", small, (g) => fp8Corners(g, 512, 64)),
  insert("rows.not-finite", small, notFinite),
  // copied channels far above the rest set no scale
  insert("rows.large-turned", small, (g) =>
    g.from("bf16", [4, 512], (i) => (g.random() - 0.5) * (i % 512 < 448 ? 1 : 5000)),
  ),
];

export default suite(op, [
  insert("model.prefill", { n_page: 4, page_size: 64 }, heavy(137), undefined, true),
  insert("model.decode", { n_page: 4, page_size: 64 }, heavy(1), () => 150, true),
  ...pages,
  ...slots,
  ...rows,
]);
