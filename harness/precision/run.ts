/** Runs the choices over threads and measures each against the ideal chain. */
import type { ModelConfig } from "../../oracle/config.ts";
import { CHOICES, IDEAL, SHIPPED, type Choice } from "./choices.ts";
import { growthOf } from "./growth.ts";
import { measureLayer, measureLogits } from "./measure.ts";
import { placeGap } from "./places.ts";
import type { ChoiceRow, PlaceRow, PrecisionRecord } from "./record.ts";
import { ChainThread, type ChainFound } from "./thread.ts";

export interface PrecisionPlan {
  readonly name: string;
  /** The model as it runs: with its context scaled to the prompt. */
  readonly config: ModelConfig;
  readonly n_tok: number;
  readonly seed: number;
  readonly layers: number;
  readonly choices: readonly Choice[];
  readonly jobs: number;
}

export interface Findings {
  readonly choices: readonly ChoiceRow[];
  readonly shipped: PrecisionRecord["shipped"];
  readonly ideal_rms: readonly number[];
  readonly unfinished: readonly string[];
}

/** Chains that need the ideal one's calibration come last, so that nobody waits for it; the shipped one, thrice as long, first. */
const inOrder = (choices: readonly Choice[]): Choice[] => {
  const late = (c: Choice): number => (c.id === SHIPPED.id ? 0 : c.experts.op === "nvfp4" ? 2 : 1);
  return [...choices].sort((a, b) => late(a) - late(b));
};

/** What a chain does between messages, for the progress line. */
type Watch = (title: string, layer: number, done: number, of: number) => void;

/** On an abort the choices that are through are kept. */
export async function measureChoices(p: PrecisionPlan, signal: AbortSignal, watch: Watch): Promise<Findings> {
  const queue = [IDEAL, ...inOrder(p.choices)];
  const of = queue.length * p.layers;
  let done = 0;
  const rows = new Map<string, ChoiceRow>();
  let shipped: PrecisionRecord["shipped"] = null;
  let [haveIdeal, failIdeal]: [(f: ChainFound) => void, (e: unknown) => void] = [
    () => undefined,
    () => undefined,
  ];
  const ideal = new Promise<ChainFound>((ok, fail) => ([haveIdeal, failIdeal] = [ok, fail]));
  ideal.catch(() => undefined); // whoever awaits it hears of it

  const threads = Array.from({ length: Math.min(p.jobs, queue.length) }, () => new ChainThread());
  const stop = (): void => threads.forEach((t) => void t.close(new Error("interrupted")));
  signal.addEventListener("abort", stop);
  const work = async (thread: ChainThread): Promise<void> => {
    for (let choice = queue.shift(); choice !== undefined; choice = queue.shift()) {
      const { title, experts } = choice;
      const calibration = experts.op === "nvfp4" ? (await ideal).layers.map((l) => l.taps.calibration) : null;
      const job = { config: p.name, n_tok: p.n_tok, seed: p.seed, layers: p.layers, choice, calibration };
      const found = await thread.run(job, (layer) => watch(title, layer, ++done, of));
      if (choice.id === IDEAL.id) haveIdeal(found);
      else {
        rows.set(choice.id, choiceRow(p, choice, found, await ideal));
        if (choice.id === SHIPPED.id) shipped = shippedOf(found, await ideal);
      }
    }
  };
  try {
    await Promise.all(threads.map(work));
  } catch (e) {
    failIdeal(e);
    if (!signal.aborted) throw e;
  } finally {
    signal.removeEventListener("abort", stop);
    await Promise.all(threads.map((t) => t.close()));
  }
  const asked = new Set(p.choices.map((c) => c.id));
  return {
    choices: CHOICES.flatMap((c) => rows.get(c.id) ?? []),
    shipped,
    ideal_rms: rows.size === 0 ? [] : (await ideal).layers.map((l) => rms(l.taps.streams)),
    unfinished: CHOICES.filter((c) => asked.has(c.id) && !rows.has(c.id)).map((c) => c.id),
  };
}

const rms = (x: Float64Array): number => Math.sqrt(x.reduce((a, v) => a + v * v, 0) / x.length);

function choiceRow(p: PrecisionPlan, c: Choice, x: ChainFound, ideal: ChainFound): ChoiceRow {
  const layers = x.layers.map(({ layer, taps }) => ({
    layer,
    ...measureLayer(taps, ideal.layers[layer].taps, {
      n_tok: p.n_tok,
      hc: p.config.hc,
      ratio: p.config.layers[layer].ratio,
    }),
  }));
  return {
    id: c.id,
    title: c.title,
    what: c.what,
    kind: c.kind,
    layers,
    logits: measureLogits(x.logits, ideal.logits, p.n_tok),
    growth: growthOf(layers.map((l) => l.streams.rel_l2)),
    seconds: x.seconds,
  };
}

/** Op by op and layer by layer. */
function shippedOf(x: ChainFound, ideal: ChainFound): NonNullable<PrecisionRecord["shipped"]> {
  const seen = new Map<string, { op: string; gaps: { layer: number; rel_l2: number; cosine: number }[] }>();
  for (const { layer, isolated } of x.layers)
    for (const { name, op, gap } of isolated ?? []) {
      const entry = seen.get(name) ?? seen.set(name, { op, gaps: [] }).get(name)!;
      entry.gaps.push({ layer, ...gap });
    }
  const accumulated = new Map<string, PlaceRow["accumulated"]>();
  for (const { layer, places } of x.layers)
    for (const mine of places ?? []) {
      const theirs = ideal.layers[layer].places?.find((q) => q.name === mine.name);
      const gap = theirs && placeGap(mine, theirs);
      accumulated.set(mine.name, gap ? { layer, ...gap } : null);
    }
  const places = [...seen].map(([name, { op, gaps }]): PlaceRow => {
    const mean = (of: (g: (typeof gaps)[number]) => number): number =>
      gaps.reduce((a, g) => a + of(g), 0) / gaps.length;
    const worst = gaps.reduce((a, g) => (g.cosine < a.cosine ? g : a));
    return {
      name,
      op,
      layers: gaps.length,
      isolated: {
        rel_l2: mean((g) => g.rel_l2),
        cosine: mean((g) => g.cosine),
        worst: { layer: worst.layer, cosine: worst.cosine },
      },
      accumulated: accumulated.get(name) ?? null,
    };
  });
  return { id: SHIPPED.id, own: x.layers.map((l) => l.own!), places };
}
