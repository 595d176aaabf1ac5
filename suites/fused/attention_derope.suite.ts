import { suite } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/attention_derope.op.ts";
import { plainFreq } from "../rope/positions.ts";
import { attend, wide } from "./attention.ts";

const small = { n_tok: 3, n_head: 5, head_dim: 72, n_kv: 50, n_key: 21 };

export default suite(op, [
  ...wide,
  // heads of other widths: rows of vectors and rows off the 16-byte grid
  attend("dim=72", small, 6, plainFreq),
  attend("dim=70", { ...small, head_dim: 70 }, 11, plainFreq),
  attend("dim=2", { ...small, head_dim: 2, n_head: 17 }, 1, plainFreq),
  attend("dim=1030.keys=1290", { ...small, n_tok: 1, n_head: 2, head_dim: 1030, n_key: 1290 }, 32),
]);
