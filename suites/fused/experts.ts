/** Loads of experts, as the suites of the fusions over them share them. */
import type { Inputs } from "../../harness/suite.ts";

export const up = (a: number, b: number): number => Math.ceil(a / b);

export interface Load {
  /** Rows of each expert. */
  readonly rows: readonly number[];
  readonly N: number;
  readonly K: number;
  /** Rows gathered from this many, by src_row; none: row i reads row i. */
  readonly n_src?: number;
}

/** Resident experts take slots in falling order; one without rows is not resident. One more slot than needed stays unused. */
export function placed(g: Inputs, rows: readonly number[]) {
  const n_row = rows.reduce((a, b) => a + b, 0);
  const first = rows.map((_, e) => rows.slice(0, e).reduce((a, b) => a + b, 0));
  const resident = rows.filter((n) => n > 0).length;
  const slot = rows.map((n, e) => (n > 0 ? resident - rows.slice(0, e).filter((k) => k > 0).length : -1));
  return {
    n_row,
    n_slot: resident + 1,
    experts: {
      offset: g.from("i32", [rows.length + 1], (e) => first[e] ?? n_row),
      expert_slot: g.from("i32", [rows.length], (e) => slot[e]),
    },
  };
}

/** Each row weighs in with the weight of a slot that is not its own index. */
export function routed(g: Inputs, n_row: number) {
  const slots = g.permutation(n_row + 3);
  return {
    row_slot: g.from("i32", [n_row], (i) => slots[i]),
    weight: g.uniform("f32", [n_row + 3], 0.05, 1),
  };
}

/** Rows of experts as a long prompt, a short one and one token have them. */
export const PROMPT = [9, 17, 3, 12, 0, 8, 11, 6, 20, 14, 7, 5, 13, 10, 16, 23];
export const EIGHT = [4, 0, 3, 8, 1, 2, 0, 5, 3, 0, 6, 4, 2, 0, 7, 3];
export const ONE = [0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0];
