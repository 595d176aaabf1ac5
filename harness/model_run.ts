/**
 * Layers of the model, isolated and accumulated. The engine goes ahead layer by layer, native feeding native, while the oracles follow:
 * replay of the engine's steps, faithful chain (whose steps are launched alone for the isolated mode), ideal chain.
 */
import type { OpDecl } from "../kernels/schema.ts";
import type { ModelConfig } from "../oracle/config.ts";
import type { Tensor } from "../oracle/tensor.ts";
import type { Weights } from "../oracle/weights.ts";
import { faithful } from "../oracle/num/index.ts";
import { accumulatedRows, judgeStep, tapsOf, type StepVerdict } from "./accumulated.ts";
import { legal, regretOf, runFaithful, type Call, type Tensors } from "./call.ts";
import { ExactChain, ReplayChain, runUnit, SAMPLING, type Prompt, type Step, type Unit } from "./chains.ts";
import { opsByName } from "./discover.ts";
import { firstDivergence, firstToken } from "./divergence.ts";
import { judgeIsolated, launch, type Isolation, type Launched } from "./isolated.ts";
import { freedomOf } from "./metrics.ts";
import { parseProfiles } from "./profile.ts";
import { ofCall, profileRecords, type ProfilePlace } from "./profile_records.ts";
import type { EngineHandle, RunLayersResult, Tap } from "./native.ts";
import type { Agreement, Divergence, Mode, Row } from "./result.ts";
import { errorRows, tapName } from "./rows.ts";
import { workOfParts } from "./work.ts";

export interface ModelOptions extends Isolation {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly modes: readonly Mode[];
  readonly prompt: Prompt;
  /** Null without accumulated mode. */
  readonly engine: EngineHandle | null;
}

/** Streams that enter a unit, one a chain; the ideal chain may carry its own. */
export interface Streams {
  readonly native: Tensor | null;
  readonly faithful: Tensor | null;
  readonly ideal: Tensor | null | "carry";
  /** Whether the oracles are not one on a step before: the faithful chain is no measure then of how far the engine has drifted. */
  readonly split?: Promise<boolean>;
}

export interface UnitResult {
  readonly rows: Row[];
  readonly divergences: Divergence[];
  /** Streams of the ideal chain after the unit. */
  readonly ideal: Tensor;
  /** As in `Streams`, after the unit. */
  readonly split: boolean;
}

/** The chains are through; rows follow when the launches and the other oracles are. */
export interface UnitRun {
  readonly native: Tensor | null;
  readonly faithful: Tensor;
  readonly result: Promise<UnitResult>;
}

const noTaps: ReadonlyMap<string, Tap> = new Map();

/** Launches a unit on the engine; `x` null means from the token ids. */
export function runEngine(o: ModelOptions, u: Unit, x: Tensor | null): Promise<RunLayersResult> {
  if (!o.engine) throw new Error("engine: expected one for accumulated mode, got none");
  const mtp = u.tail && o.config.n_mtp > 0;
  return o.engine.runLayers({
    lo: u.layer,
    hi: u.layer,
    ids: o.prompt.ids.data as Int32Array,
    ...(u.embed || x === null ? {} : { x: x.data as Uint16Array }),
    ...(u.tail ? { head: true, sample: SAMPLING } : {}),
    ...(mtp ? { mtpIds: o.prompt.next.data as Int32Array } : {}),
    ...(o.signal ? { signal: o.signal } : {}),
  });
}

