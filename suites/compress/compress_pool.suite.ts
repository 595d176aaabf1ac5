import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/compress/compress_pool.op.ts";

type C = Case<typeof op>;

interface Pool {
  ratio: number;
  n_coff: 1 | 2;
  width: number;
  /** First token that kv holds, tokens that it holds, first entry, entries. */
  tok0: number;
  n_tok: number;
  entry0: number;
  n_entry: number;
}

const inputs = (g: Inputs, p: Pool, std = 1) => {
  const cols = p.n_coff * p.width;
  return {
    // halves with means of their own: an exchanged half or a lost window moves the mean
    kv: g.from("f32", [p.n_tok, cols], (i) => (i % cols < p.width ? -0.5 : 0.7) + 2 * g.random() - 1),
    gate: g.normal("f32", [p.n_tok, cols], { std }),
    ape: g.normal("f32", [p.ratio, cols]),
  };
};
const attrs = ({ n_coff, width, tok0, entry0, n_entry }: Pool) => ({ n_coff, width, tok0, entry0, n_entry });
const pool = (name: string, p: Pool, std = 1): C => ({
  name,
  attrs: attrs(p),
  make: (g) => inputs(g, p, std),
});
const model = (name: string, p: Pool): C => ({ ...pool(`model.${name}`, p), bench: true });

const CSA = { ratio: 4, n_coff: 2 } as const;
const HCA = { ratio: 128, n_coff: 1 } as const;

const corners: C[] = [
  pool("softmax.peaked", { ...CSA, width: 40, tok0: 0, n_tok: 20, entry0: 0, n_entry: 5 }, 10),
  pool("softmax.one-token", { ratio: 1, n_coff: 1, width: 24, tok0: 0, n_tok: 3, entry0: 0, n_entry: 3 }),
  {
    // gates near +-200: without the maximum taken off, exp is infinite or zero
    name: "gates.offset",
    attrs: { n_coff: 2, width: 36, tok0: 0, entry0: 0, n_entry: 3 },
    make: (g) => {
      const t = inputs(g, { ...CSA, width: 36, tok0: 0, n_tok: 12, entry0: 0, n_entry: 3 });
      return {
        ...t,
        gate: g.from("f32", [12, 72], (i) => (i % 3 ? 200 : -200) * (i % 2 ? 1 : 1.01) + g.random()),
      };
    },
  },
  {
    // equal scores: the mean of the slots, 4 of them for entry 0 and 8 for the others
    name: "gates.equal",
    attrs: { n_coff: 2, width: 32, tok0: 0, entry0: 0, n_entry: 3 },
    make: (g) => ({
      kv: g.from("f32", [12, 64], (i) => Math.floor(i / 64) + (i % 64 < 32 ? 100 : 0)),
      gate: g.from("f32", [12, 64], () => 0.5),
      ape: g.from("f32", [4, 64], () => -2),
    }),
  },
];

export default suite(op, [
  model("csa", { ...CSA, width: 512, tok0: 0, n_tok: 37, entry0: 0, n_entry: 9 }),
  model("csa.decode", { ...CSA, width: 512, tok0: 4, n_tok: 8, entry0: 2, n_entry: 1 }),
  model("indexer", { ...CSA, width: 128, tok0: 0, n_tok: 40, entry0: 0, n_entry: 10 }),
  model("hca", { ...HCA, width: 512, tok0: 0, n_tok: 300, entry0: 0, n_entry: 2 }),
  model("hca.decode", { ...HCA, width: 512, tok0: 128, n_tok: 128, entry0: 1, n_entry: 1 }),
  // chunks that begin at a later token: entry0's previous window is in kv, or entry 0 has none
  pool("chunk.tok0=8.entry0=3", { ...CSA, width: 72, tok0: 8, n_tok: 21, entry0: 3, n_entry: 4 }),
  pool("chunk.tok0=8.entry0=4", { ...CSA, width: 72, tok0: 8, n_tok: 23, entry0: 4, n_entry: 3 }),
  pool("chunk.tok0=256.entry0=2", { ...HCA, width: 136, tok0: 256, n_tok: 259, entry0: 2, n_entry: 2 }),
  pool("length=4", { ...CSA, width: 128, tok0: 0, n_tok: 4, entry0: 0, n_entry: 1 }),
  pool("length=7", { ...CSA, width: 128, tok0: 0, n_tok: 7, entry0: 0, n_entry: 1 }),
  pool("length=8", { ...CSA, width: 128, tok0: 0, n_tok: 8, entry0: 0, n_entry: 2 }),
  // channels off the 16-byte grid, other ratios
  pool("width=67", { ...CSA, width: 67, tok0: 0, n_tok: 13, entry0: 0, n_entry: 3 }),
  pool("width=131.ratio=5", { ratio: 5, n_coff: 1, width: 131, tok0: 5, n_tok: 11, entry0: 1, n_entry: 2 }),
  pool("width=1", { ratio: 3, n_coff: 2, width: 1, tok0: 0, n_tok: 6, entry0: 0, n_entry: 2 }),
  ...corners,
]);
