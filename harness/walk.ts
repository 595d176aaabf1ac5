/** The model's part of a run: checkpoint, engine, and the walk over layers. */
import { ensureCheckpoint } from "../fixtures/checkpoint.ts";
import { openCheckpoint } from "../fixtures/reader.ts";
import { syntheticStreams } from "../fixtures/streams.ts";
import { chosenExperts } from "./experts.ts";
import { runEngine, verifyUnit, type ModelOptions, type Streams, type UnitRun } from "./model_run.ts";
import type { ThreadOpinions } from "./opinions_thread.ts";
import { isWide, type ModelPlan } from "./plan.ts";
import { unitKey, type Session } from "./session.ts";
import { loadState, saveState, type Saved } from "./state.ts";

export async function runModel(s: Session, p: ModelPlan, opinions: ThreadOpinions): Promise<void> {
  const c = p.config.config;
  const whole = p.units.some((u) => u.embed || u.tail);
  const layers = p.units.map((u) => u.layer);
  let t0 = performance.now();
  const experts = isWide(c) && !whole ? await few(s, p) : undefined;
  const dir = ensureCheckpoint({
    config: p.config,
    ...(experts ? { experts } : {}),
    seed: s.args.seed,
    layers: whole ? [...layers, ...Array.from({ length: c.n_mtp }, (_, i) => c.n_layer + i)] : layers,
    top: whole,
    onProgress: (t) => s.progress.show(t),
  });
  s.phase("checkpoint", t0);
  t0 = performance.now();
  const checkpoint = openCheckpoint(dir);
  await opinions.open(dir);
  const { native, signal } = s;
  const variant = s.variant ? { variant: s.variant } : {};
  const accumulated = p.modes.includes("accumulated");
  const engine = accumulated
    ? await native.openEngine({ dir, device: s.args.device, signal, ...variant })
    : null;
  s.phase("load", t0);
  const o: ModelOptions = {
    native,
    signal,
    engine,
    config: c,
    weights: checkpoint.weights,
    modes: p.modes,
    prompt: p.prompt,
    device: s.args.device,
    ...variant,
    opinions,
    onProfile: (r) => s.store.append(r),
  };
  t0 = performance.now();
  try {
    await walk(s, p, o);
  } finally {
    s.phase("run", t0);
    await engine?.close();
    checkpoint.close();
  }
}

/** Experts that the tokens choose, for layers too large to write whole. */
async function few(s: Session, p: ModelPlan): Promise<Record<string, number[]>> {
  s.progress.show("asking the router which experts are needed");
  const x = fresh(p, p.units[0].layer, s.args.seed).faithful;
  return chosenExperts(p.config.config, s.args.seed, p.units, p.prompt, x);
}

/** Unit by unit; the engine is one unit ahead of the oracles. */
async function walk(s: Session, p: ModelPlan, o: ModelOptions): Promise<void> {
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
    if (!o.engine || k >= units.length) return null;
    const run = runEngine(o, units[k], x);
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
