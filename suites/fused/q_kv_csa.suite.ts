import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/q_kv_csa.op.ts";
import {
  CSA,
  entryAttrs,
  FLASH,
  indexInputs,
  mainInputs,
  MINI,
  PRO,
  qKvAttrs,
  qKvInputs,
  type Entries,
  type QKv,
} from "./latents.ts";

type C = Case<typeof op>;

const rows = (name: string, s: QKv, index_dim: number, e: Entries, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: { ...qKvAttrs(s), ...entryAttrs(e) },
  make: (g) => ({
    ...qKvInputs(g, s),
    ...mainInputs(g, e, s.head_dim),
    ...indexInputs(g, e, index_dim),
  }),
});
const small = { q_lora: 128, head_dim: 96, n_freq: 16 } as const;

export default suite(op, [
  rows(
    "model.mini",
    { ...MINI, n_tok: 21 },
    128,
    { ...CSA, tok0: 0, n_held: 21, entry0: 0, n_entry: 5 },
    true,
  ),
  rows(
    "model.flash",
    { ...FLASH, n_tok: 8 },
    128,
    { ...CSA, tok0: 4, n_held: 12, entry0: 2, n_entry: 2 },
    true,
  ),
  // the token that completes a window
  rows("model.pro", { ...PRO, n_tok: 1 }, 128, { ...CSA, tok0: 4, n_held: 8, entry0: 2, n_entry: 1 }, true),
  // the first entry has no window before it, wherever the call's first is
  rows("tok0=8.entry0=3", { ...small, n_tok: 3 }, 32, {
    ...CSA,
    tok0: 8,
    n_held: 21,
    entry0: 3,
    n_entry: 4,
  }),
  rows("entries=1", { ...small, n_tok: 7 }, 64, { ...CSA, tok0: 0, n_held: 7, entry0: 0, n_entry: 1 }),
  rows("entries=0", { ...small, n_tok: 3 }, 64, { ...CSA, tok0: 0, n_held: 3, entry0: 0, n_entry: 0 }),
  rows("index_dim=256.ratio=3", { ...small, n_tok: 1, head_dim: 520 }, 256, {
    ratio: 3,
    n_coff: 2,
    tok0: 0,
    n_held: 28,
    entry0: 0,
    n_entry: 9,
  }),
  {
    // equal scores: an entry is the mean of its slots; the unit vector behind the norm lays the transform open
    name: "gates.equal",
    attrs: {
      ...qKvAttrs({ ...small, n_tok: 1 }),
      ...entryAttrs({ ...CSA, tok0: 0, n_held: 12, entry0: 0, n_entry: 3 }),
    },
    make: (g) => {
      const e = { ...CSA, tok0: 0, n_held: 12, entry0: 0, n_entry: 3 } as const;
      const t = {
        ...qKvInputs(g, { ...small, n_tok: 1 }),
        ...mainInputs(g, e, 96),
        ...indexInputs(g, e, 128),
      };
      return {
        ...t,
        index_kv: g.from("f32", [12, 256], (i) => (i % 128 === 3 + Math.floor(i / 1024) ? 1 : 0)),
        index_gate: g.from("f32", [12, 256], () => 0.5),
        index_ape: g.from("f32", [4, 256], () => -2),
        index_w: g.from("bf16", [128], () => 1),
      };
    },
  },
]);
