/**
 * The verdict and localisation logic of a layer: the "engine" here is the faithful oracle with one thing wrong, so whatever the
 * harness says can be checked. What a real engine does is verified by `verify` itself.
 */
import { expect, test } from "vitest";
import { evalShape } from "../kernels/schema.ts";
import { loadConfig } from "../fixtures/configs.ts";
import { syntheticWeights } from "../fixtures/reader.ts";
import { syntheticStreams } from "../fixtures/streams.ts";
import { decode, encode, faithful } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { fromBytes, makeCall, runFaithful } from "./call.ts";
import { ExactChain, runUnit, type Unit } from "./chains.ts";
import { opsByName } from "./discover.ts";
import { runEngine, verifyUnit, type ModelOptions, type UnitResult } from "./model_run.ts";
import type { EngineHandle, Native, RunLayersResult, Tap } from "./native.ts";
import { InlineOpinions } from "./opinions.ts";
import type { Mode, Row } from "./result.ts";
import { tapName } from "./rows.ts";

const config = loadConfig("mini").config;
const weights = syntheticWeights(config, 0);
const N_TOK = 9;
const unit: Unit = { layer: 2, embed: false, tail: false };
const { x, ids } = syntheticStreams(config, unit.layer, N_TOK, 0);
const prompt = { ids, next: ids };

type Wrong = (site: string, output: string, t: Tensor) => Tensor;
const right: Wrong = (_, __, t) => t;

/** Multiplies one row of the tensor at `site` by `factor`. */
const scaleRow =
  (at: string, row: number, factor: number): Wrong =>
  (site, _, t) => {
    if (site !== at) return t;
    const cols = t.shape[t.shape.length - 1];
    const v = decode(t).map((y, i) => (Math.floor(i / cols) === row ? y * factor : y));
    return encode(t.dtype, v, t.shape);
  };

/** The faithful chain as an engine: each tap goes through `wrong`, and what follows is computed from it. */
function engineOf(wrong: Wrong, drop?: string): EngineHandle {
  return {
    async runLayers(): Promise<RunLayersResult> {
      const taps: Tap[] = [];
      const chain = new ExactChain("faithful");
      const call: ExactChain["call"] = async (op, site, t, attrs) => {
        const out = (await chain.call(op, site, t, attrs)) as Record<string, Tensor>;
        for (const [output, value] of Object.entries(out)) {
          out[output] = wrong(site, output, value);
          const name = tapName(op, site, output);
          if (name !== drop)
            taps.push({
              name,
              op: op.name,
              site,
              ...out[output],
              unwritten: 0,
              elapsed_ms: 1,
              variant: "portable",
            });
        }
        return out as never;
      };
      const y = await runUnit(config, weights, faithful, { call }, unit, prompt, x);
      return {
        x: y.data as Uint16Array<ArrayBuffer>,
        taps,
        profiles: [],
        damage: [],
        counters: {},
        elapsed_ms: 1,
      };
    },
    close: () => Promise.resolve(),
  };
}

/** Launches as the faithful oracle gives them, `wrong` for one op. */
const nativeOf = (wrong: (op: string, output: string, t: Tensor) => Tensor): Native => ({
  listOps: () => [],
  devices: () => [],
  virtual: () => undefined,
  takeProfiles: () => "[]",
  openEngine: () => Promise.reject(new Error("not here")),
  launch: () => Promise.reject(new Error("not here")),
  async runOp(r) {
    const op = (await opsByName()).get(r.op)!;
    const shapes = new Map(Object.entries(op.in).map(([k, d]) => [k, d]));
    const inputs: Record<string, Tensor> = {};
    for (const [k, data] of Object.entries(r.inputs)) {
      if (data === null) continue;
      const decl = shapes.get(k)!;
      inputs[k] = fromBytes(
        decl.dtype,
        evalShape(decl.shape, r.scalars),
        new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
      );
    }
    const { out } = await runFaithful(makeCall(op, inputs, r.scalars));
    const outputs = Object.fromEntries(
      Object.entries(out).map(([k, t]) => {
        const y = wrong(r.op, k, t);
        return [k, new Uint8Array(y.data.buffer as ArrayBuffer, y.data.byteOffset, y.data.byteLength)];
      }),
    );
    return {
      outputs,
      elapsed_ms: [1],
      counters: {},
      profiles: "[]",
      canariesIntact: true,
      damage: [],
      unwritten: Object.fromEntries(Object.keys(op.out).map((k) => [k, 0])),
      repeatable: true,
      grid: [1, 1, 1],
      block: 1,
      smem: 0,
      variant: "portable",
    };
  },
});