/** One unit in all modes. `ahead` is the engine's run of it, started by the caller; null without accumulated mode. */
export async function verifyUnit(
  o: ModelOptions,
  u: Unit,
  at: Streams,
  ahead: Promise<RunLayersResult> | null,
): Promise<UnitRun> {
  const layerOf = (site: string): number | null => {
    const m = /^layers\.(\d+)\./.exec(site);
    return m ? Number(m[1]) : null;
  };
  let run: RunLayersResult | null = null;
  const engineErrors: unknown[] = [];
  if (ahead)
    run = await ahead.catch((e: unknown) => {
      o.signal?.throwIfAborted();
      engineErrors.push(e);
      return null;
    });
  const replayed = run ? await replay(o, u, at, run) : null;
  const ops = await opsByName();
  for (const { site, op, counts } of run?.profiles ?? []) {
    const what = launchedAt(ops.get(op), site, run!.taps, replayed); // a launch that the model does not have is a row of `strangers`
    const place = { mode: "accumulated", site, layer: layerOf(site), case: null } as const;
    if (what) profileRecords({ ...what, ...place }, parseProfiles(counts)).forEach(o.onProfile);
  }

  const launches = new Map<string, Launched>();
  const isolated: Promise<Row[]>[] = [];
  const wantIsolated = o.modes.includes("isolated");
  const chain = new ExactChain("faithful", {
    decide: (call, site) =>
      replayed ? decisionOf(replayed, site) : wantIsolated ? ownDecision(call, site) : undefined,
    onStep: (s) => {
      o.signal?.throwIfAborted();
      if (!wantIsolated) return;
      const l = launches.get(s.site) ?? launch(s.call, o);
      const judged = judgeIsolated(s, l, layerOf(s.site), o);
      judged.catch(() => undefined); // awaited by `collect`, which never runs when the chain is interrupted
      isolated.push(judged);
    },
  });
  /** Without an engine run the chain goes on with the launched kernel's own choice, where that is legal. */
  async function ownDecision(call: Call, site: string): Promise<Tensors | undefined> {
    const l = launch(call, o);
    launches.set(site, l);
    const native = await l.run.catch(() => null);
    const regret = native && (await regretOf(call, native.out));
    return native && regret && legal(call.op, regret) ? native.out : undefined;
  }
  const next = await runUnit(o.config, o.weights, faithful, chain, u, o.prompt, at.faithful);

  const outputs = new Map([...chain.steps.values()].map((s) => [s.site, s.out]));
  const idealUnit = o.opinions.idealUnit(u, o.prompt, at.ideal, outputs);
  idealUnit.catch(() => undefined); // awaited by `collect` after the isolated rows
  const native: Tensor | null = run && { dtype: "bf16", shape: next.shape, data: run.x };
  const result = collect();
  result.catch(() => undefined); // the caller awaits it later
  return { native, faithful: next, result };

  async function collect(): Promise<UnitResult> {
    const rows = (await Promise.all(isolated)).flat();
    const n_tok = o.prompt.ids.shape[0];
    const divergences = [firstDivergence("isolated", rows, n_tok)];
    const { price, next: after } = await idealUnit;
    const steps = [...chain.steps.values()];
    let split = (await at.split) ?? false;
    if (run && replayed) {
      const agreements = await splits(o, rows, steps);
      const last = `layers.${u.layer}.output`;
      const grown = steps.flatMap((s) => {
        const v = replayed.get(s.site);
        const place = { layer: layerOf(s.site), last: s.site === last };
        if (v) {
          const oracles = agreements(s.site);
          const mine = accumulatedRows(v, s, split ? undefined : price.get(s.site), place, oracles);
          split ||= Object.values(oracles ?? {}).some((a) => !a.agree);
          return mine;
        }
        const missing = {
          call: s.call,
          mode: "accumulated",
          layer: place.layer,
          case: null,
          site: s.site,
        } as const;
        return errorRows(missing, `the engine has no tap ${s.site}`);
      });
      divergences.push(firstDivergence("accumulated", grown, n_tok, tokensOf(o, grown, replayed)));
      rows.push(...grown, ...strangers(chain, run));
    } else if (engineErrors.length > 0) {
      const s = steps[steps.length - 1];
      const place = { call: s.call, mode: "accumulated", layer: u.layer, case: null, site: s.site } as const;
      rows.push(...errorRows(place, engineErrors[0]));
    }
    return { rows, divergences: divergences.filter((d) => d !== null), ideal: after, split };
  }
}

/** Walks the unit on the engine's own tensors and judges each step. */
async function replay(
  o: ModelOptions,
  u: Unit,
  at: Streams,
  run: RunLayersResult,
): Promise<Map<string, StepVerdict>> {
  const taps = new Map(run.taps.map((t) => [t.name, t]));
  const verdicts = new Map<string, StepVerdict>();
  const ops = await opsByName();
  const ex = new ReplayChain(
    (call, site) => tapsOf(call, site, taps),
    async (call, site, native) => {
      o.signal?.throwIfAborted();
      if (native === null) return (await runFaithful(call)).out;
      // a damaged guard belongs to the run: the last step carries it
      const damage = site === `layers.${u.layer}.output` ? run.damage : [];
      const v = await judgeStep(call, site, native, taps ?? noTaps, damage, ops);
      verdicts.set(site, v);
      return v.faithful;
    },
  );
  await runUnit(o.config, o.weights, faithful, ex, u, o.prompt, at.native);
  return verdicts;
}

