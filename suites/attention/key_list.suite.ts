import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/attention/key_list.op.ts";

type C = Case<typeof op>;

interface Lists {
  /** Position of the first token; the others follow. */
  readonly start: number;
  readonly n_tok: number;
  readonly window: number;
  readonly ratio: number;
  readonly n_comp: number;
  readonly raw0?: number;
}

const attrs = ({ start, n_tok, window, ratio, n_comp, raw0 = 0 }: Lists) => ({
  window,
  ratio,
  n_comp,
  raw0,
  n_raw: start + n_tok - raw0,
  n_entry: Math.floor((start + n_tok) / ratio),
});

const pos = (g: Inputs, l: Lists) => g.from("i32", [l.n_tok], (i) => l.start + i);

/** Every visible entry (comp is null). */
const all = (name: string, l: Lists, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: attrs(l),
  make: (g) => ({ pos: pos(g, l) }),
});

/** The entries that the indexer chose, ascending, then -1. */
const chosen = (name: string, l: Lists, bench?: true): C => ({
  name,
  ...(bench && { bench }),
  attrs: attrs(l),
  make: (g) => {
    const rows = Array.from({ length: l.n_tok }, (_, i) => {
      const visible = Math.floor((l.start + i + 1) / l.ratio);
      return g.permutation(visible).subarray(0, l.n_comp).sort();
    });
    return {
      pos: pos(g, l),
      comp: g.from("i32", [l.n_tok, l.n_comp], (i) => rows[Math.floor(i / l.n_comp)][i % l.n_comp] ?? -1),
    };
  },
});

export default suite(op, [
  all("model.hca", { start: 1000, n_tok: 29, window: 128, ratio: 128, n_comp: 8, raw0: 873 }, true),
  chosen("model.csa", { start: 301, n_tok: 29, window: 128, ratio: 4, n_comp: 16, raw0: 174 }, true),
  all("model.swa", { start: 0, n_tok: 140, window: 128, ratio: 1, n_comp: 0 }),
  // around the window's end and around the ends of compressed blocks
  all("start=0", { start: 0, n_tok: 9, window: 5, ratio: 4, n_comp: 3 }),
  all("start=124.ratio=128", { start: 124, n_tok: 9, window: 127, ratio: 128, n_comp: 2 }),
  all("start=255.ratio=4", { start: 255, n_tok: 3, window: 129, ratio: 4, n_comp: 67, raw0: 100 }),
  all("one", { start: 7, n_tok: 1, window: 1, ratio: 4, n_comp: 2 }),
  all("far", { start: 1048570, n_tok: 2, window: 128, ratio: 128, n_comp: 8192, raw0: 1048440 }),
  chosen("chosen.few", { start: 0, n_tok: 21, window: 6, ratio: 4, n_comp: 9 }),
  chosen("chosen.many", { start: 4099, n_tok: 2, window: 128, ratio: 4, n_comp: 1024, raw0: 3000 }),
]);
