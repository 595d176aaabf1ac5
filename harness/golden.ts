/**
 * Both oracles against a golden bundle: whole prompt, every tensor that the bundle holds, relative L2 over its rows. This is the
 * only truth here that is not ours, so neither oracle rounds: algebra is compared, not formats.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openGolden, type Golden } from "../fixtures/golden.ts";
import type { OpDecl } from "../kernels/schema.ts";
import type { LayerKind } from "../oracle/config.ts";
import { Ctx } from "../oracle/context.ts";
import { block, embedTokens, emptyState, head } from "../oracle/model.ts";
import { ideal, values } from "../oracle/num/index.ts";
import { bind, outShapes, type Exact, type Executor, type Out, type Tf } from "../oracle/op.ts";
import { ropeFreq } from "../oracle/rope/freq.ts";
import { i32, numel, type Tensor } from "../oracle/tensor.ts";

/** float32 producers are within 1.6e-6 of float64 themselves; a wrong formula is off by 1e-3 and more. */
export const EXACT_BOUND = 1e-5;
/** tfjs sums in float32 as well, in another order. */
export const TF_BOUND = 1e-4;

export type OracleName = "exact" | "tf";

export interface GoldenRow {
  readonly key: string;
  readonly oracle: OracleName;
  /** Relative L2; for indices the share of rows whose sets differ. */
  readonly error: number;
  readonly bound: number;
  readonly ok: boolean;
  readonly rows: number;
  /** First row (position, or entry) that is off by more than the bound, null when none is. */
  readonly first_bad: number | null;
}

export interface GoldenResult {
  readonly dir: string;
  readonly producer: string;
  readonly rows: readonly GoldenRow[];
  readonly time_ms: Readonly<Partial<Record<OracleName, number>>>;
}

/** A bundle's key -> the tap that `oracle/model.ts` gives the same tensor. */
export const tapOf = (key: string): string =>
  key
    .replace(/\.attention$/, ".attn.o_b")
    .replace(/\.moe$/, ".ffn.out")
    .replace(/\.compressed$/, ".attn.compressor.entry")
    .replace(/\.indexer\.(scores|topk)$/, ".attn.indexer.$1")
    .replace(/\.router\.logits$/, ".ffn.gate.logits")
    .replace(/\.router\.indices$/, ".ffn.gate.ids")
    .replace(/\.router\.weights$/, ".ffn.gate.weights");

type Module = { exact: Exact<OpDecl> } | { tf: Tf<OpDecl> };

/** Runs every op through one oracle and keeps the outputs that the bundle names. */
function recorder(oracle: OracleName, wanted: ReadonlySet<string>, taps: Map<string, Tensor>): Executor {
  const modules = new Map<OpDecl, Promise<Module>>();
  const load = (op: OpDecl): Promise<Module> => {
    const file = `${op.name}${oracle === "tf" ? ".tf" : ""}.ts`;
    const path = join(import.meta.dirname, "..", "oracle", op.family, file);
    if (!existsSync(path))
      throw new Error(`op ${op.name}: expected an oracle at oracle/${op.family}/${file}, got none`);
    return import(pathToFileURL(path).href) as Promise<Module>;
  };
  return {
    async call(op, site, t, attrs) {
      if (!modules.has(op)) modules.set(op, load(op));
      const m = await modules.get(op)!;
      const s = bind(op, t, attrs ?? {});
      const made: Record<string, Tensor> = "tf" in m ? m.tf(t, s, false) : m.exact(t, s, ideal);
      const shapes = outShapes(op, s);
      for (const [name, x] of Object.entries(made)) {
        if (x.shape.join() !== shapes[name].join())
          throw new Error(
            `${oracle} oracle of ${op.name}: expected ${name} [${shapes[name].join(", ")}], got [${x.shape.join(", ")}]`,
          );
        const tap = Object.keys(op.out).length === 1 ? site : `${site}.${name}`;
        if (wanted.has(tap)) taps.set(tap, x);
      }
      return made as Out<typeof op>;
    },
  };
}

async function runModel(
  g: Golden,
  oracle: OracleName,
  onProgress: (s: string) => void,
): Promise<Map<string, Tensor>> {
  const taps = new Map<string, Tensor>();
  const wanted = new Set(
    [...g.expected.keys()].flatMap((k) => [tapOf(k), tapOf(k.replace(/\.weights$/, ".indices"))]),
  );
  const { config } = g;
  const tables = new Map<LayerKind["kind"], Tensor>();
  const freq = (kind: LayerKind): Tensor => {
    const rope = kind.kind === "swa" ? config.rope : config.rope_compress;
    const made = tables.get(kind.kind) ?? ropeFreq({ ...rope, rope_dim: config.rope_dim }, ideal);
    tables.set(kind.kind, made);
    return made;
  };
  const c = new Ctx(config, g.weights, recorder(oracle, wanted, taps), freq);
  const ids = i32(g.tokens);
  let x = await embedTokens(c, ids);
  for (let l = 0; l < config.n_layer; l++) {
    onProgress(`${oracle} layer ${l} of ${config.n_layer}`);
    [x] = await block(c.at(`layers.${l}.`), config.layers[l], x, { ids, pos0: 0 }, emptyState());
  }
  await head(c, x);
  return taps;
}