/** What the launch at `site` did: a call of the model, or a fusion of several, which its taps name. */
function launchedAt(
  op: OpDecl | undefined,
  site: string,
  taps: readonly Tap[],
  replayed: ReadonlyMap<string, StepVerdict> | null,
): Pick<ProfilePlace, "op" | "work"> | null {
  if (!op?.parts) {
    const call = replayed?.get(site)?.call;
    return call ? ofCall(call) : null;
  }
  const names = new Set(taps.filter((t) => t.site === site).map((t) => t.name));
  const calls = [...(replayed?.values() ?? [])]
    .filter((v) => Object.keys(v.call.op.out).some((k) => names.has(tapName(v.call.op, v.site, k))))
    .map((v) => v.call);
  const parts: Call[] = [];
  for (const part of op.parts) {
    const i = calls.findIndex((c) => c.op.name === part.op.name);
    if (i < 0) return null;
    parts.push(...calls.splice(i, 1));
  }
  return { op, work: workOfParts(op, parts) };
}

const decisionOf = (replayed: ReadonlyMap<string, StepVerdict>, site: string): Tensors | undefined => {
  const v = replayed.get(site);
  return v?.legal ? v.native : undefined;
};

/** Agreement of the oracles by site: from the isolated rows, or computed where that mode does not run. */
async function splits(
  o: ModelOptions,
  isolated: readonly Row[],
  steps: readonly Step[],
): Promise<(site: string) => Readonly<Record<string, Agreement>> | null> {
  const by = new Map<string, Record<string, Agreement>>();
  if (o.modes.includes("isolated")) {
    const rows = new Map(isolated.map((r) => [r.site, r]));
    for (const s of steps) {
      const found: Record<string, Agreement> = {};
      for (const output of Object.keys(s.call.op.out)) {
        const a = rows.get(tapName(s.call.op, s.site, output))?.oracles;
        if (a) found[output] = a;
      }
      by.set(s.site, found);
    }
  } else
    for (const s of steps) {
      const second = await o.opinions.second(s.call, s.out);
      if (second.oracles) by.set(s.site, second.oracles);
    }
  return (site) => by.get(site) ?? null;
}

/** First token of each failing step, on the engine's own inputs. */
function tokensOf(
  o: ModelOptions,
  rows: readonly Row[],
  replayed: ReadonlyMap<string, StepVerdict>,
): Map<string, number | null> {
  const failed = new Set(rows.filter((r) => r.status === "FAIL").map((r) => r.site));
  const tokens = new Map<string, number | null>();
  for (const v of replayed.values())
    for (const [output, decl] of Object.entries(v.call.op.out)) {
      const site = tapName(v.call.op, v.site, output);
      if (!failed.has(site)) continue;
      const freedom = freedomOf(decl, v.call.s);
      tokens.set(site, firstToken(v.native[output], v.faithful[output], freedom, o.prompt.ids.shape[0]));
    }
  return tokens;
}

/** Taps of the engine that the model does not have: a launch that nobody compared. */
function strangers(chain: ExactChain, run: RunLayersResult): Row[] {
  const known = new Set(
    [...chain.steps.values()].flatMap((s) =>
      Object.keys(s.call.op.out).map((k) => tapName(s.call.op, s.site, k)),
    ),
  );
  const some = [...chain.steps.values()][0];
  return run.taps
    .filter((t) => !known.has(t.name))
    .flatMap((t) =>
      errorRows(
        { call: some.call, mode: "accumulated", layer: null, case: null, site: `${t.name} (unknown)` },
        `the engine has a tap ${t.name} of op ${t.op}, which the model does not call`,
      ),
    );
}

/** Ops that a unit of the model calls, found by asking the composition. */
export const opsOf = (steps: ReadonlyMap<string, Step>): OpDecl[] => [
  ...new Set([...steps.values()].map((s) => s.call.op)),
];
