/** What `pnpm precision` leaves behind: one JSON document, from which every report is made. */
import { z } from "zod";
import { environmentSchema } from "../result.ts";
import { count, num } from "../result_row.ts";

const gap = z.object({ rel_l2: num, cosine: num });

const layer = z.object({
  layer: count,
  streams: gap.extend({
    by_stream: z.array(num),
    worst_token: z.object({ token: count, rel_l2: num }),
  }),
  /** The vectors that attention and the experts get, before their norms. */
  collapsed: gap,
  /** Share of tokens with another set of experts; null where token ids decide. */
  router_flips: num.nullable(),
  /** Share of the indexer's choices in common; null in layers without an indexer, or where no token had a choice. */
  topk_overlap: num.nullable(),
});
export type LayerRow = z.infer<typeof layer>;

const choice = z.object({
  id: z.string(),
  title: z.string(),
  what: z.string(),
  kind: z.enum(["axis", "what-if", "shipped"]),
  layers: z.array(layer),
  logits: z.object({ kl_mean: num, kl_worst: num, top1_agreement: num, rel_l2: num }),
  /** Fit of log relative L2 of the streams against the layer: the factor a layer, over layers first .. last. */
  growth: z.object({ factor: num, first: count, last: count, r2: num }).nullable(),
  seconds: num,
});
export type ChoiceRow = z.infer<typeof choice>;

const place = z.object({
  name: z.string(),
  op: z.string(),
  /** Layers that have the place. */
  layers: count,
  /** The op alone, on the chain's inputs: mean over layers, and the worst. */
  isolated: gap.extend({ worst: z.object({ layer: count, cosine: num }) }),
  /** The chain against the ideal chain, in the last layer that has the place; null where no row is in both. */
  accumulated: gap.extend({ layer: count }).nullable(),
});
export type PlaceRow = z.infer<typeof place>;

export const precisionSchema = z.object({
  kind: z.literal("precision"),
  schema: z.literal(1),
  started: z.string(),
  command: z.string(),
  config: z.string(),
  tokens: count,
  seed: count,
  /** Kind of each layer that ran. */
  layers: z.array(z.enum(["swa", "csa", "hca"])),
  context: z.object({ scaled: z.boolean(), window: count, hca_ratio: count.nullable(), index_topk: count }),
  /** What was done, sentence by sentence. */
  method: z.array(z.string()),
  /** Root mean square of the ideal chain's streams after each layer. */
  ideal_rms: z.array(num),
  choices: z.array(choice),
  /** The shipped formats op by op and layer by layer; null where that chain did not finish. */
  shipped: z
    .object({
      id: z.string(),
      /** Each layer alone: its own error on the streams that the chain gave it. */
      own: z.array(gap),
      places: z.array(place),
    })
    .nullable(),
  /** Ids of choices that an interrupt cut off. */
  unfinished: z.array(z.string()),
  wall_s: num,
  environment: environmentSchema,
});
export type PrecisionRecord = z.infer<typeof precisionSchema>;

export const encodePrecision = (r: PrecisionRecord): string =>
  `${JSON.stringify(r, (_, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v), 1)}\n`;

/** Parses a record. `where` names it in errors; throws one sentence when it is none. */
export function decodePrecision(text: string, where: string): PrecisionRecord {
  const parsed = precisionSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`${where}: expected a precision record, got ${issue.path.join(".")}: ${issue.message}`);
}
