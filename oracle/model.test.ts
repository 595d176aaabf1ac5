import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { loadConfig } from "../fixtures/configs.ts";
import { syntheticWeights } from "../fixtures/reader.ts";
import { syntheticStreams, syntheticTokens } from "../fixtures/streams.ts";
import type { OpDecl } from "../kernels/schema.ts";
import type { LayerKind } from "./config.ts";
import { Ctx } from "./context.ts";
import { block, embedTokens, emptyState, head, mtpBlock } from "./model.ts";
import { faithful } from "./num/index.ts";
import { bind, type Exact, type Executor } from "./op.ts";
import { ropeFreq } from "./rope/freq.ts";
import { concatRows, sliceRows, type Tensor } from "./tensor.ts";

const { config } = loadConfig("mini");
const weights = syntheticWeights(config, 1);

/** The faithful oracle as an executor; `sites` collects every tap's name. */
function oracle(sites: string[] = []): Executor {
  const loaded = new Map<string, Promise<{ exact: Exact<OpDecl> }>>();
  return {
    async call(op, site, t, attrs) {
      const url = pathToFileURL(join(import.meta.dirname, op.family, `${op.name}.ts`)).href;
      const mod = loaded.get(url) ?? (import(url) as Promise<{ exact: Exact<OpDecl> }>);
      loaded.set(url, mod);
      sites.push(site);
      const run = (await mod).exact as unknown as Exact<typeof op>;
      return run(t, bind(op, t, attrs ?? {}) as Parameters<typeof run>[1], faithful);
    },
  };
}

const freq = (kind: LayerKind): Tensor =>
  ropeFreq(
    { ...(kind.kind === "swa" ? config.rope : config.rope_compress), rope_dim: config.rope_dim },
    faithful,
  );
const context = (prefix: string, sites?: string[]): Ctx =>
  new Ctx(config, weights, oracle(sites), freq, prefix);

/** Runs tokens [0, n) through one block in the given chunks, carrying the state. */
async function inChunks(layer: number, n: number, chunks: readonly number[]): Promise<Tensor> {
  const { x, ids } = syntheticStreams(config, layer, n, 1);
  const c = context(`layers.${layer}.`);
  let state = emptyState();
  let out: Tensor | null = null;
  let at = 0;
  for (const size of chunks) {
    const tok = { ids: sliceRows(ids, at, at + size), pos0: at };
    const [y, next] = await block(c, config.layers[layer], sliceRows(x, at, at + size), tok, state);
    state = next;
    out = concatRows(out, y);
    at += size;
  }
  expect(at).toBe(n);
  return out!;
}

const ones = (n: number): number[] => Array.from({ length: n }, () => 1);

// Each row of every op is computed alone, so chunking may not change one bit.
test.each([
  [0, "hash routed HCA", 20, [ones(20), [7, 13]]],
  [4, "CSA below, at and above a window boundary", 27, [ones(27), [1, 3, 4, 5, 14]]],
  [
    3,
    "HCA across a whole window of 128",
    131,
    [
      [127, 1, 1, 2],
      [128, 3],
    ],
  ],
  [4, "CSA when the sliding window wraps and selection sets in", 140, [[129, 1, 10]]],
] as const)("layer %i (%s): a prompt at once and in pieces agree bit for bit", async (layer, _, n, ways) => {
  const whole = await inChunks(layer, n, [n]);
  for (const chunks of ways) expect((await inChunks(layer, n, chunks)).data).toEqual(whole.data);
});

test("state that is dropped between chunks changes the result: the comparison above can fail", async () => {
  const { x, ids } = syntheticStreams(config, 4, 12, 1);
  const c = context("layers.4.");
  const kind = config.layers[4];
  const [whole] = await block(c, kind, x, { ids, pos0: 0 }, emptyState());
  const [, state] = await block(
    c,
    kind,
    sliceRows(x, 0, 8),
    { ids: sliceRows(ids, 0, 8), pos0: 0 },
    emptyState(),
  );
  const last = { ids: sliceRows(ids, 8, 12), pos0: 8 };
  const tail = async (s: typeof state): Promise<Tensor> =>
    (await block(c, kind, sliceRows(x, 8, 12), last, s))[0];
  expect((await tail(state)).data).toEqual(sliceRows(whole, 8, 12).data);
  expect((await tail({ ...state, kv: null })).data).not.toEqual(sliceRows(whole, 8, 12).data);
  const lost = { ...state.main, kv: null, gate: null, tok0: 8 };
  await expect(tail({ ...state, main: lost })).rejects.toThrow(
    "expected tokens 4..11 for entry 2, got 8..11",
  );
});

test("embedding, a block, the MTP block and both heads compose, every tap once", async () => {
  const n = 6;
  const ids = syntheticTokens(config, n + 1, 2);
  const sites: string[] = [];
  const c = context("", sites);
  const x0 = await embedTokens(c, sliceRows(ids, 0, n));
  const [x1] = await block(
    c.at("layers.0."),
    config.layers[0],
    x0,
    { ids: sliceRows(ids, 0, n), pos0: 0 },
    emptyState(),
  );
  const logits = await head(c, x1);
  expect(logits.shape).toEqual([n, config.vocab]);
  const m = c.at("mtp.0.");
  const [x2] = await mtpBlock(m, x1, sliceRows(ids, 1, n + 1), 0, emptyState());
  expect((await head(m, x2)).shape).toEqual([n, config.vocab]);
  expect(new Set(sites).size).toBe(sites.length);
  expect(sites).toContain("mtp.0.attn.core");
});
