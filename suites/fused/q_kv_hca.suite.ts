import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/q_kv_hca.op.ts";
import {
  entryAttrs,
  HCA,
  mainInputs,
  MINI,
  PRO,
  qKvAttrs,
  qKvInputs,
  type Entries,
  type QKv,
} from "./latents.ts";

type C = Case<typeof op>;

const rows = (name: string, s: QKv, e: Entries, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: { ...qKvAttrs(s), ...entryAttrs(e) },
  make: (g) => ({ ...qKvInputs(g, s), ...mainInputs(g, e, s.head_dim) }),
});
const small = { q_lora: 128, n_freq: 16 } as const;

export default suite(op, [
  rows("model.mini", { ...MINI, n_tok: 9 }, { ...HCA, tok0: 0, n_held: 300, entry0: 0, n_entry: 2 }, true),
  // the token that completes a window
  rows("model.pro", { ...PRO, n_tok: 1 }, { ...HCA, tok0: 128, n_held: 128, entry0: 1, n_entry: 1 }, true),
  rows(
    "tok0=256",
    { ...small, n_tok: 3, head_dim: 136 },
    { ...HCA, tok0: 256, n_held: 259, entry0: 2, n_entry: 2 },
  ),
  rows(
    "entries=0",
    { ...small, n_tok: 2, head_dim: 64 },
    { ...HCA, tok0: 128, n_held: 5, entry0: 1, n_entry: 0 },
  ),
  // more entries than tokens, windows of one token, rows of more channels than a CTA pools at once
  rows(
    "entries=7.ratio=5",
    { ...small, n_tok: 1, head_dim: 72 },
    { ratio: 5, n_coff: 1, tok0: 5, n_held: 38, entry0: 1, n_entry: 7 },
  ),
  rows(
    "ratio=1",
    { ...small, n_tok: 2, head_dim: 40 },
    { ratio: 1, n_coff: 1, tok0: 0, n_held: 3, entry0: 0, n_entry: 3 },
  ),
  rows(
    "head_dim=1032",
    { ...small, n_tok: 1, head_dim: 1032 },
    { ratio: 3, n_coff: 2, tok0: 0, n_held: 7, entry0: 0, n_entry: 2 },
  ),
]);
