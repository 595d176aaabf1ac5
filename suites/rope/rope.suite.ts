import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/rope/rope.op.ts";
import { plainFreq, POSITIONS, yarnFreq } from "./positions.ts";

type C = Case<typeof op>;

const model = (name: string, n_head: number, head_dim: number, inverse: number): C => ({
  name: `model.${name}`,
  bench: true,
  attrs: { inverse },
  make: (g) => ({
    x: g.heavy("bf16", [17, n_head, head_dim]),
    pos: g.ints([17], 0, 1 << 20),
    freq: yarnFreq(32),
  }),
});
const shape = (n_row: number, n_head: number, head_dim: number, n_freq: number): C => ({
  name: `n_row=${n_row}.n_head=${n_head}.head_dim=${head_dim}.n_freq=${n_freq}`,
  attrs: { inverse: n_row % 2 },
  make: (g) => ({
    x: g.normal("bf16", [n_row, n_head, head_dim]),
    pos: g.ints([n_row], 0, 5000),
    freq: plainFreq(n_freq),
  }),
});
const positions = (name: string, freq: typeof plainFreq, inverse: number): C => ({
  name: `positions.${name}${inverse ? ".inverse" : ""}`,
  attrs: { inverse },
  make: (g) => ({
    x: g.normal("bf16", [POSITIONS.length, 3, 128]),
    pos: g.from("i32", [POSITIONS.length], (i) => POSITIONS[i]),
    freq: freq(32),
  }),
});

export default suite(op, [
  model("kv", 1, 512, 0),
  model("attention-out", 4, 512, 1),
  model("indexer", 8, 128, 0),
  positions("theta=10000", plainFreq, 0),
  positions("theta=10000", plainFreq, 1),
  positions("theta=160000", yarnFreq, 0),
  positions("theta=160000", yarnFreq, 1),
  // all channels rotated, rows off the 16-byte grid, a rotation that starts inside a vector, more heads than a CTA takes
  shape(1, 2, 64, 32),
  shape(3, 5, 67, 11),
  shape(2, 9, 72, 6),
  shape(5, 1, 33, 16),
  shape(1, 1, 2, 1),
]);