/** Rows of a tap that the bundle holds: the sampled positions, or every row where the bundle has them all. */
function rowsOf(g: Golden, key: string, expected: Tensor, tap: Tensor): number[] {
  const all = key.endsWith(".compressed");
  const rows = all ? Array.from({ length: expected.shape[0] }, (_, i) => i) : [...g.positions];
  const per = numel(expected.shape) / rows.length;
  const have = numel(tap.shape) / tap.shape[0];
  if (expected.shape[0] !== rows.length || (all && tap.shape[0] !== rows.length) || per !== have)
    throw new Error(
      `golden ${g.dir}: tensor "${key}": expected ${rows.length} rows of ${have}, got [${expected.shape.join(", ")}]`,
    );
  return rows;
}

const sorted = (x: ArrayLike<number>): string =>
  Array.from(x)
    .filter((i) => i >= 0)
    .sort((a, b) => a - b)
    .join();

function compare(g: Golden, oracle: OracleName, key: string, taps: ReadonlyMap<string, Tensor>): GoldenRow {
  const expected = g.expected.get(key)!;
  const tap = taps.get(tapOf(key));
  if (!tap)
    throw new Error(`golden ${g.dir}: tensor "${key}": expected a tap ${tapOf(key)} of the model, got none`);
  const rows = rowsOf(g, key, expected, tap);
  const bound = oracle === "exact" ? EXACT_BOUND : TF_BOUND;
  const want = values(expected);
  const got = values(tap);
  const per = want.length / rows.length;
  const pair = (r: number): [Float64Array, Float64Array] => [
    want.subarray(r * per, (r + 1) * per),
    got.subarray(rows[r] * per, (rows[r] + 1) * per),
  ];

  if (expected.dtype === "i32") {
    const bad = rows.filter((_, r) => sorted(pair(r)[0]) !== sorted(pair(r)[1]));
    return {
      key,
      oracle,
      error: bad.length / rows.length,
      bound: 0,
      ok: bad.length === 0,
      rows: rows.length,
      first_bad: bad[0] ?? null,
    };
  }
  const order = key.endsWith(".router.weights") ? expertOrder(g, key, taps, rows) : null;
  let [diff, norm] = [0, 0];
  let first_bad: number | null = null;
  rows.forEach((row, r) => {
    const [a, b] = pair(r);
    let [d, n] = [0, 0];
    for (let i = 0; i < per; i++) {
      d += (a[i] - b[order ? order[r][i] : i]) ** 2;
      n += a[i] ** 2;
    }
    if (!(Math.sqrt(d) <= bound * Math.sqrt(n)) && first_bad === null) first_bad = row;
    diff += d;
    norm += n;
  });
  const error = diff === 0 ? 0 : Math.sqrt(diff / norm);
  return {
    key,
    oracle,
    error,
    bound,
    ok: error <= bound,
    rows: rows.length,
    first_bad: error <= bound ? null : first_bad,
  };
}

/** For each row, where our list has the expert that the producer lists at i: the order of the selected experts is free. */
function expertOrder(
  g: Golden,
  key: string,
  taps: ReadonlyMap<string, Tensor>,
  rows: readonly number[],
): number[][] {
  const theirs = g.expected.get(key.replace(/weights$/, "indices"));
  const ours = taps.get(tapOf(key.replace(/weights$/, "indices")));
  if (!theirs || !ours)
    throw new Error(`golden ${g.dir}: tensor "${key}": expected router.indices beside it, got none`);
  const n = ours.shape[1];
  const [mine, want] = [values(ours), values(theirs)];
  return rows.map((row, r) => {
    const ids = mine.subarray(row * n, (row + 1) * n);
    return Array.from(want.subarray(r * n, (r + 1) * n), (e) => ids.indexOf(e));
  });
}

/** Runs the bundle in `dir` through the exact oracle and (unless `tf` is false) the tfjs one. */
export async function runGolden(
  dir: string,
  o: { readonly tf?: boolean; readonly onProgress?: (sentence: string) => void } = {},
): Promise<GoldenResult> {
  const g = openGolden(dir);
  const oracles: OracleName[] = o.tf === false ? ["exact"] : ["exact", "tf"];
  const time_ms: Partial<Record<OracleName, number>> = {};
  const rows: GoldenRow[] = [];
  for (const oracle of oracles) {
    const t0 = performance.now();
    const taps = await runModel(g, oracle, o.onProgress ?? (() => undefined));
    time_ms[oracle] = performance.now() - t0;
    for (const key of g.expected.keys()) rows.push(compare(g, oracle, key, taps));
  }
  return { dir, producer: g.producer, rows, time_ms };
}
