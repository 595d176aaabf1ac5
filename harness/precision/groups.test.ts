/** Groups of rounding points: together the faithful policy bit for bit, none of them the ideal one, and each point in one group. */
import { expect, test } from "vitest";
import { loadConfig } from "../../fixtures/configs.ts";
import { syntheticWeights } from "../../fixtures/reader.ts";
import { syntheticStreams } from "../../fixtures/streams.ts";
import { DTYPES, type OpDecl } from "../../kernels/schema.ts";
import { Ctx } from "../../oracle/context.ts";
import { formatsOf, GROUPS, roundOnly, tableRounding, type Group, type Policy } from "../../oracle/groups.ts";
import { block, emptyState, head } from "../../oracle/model.ts";
import { faithful, ideal, values } from "../../oracle/num/index.ts";
import type { Rounding } from "../../oracle/op.ts";
import type { Tensor } from "../../oracle/tensor.ts";
import { freqTable } from "../chains.ts";
import { PolicyChain } from "./chain.ts";

const N_TOK = 12;

/** Every output of a block and of the head, by site and output. */
async function taps(
  format: "mxfp4" | "nvfp4",
  layer: number,
  policy: Policy,
  table: Rounding,
): Promise<{ out: Map<string, Tensor>; calls: [OpDecl, string][] }> {
  const { config } = loadConfig("mini", format);
  const { x, ids } = syntheticStreams(config, layer, N_TOK, 0);
  const out = new Map<string, Tensor>();
  const calls: [OpDecl, string][] = [];
  const ex = new PolicyChain(
    policy,
    () => undefined,
    (step) => {
      calls.push([step.call.op, step.site]);
      for (const [name, y] of Object.entries(step.out)) out.set(`${step.site}.${name}`, y);
    },
  );
  const c = new Ctx(config, syntheticWeights(config, 0), ex, freqTable(config, table));
  const kind = config.layers[layer];
  const [y] = await block(c.at(`layers.${layer}.`), kind, x, { ids, pos0: 0 }, emptyState());
  await head(c, y);
  return { out, calls };
}

const ALL: ReadonlySet<Group> = new Set(GROUPS);

test.each([
  ["mxfp4", 2], // CSA, hash routed
  ["mxfp4", 3], // HCA, scored
  ["nvfp4", 4],
] as const)(
  "%s layer %i: all groups are the faithful policy bit for bit, none the ideal",
  async (format, layer) => {
    const want = await taps(format, layer, () => faithful, faithful);
    const got = await taps(format, layer, roundOnly(ALL), tableRounding(ALL));
    expect([...got.out.keys()]).toEqual([...want.out.keys()]);
    for (const [site, y] of want.out) {
      expect(got.out.get(site)!.dtype, site).toBe(y.dtype);
      expect(got.out.get(site)!.data, site).toEqual(y.data);
    }
    const none = await taps(format, layer, roundOnly(new Set()), tableRounding(new Set()));
    const exact = await taps(format, layer, () => ideal, ideal);
    for (const [site, y] of exact.out) expect(none.out.get(site)!.data, site).toEqual(y.data);
    // the two differ, or nothing above could have failed
    expect(want.out.get(`layers.${layer}.output.y`)!.data).not.toEqual(
      exact.out.get(`layers.${layer}.output.y`)!.data,
    );

    for (const [op, site] of want.calls) {
      const parts = GROUPS.map((g) => formatsOf(op, site, new Set([g])));
      const points = parts.flatMap((p) => [...p]);
      expect(points.toSorted(), `${op.name} at ${site}`).toEqual([...DTYPES].toSorted());
    }
    // and every group has a point somewhere in a layer, but for the indexer's in a layer without one
    const used = GROUPS.filter((g) =>
      want.calls.some(([op, site]) => formatsOf(op, site, new Set([g])).size > 0),
    );
    expect(used).toEqual(GROUPS.filter((g) => g !== "index" || layer !== 3));
  },
);

test("one group rounds its own values and leaves the others exact", async () => {
  const { out } = await taps(
    "mxfp4",
    4,
    roundOnly(new Set<Group>(["kv"])),
    tableRounding(new Set<Group>(["kv"])),
  );
  const exact = (await taps("mxfp4", 4, () => ideal, ideal)).out;
  const site = (name: string): string => `layers.4.${name}`;
  for (const before of ["attn.kv_rope.y", "attn.q.y", "attn.compressor.rope.y"])
    expect(out.get(site(before))!.data).toEqual(exact.get(site(before))!.data);
  const kv = out.get(site("attn.kv.y"))!;
  expect(kv.dtype).toBe("bf16");
  expect(values(kv)).not.toEqual(values(exact.get(site("attn.kv.y"))!));
  expect(out.get(site("attn.core.o"))!.dtype).toBe("f64");
  expect(values(out.get(site("attn.core.o"))!)).not.toEqual(values(exact.get(site("attn.core.o"))!));
});
