/** Cases of sparse_attention with heads of 512 channels, their pool's rows in slots of a packed cache. */
import type { Inputs } from "../../harness/suite.ts";
import type { Scalars } from "../../kernels/schema.ts";
import { packRow, values } from "../../oracle/num/index.ts";
import { tensor, type Tensor } from "../../oracle/tensor.ts";

interface OfRows<T> {
  readonly name: string;
  readonly attrs?: Scalars;
  readonly bench?: true;
  readonly make: (g: Inputs) => T;
}

export interface Layout {
  readonly page_size: number;
  /** Slot of a row among `n` slots; any permutation where it is not given. */
  readonly slot?: (row: number, n: number) => number;
}

export const pageBytes = (page_size: number): number => 576 * Math.ceil((584 * page_size) / 576);

/** A cache of 0xff: every code, scale and channel that nobody writes is NaN. */
export const nanPages = (n_page: number, page_size: number): Tensor => {
  const bytes = pageBytes(page_size);
  return tensor("u8", [n_page, bytes], new Uint8Array(n_page * bytes).fill(255));
};

/** Inputs of paged_attention for those of sparse_attention: a page more than the rows need, so that there are free slots. */
function paged<T extends { readonly kv: Tensor; readonly idx: Tensor }>(
  g: Inputs,
  { kv, ...t }: T,
  { page_size, slot }: Layout,
): Omit<T, "kv"> & { cache: Tensor } {
  const n_page = Math.ceil(kv.shape[0] / page_size) + 1;
  const cache = nanPages(n_page, page_size);
  const order = g.permutation(n_page * page_size);
  const slotOf = (row: number): number => slot?.(row, order.length) ?? order[row];
  const x = values(kv);
  for (let row = 0; row < kv.shape[0]; row++) {
    const turned = (kv.data as Uint16Array).subarray(row * 512 + 448, (row + 1) * 512);
    packRow(cache.data as Uint8Array, slotOf(row), page_size, x.subarray(row * 512, (row + 1) * 512), turned);
  }
  const idx = (t.idx.data as Int32Array).map((row) => (row < 0 ? row : slotOf(row)));
  return { ...t, cache, idx: { ...t.idx, data: idx } };
}

/** The same case out of a cache. */
export const inPages = <T extends { readonly kv: Tensor; readonly idx: Tensor }>(
  c: OfRows<T>,
  layout: Layout = { page_size: 64 },
  name = c.name,
) => ({
  name,
  ...(c.bench && { bench: true as const }),
  attrs: { ...c.attrs, page_size: layout.page_size },
  make: (g: Inputs) => paged(g, c.make(g), layout),
});
