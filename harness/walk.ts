/** The model's part of a run: checkpoint, engine, and the walk over layers. */
import { ensureCheckpoint } from "../fixtures/checkpoint.ts";
import { openCheckpoint, type Checkpoint } from "../fixtures/reader.ts";
import { syntheticStreams } from "../fixtures/streams.ts";
import type { Weights } from "../oracle/weights.ts";
import type { Unit } from "./chains.ts";
import { chosenExperts } from "./experts.ts";
import { runEngine, verifyUnit, type ModelOptions, type Streams, type UnitRun } from "./model_run.ts";
import { MissingExperts, type EngineHandle, type RunLayersResult } from "./native.ts";
import type { ThreadOpinions } from "./opinions_thread.ts";
import { isWide, type ModelPlan } from "./plan.ts";
import { unitKey, type Session } from "./session.ts";
import { loadState, saveState, type Saved } from "./state.ts";

type Experts = Readonly<Record<string, readonly number[]>>;

/**
 * Checkpoint and engine of a run. On disk are, of layers too large to write whole, the experts that tokens choose: the faithful
 * router's choice before the run, and what the engine's own router chose differently when it gets there.
 */
class Model {
  /** The last one is the whole of it; oracles may still be reading the ones before. */
  private readonly checkpoints: Checkpoint[] = [];
  engine: EngineHandle | null = null;
  private readonly s: Session;
  private readonly p: ModelPlan;
  private readonly opinions: ThreadOpinions;
  private experts: Experts | null;

  /** `experts`: those to write, by layer; null for all. */
  constructor(s: Session, p: ModelPlan, opinions: ThreadOpinions, experts: Experts | null) {
    this.s = s;
    this.p = p;
    this.opinions = opinions;
    this.experts = experts;
  }

  get weights(): Weights {
    const last = this.checkpoints.at(-1);
    if (!last) throw new Error("checkpoint: expected an open one, got none");
    return last.weights;
  }

  async open(): Promise<void> {
    const { s, p } = this;
    const c = p.config.config;
    const whole = p.units.some((u) => u.embed || u.tail);
    const layers = p.units.map((u) => u.layer);
    let t0 = performance.now();
    const dir = ensureCheckpoint({
      config: p.config,
      ...(this.experts ? { experts: this.experts } : {}),
      seed: s.args.seed,
      layers: whole ? [...layers, ...Array.from({ length: c.n_mtp }, (_, i) => c.n_layer + i)] : layers,
      top: whole,
      onProgress: (t) => s.progress.show(t),
    });
    s.phase("checkpoint", t0);
    t0 = performance.now();
    this.checkpoints.push(openCheckpoint(dir));
    await this.opinions.open(dir);
    if (p.modes.includes("accumulated"))
      this.engine = await s.native.openEngine({
        dir,
        device: s.args.device,
        signal: s.signal,
        ...(s.variant ? { variant: s.variant } : {}),
      });
    s.phase("load", t0);
  }

  /** Runs a unit on the engine; experts that it asks for and the checkpoint lacks are written, and it runs again. */
  async run(o: ModelOptions, u: Unit, x: Streams["native"]): Promise<RunLayersResult> {
    for (;;)
      try {
        return await runEngine(o, u, x);
      } catch (e) {
        if (!this.experts || !(e instanceof MissingExperts)) throw e;
        await this.engine?.close();
        this.experts = { ...this.experts, [e.layer]: [...(this.experts[e.layer] ?? []), ...e.ids] };
        await this.open();
      }
  }

  async close(): Promise<void> {
    await this.engine?.close();
    for (const c of this.checkpoints) c.close();
  }
}