async function verify(
  modes: Mode[],
  wrong: Wrong = right,
  o: Partial<ModelOptions> = {},
  drop?: string,
): Promise<UnitResult> {
  const options: ModelOptions = {
    config,
    weights,
    prompt,
    modes,
    device: "virtual",
    native: nativeOf((_, __, t) => t),
    engine: modes.includes("accumulated") ? engineOf(wrong, drop) : null,
    opinions: new InlineOpinions(null, { config, weights }),
    onProfile: () => undefined,
    ...o,
  };
  const at = { native: x, faithful: x, ideal: x };
  const ahead = options.engine ? runEngine(options, unit, x) : null;
  return (await verifyUnit(options, unit, at, ahead)).result;
}
const bad = (rows: readonly Row[]): string[] =>
  rows.filter((r) => r.status !== "PASS").map((r) => `${r.status} ${r.mode} ${r.site}`);

test("a right engine passes at every tap, in both modes", async () => {
  const r = await verify(["isolated", "accumulated"]);
  expect(bad(r.rows)).toEqual([]);
  expect(r.divergences).toEqual([]);
  expect(r.rows.filter((x) => x.mode === "isolated").length).toBe(r.rows.length / 2);
  expect(r.rows.length).toBeGreaterThan(120);
  const last = r.rows.find((x) => x.mode === "accumulated" && x.site === "layers.2.output");
  expect(last?.by_token).toEqual(Array.from({ length: N_TOK }, () => 0));
});

test("one wrong row in the engine: that op is blamed, what follows from it is not", async () => {
  const r = await verify(["accumulated"], scaleRow("layers.2.attn.q_norm", 5, 1.05));
  expect(bad(r.rows)).toEqual(["FAIL accumulated layers.2.attn.q_norm"]);
  expect(r.divergences[0]).toMatchObject({
    mode: "accumulated",
    layer: 2,
    token: 5,
    op: "rmsnorm",
    site: "layers.2.attn.q_norm",
  });
  expect(r.divergences[0].sentence).toMatch(/^layer 2, token 5, op rmsnorm at layers.2.attn.q_norm, row 5/);
});

test("the first token comes before the first op", async () => {
  const early = scaleRow("layers.2.attn.q_norm", 7, 1.05);
  const late = scaleRow("layers.2.ffn_norm", 3, 1.05);
  const r = await verify(["accumulated"], (s, k, t) => late(s, k, early(s, k, t)));
  expect(bad(r.rows)).toHaveLength(2);
  expect(r.divergences[0]).toMatchObject({ token: 3, site: "layers.2.ffn_norm" });
});

test("a wrong kernel is blamed in isolated mode wherever the op is called", async () => {
  const native = nativeOf((op, _, t) =>
    op === "swiglu"
      ? encode(
          t.dtype,
          decode(t).map((v) => 1.01 * v),
          t.shape,
        )
      : t,
  );
  const r = await verify(["isolated"], right, { native });
  expect(bad(r.rows)).toEqual([
    "FAIL isolated layers.2.ffn.experts.act",
    "FAIL isolated layers.2.ffn.shared.act",
  ]);
  expect(r.divergences[0]).toMatchObject({ op: "swiglu", site: "layers.2.ffn.experts.act" });
});

test("a wrong expert in a table look-up is named at the gate, not where it does harm", async () => {
  const flip: Wrong = (site, output, t) => {
    if (!site.endsWith("ffn.gate") || output !== "ids") return t;
    const ids = Int32Array.from(t.data as Int32Array);
    const all = new Set(ids.subarray(0, t.shape[1]));
    ids[0] = Array.from({ length: config.n_expert }, (_, e) => e).find((e) => !all.has(e))!;
    return { ...t, data: ids };
  };
  expect(config.layers[unit.layer].hash).toBe(true);
  const r = await verify(["accumulated"], flip);
  expect(bad(r.rows)[0]).toBe("FAIL accumulated layers.2.ffn.gate.ids");
});

