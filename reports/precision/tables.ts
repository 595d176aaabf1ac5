/** What the reports of a precision record show, computed once: a line a choice, a line an op, and the error of layers added up. */
import type { ChoiceRow, PlaceRow, PrecisionRecord } from "../../harness/precision/record.ts";

export interface ChoiceLine {
  readonly id: string;
  readonly title: string;
  readonly what: string;
  readonly kind: ChoiceRow["kind"];
  /** Streams after the last layer. */
  readonly rel_l2: number;
  readonly cosine: number;
  readonly by_stream: readonly number[];
  readonly worst_token: { readonly token: number; readonly rel_l2: number };
  readonly collapsed: number;
  /** In the last layer that routes by score, and in the last with an indexer. */
  readonly router_flips: number | null;
  readonly topk_overlap: number | null;
  readonly kl_mean: number;
  readonly kl_worst: number;
  readonly top1_agreement: number;
  readonly growth: ChoiceRow["growth"];
  readonly seconds: number;
}

const last = <T>(list: readonly (T | null)[]): T | null => list.findLast((x) => x !== null) ?? null;

/** Shipped formats first, then what costs most. */
export function choiceLines(r: PrecisionRecord): ChoiceLine[] {
  const lines = r.choices.map((c): ChoiceLine => {
    const end = c.layers[c.layers.length - 1];
    return {
      id: c.id,
      title: c.title,
      what: c.what,
      kind: c.kind,
      rel_l2: end.streams.rel_l2,
      cosine: end.streams.cosine,
      by_stream: end.streams.by_stream,
      worst_token: end.streams.worst_token,
      collapsed: end.collapsed.rel_l2,
      router_flips: last(c.layers.map((l) => l.router_flips)),
      topk_overlap: last(c.layers.map((l) => l.topk_overlap)),
      kl_mean: c.logits.kl_mean,
      kl_worst: c.logits.kl_worst,
      top1_agreement: c.logits.top1_agreement,
      growth: c.growth,
      seconds: c.seconds,
    };
  });
  const first = (l: ChoiceLine): number => (l.kind === "shipped" ? 0 : 1);
  return lines.sort((a, b) => first(a) - first(b) || b.rel_l2 - a.rel_l2);
}

export interface OpLine {
  readonly op: string;
  readonly places: number;
  /** Mean over places and layers. */
  readonly isolated: number;
  readonly isolated_worst: { readonly cosine: number; readonly place: string; readonly layer: number };
  /** Lowest over the op's places in the last layer. */
  readonly accumulated: { readonly cosine: number; readonly place: string; readonly layer: number } | null;
}

/** The shipped ops, what costs most by itself first. */
export function opLines(r: PrecisionRecord): OpLine[] {
  const by = new Map<string, PlaceRow[]>();
  for (const p of r.shipped?.places ?? []) by.set(p.op, [...(by.get(p.op) ?? []), p]);
  return [...by]
    .map(([op, places]): OpLine => {
      const calls = places.reduce((n, p) => n + p.layers, 0);
      const worst = places.reduce((a, b) => (b.isolated.worst.cosine < a.isolated.worst.cosine ? b : a));
      const ends = places.flatMap((p) => (p.accumulated ? [{ place: p.name, ...p.accumulated }] : []));
      const end = ends.length === 0 ? null : ends.reduce((a, b) => (b.cosine < a.cosine ? b : a));
      return {
        op,
        places: places.length,
        isolated: places.reduce((a, p) => a + p.isolated.cosine * p.layers, 0) / calls,
        isolated_worst: { place: worst.name, ...worst.isolated.worst },
        accumulated: end && { cosine: end.cosine, place: end.place, layer: end.layer },
      };
    })
    .sort((a, b) => a.isolated - b.isolated);
}

export interface Compounding {
  readonly layers: readonly number[];
  /** Relative L2 of the streams: each layer's own error on the chain's inputs. */
  readonly own: readonly number[];
  /** What there would be if own errors were unrelated, stayed in the streams and nothing amplified them. */
  readonly added: readonly number[];
  readonly accumulated: readonly number[];
}

/** The shipped chain's error, and how much of it its layers made themselves; null where that chain did not finish. */
export function compounding(r: PrecisionRecord): Compounding | null {
  const chain = r.choices.find((c) => c.id === r.shipped?.id);
  if (!r.shipped || !chain) return null;
  const own = r.shipped.own.map((g) => g.rel_l2);
  let squares = 0;
  const added = own.map((e, i) => {
    squares += (e * r.ideal_rms[i]) ** 2;
    return Math.sqrt(squares) / r.ideal_rms[i];
  });
  return {
    layers: chain.layers.map((l) => l.layer),
    own,
    added,
    accumulated: chain.layers.map((l) => l.streams.rel_l2),
  };
}

export const cos = (x: number | null): string => (x === null ? "–" : x.toFixed(5));
const share = (x: number): string => `${Math.round(100 * x)} %`;

/** The run in a sentence or two. */
export function headline(r: PrecisionRecord): string {
  const lines = choiceLines(r);
  if (lines.length === 0) return "No choice was measured.";
  const ops = opLines(r);
  const shipped = lines.find((l) => l.id === r.shipped?.id);
  const dearest = lines.find((l) => l.kind === "axis");
  const parts: string[] = [];
  if (shipped && ops.length > 0) {
    const flips =
      shipped.router_flips === null
        ? ""
        : `, ${share(shipped.router_flips)} of the tokens go to other experts`;
    parts.push(
      `As shipped, every kind of op by itself keeps a cosine of ${cos(ops[0].isolated)} or better; after ${r.layers.length} layers the streams keep ${cos(shipped.cosine)}${flips} and ${share(1 - shipped.top1_agreement)} of the next tokens are others.`,
    );
  }
  if (dearest)
    parts.push(
      `The dearest single format is ${dearest.title}: relative L2 ${dearest.rel_l2.toPrecision(2)} at the end by itself.`,
    );
  return parts.join(" ");
}