export async function runModel(s: Session, p: ModelPlan, opinions: ThreadOpinions): Promise<void> {
  const c = p.config.config;
  const whole = p.units.some((u) => u.embed || u.tail);
  const model = new Model(s, p, opinions, isWide(c) && !whole ? await few(s, p) : null);
  try {
    await model.open();
    const o: ModelOptions = {
      native: s.native,
      signal: s.signal,
      get engine() {
        return model.engine;
      },
      config: c,
      get weights() {
        return model.weights;
      },
      modes: p.modes,
      prompt: p.prompt,
      device: s.args.device,
      ...(s.variant ? { variant: s.variant } : {}),
      opinions,
      onProfile: (r) => s.store.append(r),
    };
    const t0 = performance.now();
    await walk(s, p, o, model).finally(() => s.phase("run", t0));
  } finally {
    await model.close();
  }
}

/** Experts that the tokens choose, for layers too large to write whole. */
async function few(s: Session, p: ModelPlan): Promise<Record<string, number[]>> {
  const t0 = performance.now();
  s.progress.show("asking the router which experts are needed");
  const x = fresh(p, p.units[0].layer, s.args.seed).faithful;
  const experts = await chosenExperts(p.config.config, s.args.seed, p.units, p.prompt, x);
  s.phase("checkpoint", t0);
  return experts;
}

/** Unit by unit; the engine is one unit ahead of the oracles. */
async function walk(s: Session, p: ModelPlan, o: ModelOptions, model: Model): Promise<void> {
  const { units } = p;
  const start = units.findIndex((u) => !s.done.has(unitKey(u)));
  if (start < 0) return;
  const first = units[start];
  let streams: Streams =
    start > 0
      ? resumed(loadState(s.store.dir, units[start - 1].layer))
      : first.embed
        ? { native: null, faithful: null, ideal: null }
        : fresh(p, first.layer, s.args.seed);
  const go = (k: number, x: Streams["native"]): ReturnType<typeof runEngine> | null => {
    if (!p.modes.includes("accumulated") || k >= units.length) return null;
    const run = model.run(o, units[k], x);
    run.catch(() => undefined); // awaited by verifyUnit
    return run;
  };
  const keep = async (k: number, r: UnitRun, t0: number): Promise<void> => {
    const { rows, divergences, ideal, split } = await r.result;
    for (const row of rows) s.store.append(row);
    for (const d of divergences) s.store.append(d);
    saveState(s.store.dir, units[k].layer, {
      native: r.native ?? r.faithful,
      faithful: r.faithful,
      ideal,
      split,
    });
    s.store.append({ kind: "done", key: unitKey(units[k]), ms: performance.now() - t0 });
  };
  let ahead = go(start, streams.native);
  let pending: Promise<void> = Promise.resolve();
  for (let k = start; k < units.length; k++) {
    const u = units[k];
    s.signal.throwIfAborted();
    s.progress.show(`layer ${u.layer} (${k + 1} of ${units.length})`);
    const t0 = performance.now();
    const shape = [p.prompt.ids.shape[0], o.config.hc, o.config.d_model];
    // in an object: a promise that gives a promise would wait for it
    const next = ahead?.then(
      (r) => ({ run: go(k + 1, { dtype: "bf16", shape, data: r.x }) }),
      () => null,
    );
    const unit = await verifyUnit(o, u, streams, ahead);
    // where the engine could not run a layer, the next one starts from the faithful streams
    const native = unit.native ?? unit.faithful;
    const started = await next;
    ahead = started ? started.run : go(k + 1, native);
    const split = unit.result.then((r) => r.split);
    split.catch(() => undefined); // what `keep` throws, said once
    streams = { native, faithful: unit.faithful, ideal: "carry", split };
    await pending;
    pending = keep(k, unit, t0);
    pending.catch(() => undefined); // awaited in the next round
  }
  await pending;
}

const resumed = (s: Saved): Streams => ({ ...s, split: Promise.resolve(s.split) });

function fresh(p: ModelPlan, layer: number, seed: number): Streams {
  const { x } = syntheticStreams(p.config.config, layer, p.prompt.ids.shape[0], seed);
  return { native: x, faithful: x, ideal: x };
}