test("a tap that the engine lacks is an error, not a pass", async () => {
  const r = await verify(["accumulated"], right, {}, "layers.2.attn.core");
  expect(bad(r.rows)).toEqual(["ERROR accumulated layers.2.attn.core"]);
});

test("an engine that throws is an error of the layer, and isolated rows are kept", async () => {
  const engine: EngineHandle = {
    runLayers: () => Promise.reject(new Error("trap: kernel rmsnorm, line 12")),
    close: () => Promise.resolve(),
  };
  const r = await verify(["isolated", "accumulated"], right, { engine });
  expect(bad(r.rows)).toEqual(["ERROR accumulated layers.2.output"]);
  expect(r.rows.find((x) => x.status === "ERROR")?.sentence).toBe("trap: kernel rmsnorm, line 12");
});

/** Every step on the engine's own input is right, but the input was another one than the chain's. */
async function drifted(split?: Promise<boolean>): Promise<UnitResult> {
  const options: ModelOptions = {
    config,
    weights,
    prompt,
    modes: ["accumulated"],
    device: "virtual",
    native: nativeOf((_, __, t) => t),
    engine: null,
    opinions: new InlineOpinions(null, { config, weights }),
    onProfile: () => undefined,
  };
  const other = encode(
    "bf16",
    decode(x).map((v) => -v),
    x.shape,
  );
  const ahead = engineOf(right).runLayers({ lo: 2, hi: 2, ids: ids.data as Int32Array });
  const at = { native: x, faithful: other, ideal: other, ...(split ? { split } : {}) };
  return (await verifyUnit(options, unit, at, ahead)).result;
}

test("drift alone fails when it exceeds what the format costs", async () => {
  const { rows, split } = await drifted();
  expect(split).toBe(false);
  const failed = rows.filter((r) => r.status === "FAIL");
  expect(failed.length).toBeGreaterThan(10);
  expect(new Set(failed.map((r) => (r.status === "FAIL" ? r.stage : "")))).toEqual(new Set(["growth"]));
});

test("behind a step on which the oracles are not one, drift blames nobody", async () => {
  const { rows, divergences, split } = await drifted(Promise.resolve(true));
  expect(split).toBe(true);
  expect(bad(rows)).toEqual([]);
  expect(divergences).toEqual([]);
});

test("an oracle that errs is a split where it errs, and neither kernel nor engine is blamed for what follows", async () => {
  class Doubting extends InlineOpinions {
    override async second(...[call, out]: Parameters<InlineOpinions["second"]>) {
      const second = await super.second(call, out);
      const agree = call.op.name !== "hc_mix";
      const oracles = Object.fromEntries(
        Object.keys(out).map((k) => [
          k,
          { against: "ideal", rel_l2: 1, bound: 0, agree, backend: "cpu" } as const,
        ]),
      );
      return { ...second, oracles };
    }
  }
  const opinions = new Doubting(null, { config, weights });
  // as if the engine, on other streams, were far from what the oracles make of theirs
  const far = scaleRow("layers.2.attn_hc.mix", 3, 50);
  const { rows, split } = await verify(["accumulated"], far, { opinions });
  expect(split).toBe(true);
  expect(new Set(bad(rows))).toEqual(
    new Set(["attn_hc", "ffn_hc"].map((hc) => `ORACLE_SPLIT accumulated layers.2.${hc}.mix`)),
  );
});

test("an interrupt while the chain runs leaves no rejection that nobody awaits", async () => {
  const abort = new AbortController();
  const unheard: unknown[] = [];
  const hear = (e: unknown): void => void unheard.push(e);
  process.on("unhandledRejection", hear);
  try {
    const right = nativeOf((_, __, t) => t);
    let launches = 0;
    const native: Native = {
      ...right,
      // rejects on a later turn of the event loop, while the chain is still computing
      async runOp(r) {
        if (++launches < 5) return right.runOp(r);
        if (launches === 5) abort.abort(new Error("interrupted"));
        throw new Error("cancelled");
      },
    };
    await expect(verify(["isolated"], undefined, { native, signal: abort.signal })).rejects.toThrow(
      "interrupted",
    );
    await new Promise((done) => setTimeout(done, 50));
  } finally {
    process.off("unhandledRejection", hear);
  }
  expect(unheard).toEqual([]);
});
